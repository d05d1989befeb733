"""The gallery shows the page that it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import run_command

from embedscope.datasets import example_files

pytest.importorskip("PIL", reason="needs the extra images")


def test_a_picture_that_was_not_taken_is_not_the_one_before(tmp_path: Path, monkeypatch) -> None:
    """Where Chromium wrote nothing, the picture of the page before was saved under the name of this one."""
    from PIL import Image

    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs"))
    monkeypatch.delitem(sys.modules, "make_gallery", raising=False)
    import make_gallery

    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    monkeypatch.setattr(make_gallery.shutil, "which", lambda name: "/bin/true")
    with pytest.raises(SystemExit, match=r"no picture of repair\.html"):
        make_gallery.photograph(tmp_path / "repair.html", 8, 8, dark=False, folder=tmp_path)


def test_both_tools_say_what_stands_side_by_side(tmp_path: Path) -> None:
    """The tab of either tool holds lines that it prints for the file of the example, in their order."""
    pytest.importorskip("vecscope", reason="vecscope is not installed")
    example_files(tmp_path / "example")
    page = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")
    tabs = re.findall(r'=== "([^"]+)"\n\n    ```text\n(.+?)    ```', page, flags=re.DOTALL)
    assert [name for name, _ in tabs] == ["embedscope diagnose", "vecscope audit"]
    ours = run_command("diagnose", "example/documents.npy", cwd=tmp_path).stdout
    program = "import sys; from vecscope.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "audit", "example/documents.npy"]
    theirs = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    for (name, tab), printed in zip(tabs, (ours, theirs), strict=True):
        lines = iter([line.strip() for line in printed.splitlines()])
        for line in tab.splitlines():
            assert line.strip() in lines, f"{name} does not print {line.strip()!r} there:\n{printed}"


def test_the_third_tool_says_what_the_page_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    spectralyte = pytest.importorskip("spectralyte", reason="spectralyte is not installed")
    example_files(tmp_path)
    spectralyte.Spectralyte(np.load(tmp_path / "documents.npy")).run().summary()
    printed = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    page = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")
    block = re.search(r"```text\n(Anisotropy.+?)```", page, flags=re.DOTALL)
    assert block is not None
    assert {" ".join(line.split()) for line in block[1].splitlines()} <= lines
    assert not any(word in printed.lower() for word in ("duplicate", "coordinate"))
