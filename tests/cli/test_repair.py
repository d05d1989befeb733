"""The verb: what it writes, what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.transforms.repair import Repair

run = CliRunner()


def pair(folder: Path, rotated: bool) -> list[str]:
    """Two files of vectors that belong together."""
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(300, 12))
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0] if rotated else np.eye(12)
    np.save(folder / "a.npy", meaning + 0.6 * rng.normal(size=(300, 12)))
    np.save(folder / "b.npy", (meaning + 0.6 * rng.normal(size=(300, 12))) @ turn)
    return ["--pair", str(folder / "a.npy"), str(folder / "b.npy")]


def test_a_repair_that_helps_is_written_with_its_report(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the extra report is not installed")
    out, page = tmp_path / "r.safetensors", tmp_path / "r.html"
    asked = [*pair(tmp_path, rotated=True), "--candidates", "center,procrustes", "-o", str(out), "--report", str(page)]
    done = run.invoke(app, ["repair", *asked, "--modalities", "image,caption"])
    assert done.exit_code == 0, done.output
    assert "Use 'procrustes'" in done.output and "repair:" in done.output
    found = Repair.load(out)
    assert list(found.kinds) == ["image", "caption"]
    assert page.stat().st_size > 1000


def test_the_original_is_kept_with_exit_code_one(tmp_path: Path) -> None:
    out = tmp_path / "r.safetensors"
    asked = [*pair(tmp_path, rotated=False), "--candidates", "procrustes", "-o", str(out), "--json", "-"]
    done = run.invoke(app, ["repair", *asked, "--quiet"])
    assert done.exit_code == 1
    assert not out.exists()
    told = json.loads(done.stdout)
    assert told["document"]["findings"][0]["text"].startswith("Keep the original")
    assert told["provenance"]["settings"]["max_eval_rows"] == 10000


def test_labels_and_scored_pairs_come_from_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 4, size=300)
    x = rng.normal(size=(4, 8))[label] + rng.normal(size=(300, 8))
    x[:, 0] += 60 * rng.normal(size=300)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "labels.txt").write_text("\n".join(f"c{i}" for i in label) + "\n", encoding="utf-8")
    source, out = str(tmp_path / "x.npy"), str(tmp_path / "r.safetensors")
    done = run.invoke(
        app, ["repair", source, "--labels", str(tmp_path / "labels.txt"), "--candidates", "abtt:1", "-o", out, "-q"]
    )
    assert done.exit_code == 0, done.output
    lines = ["left\tright\tscore", *(f"{i}\t{i + 150}\t{i % 5}" for i in range(150))]
    (tmp_path / "scored.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run.invoke(app, ["repair", source, "--scores", str(tmp_path / "scored.tsv"), "--candidates", "center", "-q"])
    assert done.exit_code in (0, 1)


def test_errors_have_exit_code_two(tmp_path: Path) -> None:
    done = run.invoke(app, ["repair", *pair(tmp_path, rotated=False), "--objective", "mixd"])
    assert done.exit_code == 2 and "--objective mixd does not go with" in " ".join(done.output.split())
    (tmp_path / "bad.tsv").write_text("0 1 2\nzero one two\n", encoding="utf-8")
    done = run.invoke(app, ["repair", str(tmp_path / "a.npy"), "--scores", str(tmp_path / "bad.tsv")])
    assert done.exit_code == 2 and "line 2" in done.output
