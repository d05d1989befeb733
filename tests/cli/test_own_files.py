"""Own files on the command line: named columns, tasks, and results in the files of other tools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.cli._guard import _inputs
from embedscope.cli._options import with_columns
from embedscope.core.errors import InputError

WORDS = [f"w{i}" for i in range(12)]


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    return done.exit_code, done.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Vectors with two columns of ids and two of texts, the wrong ones first by name; queries, judgements, pairs."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 6))
    held = {"id": [f"wrong{i}" for i in range(12)], "sku": WORDS, "text": [f"no{i}" for i in range(12)], "name": WORDS}
    pq.write_table(pa.table({**held, "vectors": x.tolist()}), tmp_path / "v.parquet")
    np.save(tmp_path / "q.npy", x[:3])
    (tmp_path / "q.ids.txt").write_text("a\nb\nc\n")
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\na\tw0\t1\nb\tw1\t1\nc\tw2\t1\n")
    pairs = [(WORDS[i], WORDS[(i * 5 + 1) % 12], i % 4) for i in range(12)]
    (tmp_path / "p.csv").write_text("word1,word2,score\n" + "\n".join(",".join(map(str, p)) for p in pairs))
    return tmp_path


def test_the_columns_that_are_named_are_taken(folder: Path) -> None:
    ask = ("evaluate", "--queries", folder / "q.npy", "--corpus", folder / "v.parquet", "--qrels", folder / "qrels.tsv")
    code, said = run(*ask)
    assert code == 2
    assert "w0" in said
    code, said = run(*ask, "--ids-column", "sku", "--json", folder / "r.json")
    assert code == 0, said
    records = json.loads((folder / "r.json").read_text())["records"]
    assert [r["value"] for r in records if r["metric"] == "recall@1"] == [1.0]


def test_texts_of_a_named_column_are_scored_on_a_file(folder: Path) -> None:
    task = ("evaluate", folder / "v.parquet", "--task", f"similarity:{folder / 'p.csv'}")
    code, said = run(*task, "--text-column", "name", "--json", folder / "r.json")
    assert code == 0, said
    assert "column name of" in said
    assert "columns word1, word2, score of p.csv" in said
    records = json.loads((folder / "r.json").read_text())["records"]
    assert [(r["metric"], r["n"]) for r in records if not r["metric"].endswith(".best")] == [("similarity-p", 12)]


def test_columns_go_to_tables_alone() -> None:
    mixed = ["q.npy", "image=x.parquet", "x.parquet?bits::v"]
    assert with_columns(mixed, None, "name") == ["q.npy", "image=x.parquet?text=name", "x.parquet?bits::v&text=name"]
    with pytest.raises(InputError, match=r"--ids-column is for tables .* minilm is none"):
        with_columns(["minilm"], "sku", "name")


def test_mteb_needs_a_folder_and_a_summary_is_printed(folder: Path) -> None:
    ask = ("evaluate", "--queries", folder / "q.npy", "--corpus", folder / "v.parquet", "--qrels", folder / "qrels.tsv")
    ask = (*ask, "--ids-column", "sku")
    code, said = run(*ask, "--format", "mteb")
    assert code == 2
    assert "--report DIR" in said
    code, said = run(*ask, "--format", "mteb", "--report", folder / "out")
    assert code == 0, said
    files = [p for p in (folder / "out" / "results").rglob("*.json") if p.name != "model_meta.json"]
    assert len(files) == 1
    assert json.loads(files[0].read_text())["scores"]["test"][0]["recall_at_1"] == 1.0
    assert run("measure", folder / "q.npy", "--json", folder / "b.json", "-q")[0] == 0
    code, said = run("check", folder / "q.npy", "--baseline", folder / "b.json", "--format", "github", "-q")
    assert code == 0, said
    assert "### :white_check_mark: No drift" in said


def test_named_pairs_of_the_hub_are_checked(folder: Path) -> None:
    assert run("measure", folder / "q.npy", "--json", folder / "b.json", "-q")[0] == 0
    code, said = run("report", folder / "b.json", "--eval-results", folder / "e.yaml", "--hub-dataset", "nothing")
    assert code == 2
    assert "--hub-dataset takes NAME=VALUE" in said
    pytest.importorskip("jinja2", reason="extra report is not installed")
    code, said = run("report", folder / "b.json", "--model-card", folder / "README.md", "-q")
    assert code == 0, said
    assert "mean_norm" in (folder / "README.md").read_text()


def test_a_folder_with_the_name_of_a_study_is_no_input_of_it() -> None:
    assert list(_inputs({"study": "liang2022", "models": "minilm"})) == list(_inputs({"models": "minilm"}))
