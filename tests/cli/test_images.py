"""A folder of images stands wherever texts may stand, and what is suggested for it runs as it is printed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app

pil = pytest.importorskip("PIL.Image", reason="needs the extra images")

CLASSES, EACH = 4, 65


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small images of four classes, each around a pattern of its own, in a folder whose name has a space."""
    root = tmp_path_factory.mktemp("images") / "my images"
    rng = np.random.default_rng(0)
    for c in range(CLASSES):
        pattern = rng.integers(0, 255, size=(4, 4, 3))
        (root / f"class {c}").mkdir(parents=True)
        for i in range(EACH):
            values = np.clip(0.5 * pattern + rng.normal(60, 30, size=(4, 4, 3)), 0, 255).astype(np.uint8)
            pil.fromarray(values).resize((16, 16)).save(root / f"class {c}" / f"{i:02}.png")
    return root


def run(*words: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, the result as JSON, and what went to standard error."""
    done = CliRunner().invoke(app, [*map(str, words), "--json", "-", "-q"])
    return done.exit_code, json.loads(done.stdout) if done.exit_code in (0, 1) else {}, done.stderr


def test_every_repair_that_diagnose_prints_for_images_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, found, _ = run("diagnose", "pixels:4", "--images", folder)
    actions = [action for f in found["document"]["findings"] for action in f["actions"]]
    commands = [a["command"] for a in actions if a["command"].startswith("embedscope repair ")]
    assert commands, "nothing is suggested, so the test tests nothing"
    for command in commands:
        words = shlex.split(command)[1:]
        code, result, error = run(*words)
        assert code in (0, 1), (words, error)
        assert {r["metric"] for r in result["records"]} & {"nearest_class", "zero_shot"}, "judged on the folders"


def test_repair_of_images_is_judged_on_given_labels_before_folders(folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{i % 3}\n" for i in range(CLASSES * EACH)))
    words = ("repair", "pixels:4", "--images", folder, "-o", tmp_path / "r.safetensors", "--candidates", "center")
    _, given, _ = run(*words, "--labels", labels)
    _, folders, _ = run(*words)
    assert str(labels) in given["provenance"]["data"]
    before = [next(r["value"] for r in made["records"] if r["metric"] == "nearest_class") for made in (given, folders)]
    assert before[0] < 0.6, "labels by number say nothing"
    assert before[1] > 0.9, "folders are told apart"


def test_check_takes_the_images_of_the_baseline_or_others(folder: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    CliRunner().invoke(app, ["measure", "pixels:4", "--images", str(folder), "--json", str(baseline), "-q"])
    assert run("check", "pixels:4", "--baseline", baseline)[0] == 0
    other = folder / "class 0"
    code, found, _ = run("check", "pixels:4", "--baseline", baseline, "--images", other)
    assert code == 1
    command = found["document"]["headline"]["command"]
    assert shlex.split(command) == ["embedscope", "diagnose", "pixels:4", "--images", str(other)]
    assert run(*shlex.split(command)[1:])[0] in (0, 1)


def test_check_of_a_pair_suggests_a_diagnosis_of_the_pair(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8))
    for name, values in (("a", x), ("b", x + rng.normal(size=x.shape)), ("c", 3 + rng.normal(size=x.shape))):
        np.save(tmp_path / f"{name}.npy", values)
    a, b, c, baseline = (str(tmp_path / name) for name in ("a.npy", "b.npy", "c.npy", "baseline.json"))
    CliRunner().invoke(app, ["measure", "--pair", a, b, "--json", baseline, "-q"])
    code, found, _ = run("check", "--pair", a, c, "--baseline", baseline)
    assert code == 1
    words = shlex.split(found["document"]["headline"]["command"])
    assert words == ["embedscope", "diagnose", "--pair", a, c]
    assert run(*words[1:])[0] in (0, 1)


def test_models_are_compared_migrated_and_calibrated_on_images(folder: Path, tmp_path: Path) -> None:
    code, compared, _ = run("compare", "pixels:4", "pixels:2", "--images", folder)
    assert code == 0
    assert {"knn_overlap", "effective_rank"} <= {r["metric"] for r in compared["records"]}
    words = shlex.split(compared["document"]["headline"]["command"])[1:]
    assert "--images" in words
    code, migrated, error = run(*words[:-1], tmp_path / "bridge.safetensors", "--candidates", "ridge")
    assert code in (0, 1), error
    assert migrated["records"]
    code, calibrated, _ = run("calibrate", "pixels:4", "--images", folder, "-o", tmp_path / "scores.safetensors")
    assert code == 0
    assert calibrated["records"]


@pytest.mark.parametrize(
    "words",
    [
        ("repair", "pixels:4", "--texts", "lee_sentences"),
        ("calibrate", "pixels:4", "--texts", "lee_sentences"),
        ("compare", "pixels:4", "pixels:2", "--texts", "lee_sentences"),
        ("migrate", "--old", "pixels:4", "--new", "pixels:2", "--texts", "lee_sentences"),
    ],
)
def test_texts_and_images_at_once_are_refused(words: tuple[str, ...], folder: Path) -> None:
    done = CliRunner().invoke(app, [*words, "--images", str(folder), "-q"])
    assert done.exit_code == 2
    assert "one at a time" in " ".join(done.stderr.split())
