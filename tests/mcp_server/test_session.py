"""A real client session over stdio: an agent's view of the tools."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from embedscope.datasets import example_files
from embedscope.transforms.repair import Repair

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="needs the extra mcp")  # a second to import


def _folder(path: Path) -> Path:
    """A folder with vectors that have a narrow cone, and copies."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8)) + 4
    x[:20] = x[0]
    path.mkdir()
    np.save(path / "x.npy", x)
    example_files(path)
    return path


async def _session(folder: Path) -> dict[str, object]:
    """Every call of the test in one session; the answers by name."""
    from mcp import ClientSession, StdioServerParameters, stdio_client

    how = StdioServerParameters(
        command=sys.executable, args=["-m", "embedscope", "mcp"], cwd=str(folder), env=dict(os.environ)
    )
    said: dict[str, object] = {}
    async with stdio_client(how) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        said["tools"] = {tool.name: tool for tool in (await session.list_tools()).tools}

        async def call(key: str, tool: str, **arguments: object) -> None:
            answer = await session.call_tool(tool, arguments)
            said[key] = ("error" if answer.is_error else "ok", answer.content[0].text)

        await call("measure", "measure", source="x.npy", metrics="self_similarity,mean_norm", save="base.json")
        await call("diagnose", "diagnose", source="x.npy")
        await call("check", "check", baseline="base.json", source="x.npy")
        await call("list", "list", what="metrics")
        sides = ["images.npy", "texts.npy"]
        await call("repair", "repair", out="pair.safetensors", pair=sides, objective="mixed", save="repair.json")
        await call("kept", "repair", out="none.safetensors", source="x.npy", candidates="center")
        await call("apply", "apply", repair="pair.safetensors", source="images.npy", out="new.npy", kind="image")
        await call("apply out", "apply", repair="pair.safetensors", source="x.npy", out="/tmp/new.npy", kind="image")
        await call("outside", "measure", source="x.npy", metrics="mean_norm", save="../outside.json")
        await call("absolute", "measure", source="x.npy", metrics="mean_norm", save=str(folder.parent / "b.json"))
        await call("link", "measure", source="x.npy", metrics="mean_norm", save="away/c.json")
        await call("input", "measure", source="none.npy")
        await call("unknown", "measure", source="x.npy", metrics="isoscor")
    return said


def test_an_agent_measures_diagnoses_and_checks_and_writes_nothing_outside(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "work")
    (tmp_path / "other").mkdir()
    (folder / "away").symlink_to(tmp_path / "other")
    said = asyncio.run(_session(folder))
    verbs = {"measure", "diagnose", "check", "evaluate", "repair", "apply", "export", "analogy", "list", "report"}
    assert set(said["tools"]) == verbs
    assert all(len(tool.description) > 40 for tool in said["tools"].values())
    status, text = said["measure"]
    unit = (x := np.load(folder / "x.npy")) / np.linalg.norm(x, axis=1, keepdims=True)
    n = len(unit)
    cosine = (np.square(unit.sum(axis=0)).sum() - n) / (n * (n - 1))
    assert status == "ok"
    assert f"self_similarity {cosine:.4g} [" in text
    assert (folder / "base.json").is_file()
    assert "duplicates" in said["diagnose"][1]
    assert said["check"][0] == "ok"
    assert "No drift" in said["check"][1]
    assert "isoscore" in said["list"][1]
    assert said["repair"][1].startswith("written: pair.safetensors\n")
    assert said["kept"][1].startswith("kept the original; none.safetensors is not written")
    assert (folder / "repair.json").is_file()
    assert not (folder / "none.safetensors").exists()
    repaired = Repair.load(folder / "pair.safetensors").transform(np.load(folder / "images.npy"), "image")
    np.testing.assert_allclose(np.load(folder / "new.npy"), repaired, atol=1e-6)
    for key in ("outside", "absolute", "link", "apply out"):
        assert said[key] == ("error", said[key][1])
        assert "outside the folder of this server" in said[key][1]
    assert "none.npy" in said["input"][1]
    assert "did you mean 'isoscore'" in said["unknown"][1]
    assert max(len(said[key][1]) for key in said if key != "tools") <= 4000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other", "work"]
    assert not list((tmp_path / "other").iterdir())


def test_no_tool_overwrites_what_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp.server.mcpserver.exceptions import ToolError

    from embedscope.mcp_server.folder import Root
    from embedscope.mcp_server.tools import Tools
    from embedscope.transforms import parse_chain
    from embedscope.transforms.repair import Repair

    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    np.save("x.npy", x)
    Path("link.npy").hardlink_to("x.npy")
    Repair.from_chain(parse_chain("center").fit(x)).save("r.safetensors")
    tools = {tool.__name__: tool for tool in Tools(Root(tmp_path)).all()}
    before = Path("x.npy").read_bytes(), Path("r.safetensors").read_bytes()
    for name, arguments in (
        ("apply", {"repair": "r.safetensors", "source": "x.npy", "out": "x.npy"}),
        ("apply", {"repair": "r.safetensors", "source": "x.npy", "out": "link.npy"}),
        ("apply", {"repair": "r.safetensors", "source": "x.npy", "out": "r.safetensors"}),
        ("measure", {"source": "x.npy", "metrics": ["mean_norm"], "save": "x.npy"}),
    ):
        with pytest.raises(ToolError, match=r"is read|is the repair itself"):
            tools[name](**arguments)
    assert (Path("x.npy").read_bytes(), Path("r.safetensors").read_bytes()) == before
    tools["apply"](repair="r.safetensors", source="x.npy", out="y.npy")
    assert len(np.load("y.npy")) == 60
