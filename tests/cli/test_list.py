"""``embedscope list``: every registered name, as tables and as JSON."""

import json

import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.datasets import DATASETS
from embedscope.encoders import MODELS
from embedscope.experiments import EXPERIMENTS
from embedscope.exports import EXPORTS
from embedscope.metrics import METRICS
from embedscope.metrics.pairs import PAIR_METRICS
from embedscope.tasks import TASKS
from embedscope.transforms import TRANSFORMS

KINDS = {
    "models": MODELS,
    "datasets": DATASETS,
    "tasks": TASKS,
    "metrics": [*METRICS, *PAIR_METRICS],
    "experiments": EXPERIMENTS,
    "transforms": TRANSFORMS,
    "exports": EXPORTS,
}


def run(*args, **env):
    return CliRunner().invoke(app, ["list", *args], env={"COLUMNS": "100", "EMBEDSCOPE_DATA": None, **env})


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_is_listed(kind):
    table, listed = run(kind), run(kind, "--json", "-")
    assert table.exit_code == listed.exit_code == 0
    rows = json.loads(listed.stdout)[kind]
    assert [row["name"] for row in rows] == list(KINDS[kind])
    assert all(row["name"] in table.stdout for row in rows)
    assert all(value not in ("", None) or key == "ideal" for row in rows for key, value in row.items())


def test_data_sets_say_whether_they_are_here():
    (rg65,) = [row for row in json.loads(run("datasets", "--json", "-").stdout)["datasets"] if row["name"] == "rg65"]
    assert rg65["present"] is True
    assert rg65["rows"] == "65 pairs of 48 nouns, similarity 0 to 4"
    assert rg65["licence"]


@pytest.mark.shared_data
def test_data_folder_is_looked_through(shared_data):
    rows = json.loads(run("datasets", "--json", "-", "--data", str(shared_data)).stdout)["datasets"]
    present = {row["name"] for row in rows if row["present"]}
    assert {"bellezza", "simverb3500", "stsb", "sts12"} <= present


def test_json_to_a_file(tmp_path):
    done = run("transforms", "--json", str(tmp_path / "t.json"), "-q")
    assert (done.exit_code, done.stdout) == (0, "")
    assert {row["write"] for row in json.loads((tmp_path / "t.json").read_text())["transforms"]} >= {"center", "abtt:K"}


def test_unknown_kind():
    done = run("metric")
    assert done.exit_code == 2
    assert "KIND is 'metric', wanted one of models, datasets, tasks, metrics" in done.stderr
    assert "did you mean metrics?" in done.stderr


def test_a_narrow_screen_breaks_no_word_of_a_sentence():
    shown = run("metrics", COLUMNS="60").stdout
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 60
    words = set(METRICS.get("isoscore").summary.split())
    assert words <= set(shown.split()), "a word of the summary was cut in two"
