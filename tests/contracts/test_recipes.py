"""The recipes of CONTRIBUTING.md, carried out: the package is built, installed, type-checked, tested and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPES: dict[str, str] = dict(
    re.findall(r'```(?:python|toml) title="([\w/.]+)"\n(.*?)```', (ROOT / "CONTRIBUTING.md").read_text(), re.S)
)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the plug-in package."""
    folder = tmp_path_factory.mktemp("plugin")
    for path, code in {**RECIPES, "embedscope_colours/__init__.py": '"""Colours."""\n'}.items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(code, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def installed(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed."""
    site = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(plugin)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(site.glob("embedscope_colours-1.0.dist-info/entry_points.txt"))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT / "src")])}


def run(installed: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "embedscope", *arguments], cwd=folder, env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_recipes_import_nothing_private() -> None:
    assert {Path(path).stem for path in RECIPES} == {"pyproject", "longest", "colours", "similarity", "letters"}
    for path, code in RECIPES.items():
        if path.endswith(".py"):
            assert re.findall(r"^(?:from|import) (embedscope\S*)", code, re.M) == ["embedscope.extend"], path


@pytest.mark.timeout(600)  # a minute where the check of the package has left no cache
def test_recipes_type_check(plugin: Path) -> None:
    """From the root, as `make lint` checks the package: its cache holds for the same paths alone."""
    pytest.importorskip("mypy", reason="a tool of development")
    wrong = plugin / "wrong.py"
    wrong.write_text("from embedscope.extend import Scheme\n\nScheme(name=1)\n")
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(plugin / "embedscope_colours"), str(wrong)]
    environment = {**os.environ, "MYPYPATH": "src"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert {Path(line.partition(":")[0]).name for line in done.stdout.splitlines()} == {"wrong.py"}, (
        done.stdout + done.stderr
    )
    assert "[arg-type]" in done.stdout, "the check sees a wrong type"


def test_laws_of_metrics_data_sets_and_tasks_hold(installed: dict[str, str]) -> None:
    laws = [f"tests/contracts/test_{kind}.py" for kind in ("metrics", "datasets", "tasks")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    done = subprocess.run(
        [*command, "-k", "(colours or norm_std) and not docs", *laws],
        cwd=ROOT,
        env=installed,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= 20, done.stdout


def test_metric(installed: dict[str, str], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 2.0]]))
    out = run(installed, tmp_path, "measure", "x.npy", "--metrics", "norm_std", "--json", "-")
    (record,) = json.loads(out)["records"]
    assert record["metric"] == "norm_std"
    assert record["value"] == pytest.approx(np.std([1.0, 3.0, 2.0]))


def test_data_set_and_task(installed: dict[str, str], tmp_path: Path) -> None:
    rows = json.loads(run(installed, tmp_path, "list", "datasets", "--json", "-"))["datasets"]
    assert "colours" in {row["name"] for row in rows}
    hues = np.radians([0, 30, 60, 120, 180, 210, 240, 275])
    np.save(tmp_path / "words.npy", np.stack([np.cos(hues), np.sin(hues)], axis=1))
    (tmp_path / "words.txt").write_text("red\norange\nyellow\ngreen\ncyan\nazure\nblue\nviolet\n")
    out = run(installed, tmp_path, "evaluate", "words.npy", "--names", "words.txt", "--tasks", "colours", "--json", "-")
    record = next(r for r in json.loads(out)["records"] if r["metric"] == "colours")
    assert record["value"] == pytest.approx(1.0)
    assert record["n"] == 28


def test_model(installed: dict[str, str], tmp_path: Path) -> None:
    out = run(installed, tmp_path, "evaluate", "letters:16", "--tasks", "rg65", "--json", "-", "--no-cache")
    assert json.loads(out)["records"][0]["value"] is not None
    out = run(
        installed, tmp_path, "measure", "letters:16", "--texts", "rg65", "--metrics", "self_similarity", "--json", "-"
    )
    record = json.loads(out)["records"][0]
    assert (record["n"], record["dim"], record["space"]) == (48, 16, "letters")
