"""The commands and the code of docs/repair-files.md, run from top to bottom."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "repair-files.md").read_text(encoding="utf-8")


def test_the_guide_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx", "faiss"):
        pytest.importorskip(module, reason=f"needs the extra {module}")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("documents.npy", rng.normal(1, 1, (50, 8)).astype(np.float32))
    np.save("queries.npy", rng.normal(0.5, 1, (9, 8)).astype(np.float32))
    space: dict = {}
    for language, code in re.findall(r"```(python|bash)\n(.*?)```", GUIDE, re.S):
        if language == "python":
            exec(code, space)
            continue
        for line in code.strip().splitlines():
            words = shlex.split(line)
            assert words[0] == "embedscope"
            done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load("queries.repaired.npy")[0], space["query"], atol=1e-7)
    assert {p.name for p in tmp_path.iterdir()} >= {"documents.repaired.npy", "repair.onnx", "repair.faiss"}
