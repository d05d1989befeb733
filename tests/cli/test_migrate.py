"""``embedscope migrate`` on the command line: exit codes, the file it writes, what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.datasets import example_files
from embedscope.transforms.repair import Repair


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    example_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_bridge_is_written_and_applied(files: Path) -> None:
    words = ["migrate", "--old", "old.npy", "--new", "new.npy", "--candidates", "procrustes,ridge", "--json", "r.json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "Bridge:" in result.output and "bridge: bridge.safetensors" in result.output
    assert json.loads(Path("r.json").read_text())["records"][-1]["facts"]["verdict"] == "bridge"
    made = Repair.load("bridge.safetensors")
    assert list(made.kinds) == ["old", "new"]
    assert made.kinds["old"].source.name == "old.npy"
    applied = CliRunner().invoke(app, ["apply", "bridge.safetensors", "old.npy", "m.npy", "--kind", "old"])
    assert applied.exit_code == 0 and "vectors of the new model, which stay as they are" in applied.stdout
    assert "--kind new" not in applied.stdout  # there is nothing to apply to them
    assert np.load("m.npy").shape == (500, made.dim_out)


def test_no_bridge_is_exit_code_1_and_no_file(files: Path) -> None:
    words = ["migrate", "--old", "images.npy", "--new", "texts.npy", "--candidates", "procrustes", "-q"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1, result.output
    assert not Path("bridge.safetensors").exists()


def test_force_writes_a_bridge_and_says_that_nothing_certifies_it(files: Path) -> None:
    words = ["migrate", "--old", "images.npy", "--new", "texts.npy", "--candidates", "procrustes", "--force"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    headline = said.split("serious ")[1].split(" held-out rows")[0]
    assert "--force wrote the bridge all the same: nothing certifies what it keeps." in headline
    assert len(headline) < 240
    assert "--force" in Repair.load("bridge.safetensors").header.decision


def test_a_mistake_is_one_sentence(files: Path) -> None:
    result = CliRunner().invoke(app, ["migrate", "--old", "old.npy", "--new", "minilm"])
    assert result.exit_code > 1
    assert "--texts" in result.output
