"""The recipes of CONTRIBUTING.md, carried out: each file is put into a copy of the package and used from the shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPES = dict(
    re.findall(r'```python title="src/(embedscope/[\w/]+\.py)"\n(.*?)```', (ROOT / "CONTRIBUTING.md").read_text(), re.S)
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package that holds every recipe."""
    folder = tmp_path_factory.mktemp("recipes")
    shutil.copytree(ROOT / "src" / "embedscope", folder / "embedscope", ignore=shutil.ignore_patterns("__pycache__"))
    for path, code in RECIPES.items():
        target = folder / path
        assert not target.exists(), f"the recipe {path} would overwrite a file"
        target.write_text(code, encoding="utf-8")
    return folder


def run(package: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-m", "embedscope", *arguments], cwd=package, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_a_recipe_for_every_kind() -> None:
    assert {path.split("/")[1] for path in RECIPES} == {"metrics", "datasets", "tasks", "encoders"}


def test_metric(package: Path) -> None:
    np.save(package / "x.npy", np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 2.0]]))
    records = json.loads(run(package, "measure", "x.npy", "--metrics", "norm_std", "--json", "-"))["records"]
    assert records[0]["metric"] == "norm_std"
    assert records[0]["value"] == pytest.approx(np.std([1.0, 3.0, 2.0]))


def test_data_set_and_task(package: Path) -> None:
    assert "colours" in run(package, "list", "datasets", "--json", "-")
    np.save(package / "words.npy", np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.2, 1.0]]))
    (package / "words.txt").write_text("red\ncrimson\nblue\nnavy\n")
    out = run(package, "evaluate", "words.npy", "--names", "words.txt", "--tasks", "colours", "--json", "-")
    record = next(r for r in json.loads(out)["records"] if r["metric"] == "colours")
    assert record["value"] == pytest.approx(1.0)
    assert record["n"] == 3


def test_encoder(package: Path) -> None:
    out = run(package, "evaluate", "letters:16", "--tasks", "rg65", "--json", "-", "--no-cache")
    assert json.loads(out)["records"][0]["value"] is not None


def test_recipes_type_check(package: Path) -> None:
    for code in RECIPES.values():
        compile(code, "recipe", "exec")


def test_encoder_is_measured(package: Path) -> None:
    out = run(package, "measure", "letters:16", "--texts", "rg65", "--metrics", "self_similarity", "--json", "-")
    record = json.loads(out)["records"][0]
    assert (record["n"], record["dim"], record["space"]) == (48, 16, "letters")
