"""``embedscope calibrate`` and its exports on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.calibration.scores import ScoreCalibration
from embedscope.cli._app import app
from embedscope.datasets import example_files


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in args])
    return done.exit_code, done.output


def test_a_threshold_is_written_exported_and_a_hopeless_one_refused(tmp_path: Path) -> None:
    files = {Path(path).name: path for path in example_files().values()}
    out = tmp_path / "scores.safetensors"
    retrieval = ["--queries", files["queries.npy"], "--qrels", files["qrels.tsv"], "-o", out]
    code, text = run("calibrate", files["documents.npy"], *retrieval, "--recall", "0.8")
    assert code == 0, text
    assert "For a recall of at least 0.8, cut at cosine" in " ".join(text.split())
    scores = ScoreCalibration.load(out)
    code, source = run("export", out, "--to", "numpy")
    made: dict = {}
    exec(source, made)
    np.testing.assert_allclose(made["probability"]([0.5, 0.9]), scores.probability([0.5, 0.9]), atol=1e-9)
    code, sql = run("export", out, "--to", "sql")
    assert code == 0
    assert "AS probability" in sql
    assert run("export", out, "--to", "faiss", "-o", tmp_path / "x")[0] != 0
    code, text = run("calibrate", files["documents.npy"], *retrieval, "--max-false-merge", "0.001")
    assert code == 1
    assert "A share of false merges of at most 0.001 cannot be promised: it takes about" in " ".join(text.split())


def test_pairs_to_judge_are_written(tmp_path: Path) -> None:
    files = {Path(path).name: path for path in example_files().values()}
    out, pairs = tmp_path / "s.safetensors", tmp_path / "pairs.csv"
    code, text = run("calibrate", files["documents.npy"], "--dedup", "--label-pairs", pairs, "-o", out)
    assert code == 1
    assert len(pairs.read_text().splitlines()) == 101
    code, text = run("calibrate", files["documents.npy"], "--dedup", "--label-pairs", pairs, "-o", out)
    assert "100 of 100 pairs are not judged yet" in " ".join(text.split())


@pytest.mark.parametrize("bad", [["--precision", "2"], ["--recall", "0.9"], ["--label-pairs", "x.csv"]])
def test_promises_without_labels_are_refused(tmp_path: Path, bad: list[str]) -> None:
    file = tmp_path / "x.npy"
    np.save(file, np.random.default_rng(0).normal(size=(60, 8)))
    assert run("calibrate", file, *bad, "-o", tmp_path / "s.safetensors")[0] != 0
