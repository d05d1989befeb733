"""The verbs as functions: what they take and give back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import embedscope
from embedscope.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))


def test_the_surface_is_complete_and_light():
    assert set(embedscope.__all__) <= set(dir(embedscope))
    for name in embedscope.__all__:
        assert getattr(embedscope, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'measured'"):
        _ = embedscope.measured
    code = (
        "import sys, embedscope; print([m for m in ('numpy', 'rich', 'typer', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_report_stays_a_function_whatever_is_imported():
    import embedscope.reports

    assert callable(embedscope.report)


def test_a_pair_is_measured_by_the_same_function():
    found = embedscope.measure(pair=(X, X + 0.1), modalities=("photo", "caption"), metrics="paired_cosine,isoscore")
    assert {r.space for r in found} == {"photo|caption", "photo", "caption"}
    with pytest.raises(InputError, match="a source or a pair, not both"):
        embedscope.measure(X, pair=(X, X))
    with pytest.raises(InputError, match="nothing to measure"):
        embedscope.measure()


def test_groups_widen_the_interval_in_files_and_arrays(tmp_path: Path):
    groups = np.repeat(np.arange(64), 20)
    rows = RNG.normal(size=(64, 1)).repeat(20, axis=0) + 0.05 * RNG.normal(size=(1280, 6)) + 3
    np.save(tmp_path / "x.npy", rows)
    (tmp_path / "groups.txt").write_text("\n".join(f"document {g}" for g in groups))
    alone = embedscope.measure(rows, metrics="mean_norm")["mean_norm"]
    grouped = embedscope.measure(rows, metrics="mean_norm", groups=[f"document {g}" for g in groups])["mean_norm"]
    file = embedscope.measure(tmp_path / "x.npy", metrics="mean_norm", groups=tmp_path / "groups.txt")["mean_norm"]
    assert grouped.stderr > 2 * alone.stderr
    assert (file.value, file.stderr) == (grouped.value, grouped.stderr)
    with pytest.raises(InputError, match="groups has 3 values for 1,280 rows"):
        embedscope.measure(rows, metrics="mean_norm", groups=["a", "b", "c"])


def test_groups_from_a_column_of_the_source(tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = [f"g{i // 4}" for i in range(60)]
    pq.write_table(pa.table({"vector": X.tolist(), "page": groups}), tmp_path / "x.parquet")
    file = embedscope.measure(f"{tmp_path / 'x.parquet'}::vector", metrics="mean_norm", groups="page")["mean_norm"]
    array = embedscope.measure(X, metrics="mean_norm", groups=groups)["mean_norm"]
    assert file.stderr == pytest.approx(array.stderr)


def test_retrieval_from_dicts_and_from_arrays_is_the_same():
    queries = X[:20] + 0.3 * RNG.normal(size=(20, 6))
    qrels = {f"q{i}": {f"d{i}": 1} for i in range(20)}
    dicts = embedscope.evaluate(
        queries={f"q{i}": q for i, q in enumerate(queries)},
        corpus={f"d{i}": d for i, d in enumerate(X)},
        qrels=qrels,
    )
    arrays = embedscope.evaluate(
        queries=queries,
        corpus=X,
        qrels=qrels,
        query_ids=[f"q{i}" for i in range(20)],
        corpus_ids=[f"d{i}" for i in range(60)],
    )
    assert [r.value for r in dicts] == [r.value for r in arrays]
    with pytest.raises(InputError, match="qrels is missing"):
        embedscope.evaluate(queries=queries, corpus=X)
    with pytest.raises(InputError, match="vectors without ids"):
        embedscope.evaluate(queries=queries, corpus=X, qrels=qrels)
    with pytest.raises(InputError, match="mixes texts and vectors"):
        embedscope.evaluate(queries={"q0": "a", "q1": X[0]}, corpus=X, qrels=qrels)
    with pytest.raises(InputError, match="qrels must be a file or"):
        embedscope.evaluate(queries={"q0": X[0]}, corpus={"d0": X[0]}, qrels={"q0": ["d0"]})


@pytest.mark.parametrize("score", ["dot", "euclidean"])
def test_scores_rank_as_the_plain_formula(score):
    queries, documents = RNG.normal(size=(15, 5)), RNG.normal(size=(40, 5)) * RNG.uniform(0.2, 4, (40, 1)) + 7
    plain = queries @ documents.T if score == "dot" else -np.linalg.norm(queries[:, None] - documents[None], axis=2)
    best = plain.argmax(axis=1)
    found = embedscope.evaluate(
        queries=dict(enumerate(queries)),
        corpus=dict(enumerate(documents)),
        qrels={i: {int(best[i]): 1} for i in range(15)},
        score=score,
    )
    assert found["recall@1"].value == 1.0
    cosine = queries @ (documents / np.linalg.norm(documents, axis=1, keepdims=True)).T
    assert (cosine.argmax(axis=1) != best).any(), "the rankings must differ for the test to say anything"


def test_a_document_with_the_id_of_the_query_is_no_result_where_asked():
    """The rule of BEIR, on a made-up ArguAna: every query is a document, and its answer is the next one."""
    documents = {f"a{i}": x for i, x in enumerate(X)}
    queries = {name: documents[name] for name in list(documents)[:10]}
    nearest = {}
    for name, q in queries.items():
        others = {n: q @ d / np.linalg.norm(d) for n, d in documents.items() if n != name}
        nearest[name] = {max(others, key=others.get): 1}
    plain = embedscope.evaluate(queries=queries, corpus=documents, qrels=nearest)
    ignored = embedscope.evaluate(queries=queries, corpus=documents, qrels=nearest, ignore_identical_ids=True)
    assert plain["recall@1"].value == 0.0
    assert "10 of 10 queries have the id of a document" in plain["recall@1"].note
    assert ignored["recall@1"].value == ignored["ndcg@10"].value == 1.0
    assert "is no result, for 10 of 10 queries" in ignored["recall@1"].note


def test_groups_of_queries_widen_the_interval():
    hits = np.repeat(RNG.random(20) < 0.5, 10)
    corpus = {"yes": [1.0, 0.0], "no": [0.0, 1.0]}
    queries = {f"q{i}": [1.0, 0.0] if hit else [0.0, 1.0] for i, hit in enumerate(hits)}
    qrels = {name: {"yes": 1} for name in queries}
    alone = embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels)["recall@1"]
    grouped = embedscope.evaluate(queries=queries, corpus=corpus, qrels=qrels, groups=np.repeat(np.arange(20), 10))
    assert grouped["recall@1"].value == alone.value
    assert grouped["recall@1"].stderr > 2 * alone.stderr


def test_a_repair_outcome_and_apply(tmp_path: Path):
    rng = np.random.default_rng(3)
    a = rng.normal(size=(1500, 16))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    b = a @ turn + 0.05 * rng.normal(size=a.shape) + 2
    outcome = embedscope.repair(pair=(a, b), candidates=["procrustes", "center"])
    assert outcome.accepted
    assert isinstance(outcome.repair, embedscope.Repair)
    assert outcome.result.document.findings[0].status == "ok"
    moved = embedscope.apply(outcome, a[:5], kind="image")
    assert np.array_equal(moved, outcome.repair.transform(a[:5], "image"))
    outcome.repair.save(tmp_path / "r.safetensors")
    np.save(tmp_path / "a.npy", a[:5])
    done = embedscope.apply(tmp_path / "r.safetensors", tmp_path / "a.npy", tmp_path / "o.npy", kind="image")
    assert (done.rows, done.path) == (5, tmp_path / "o.npy")
    assert np.load(tmp_path / "o.npy") == pytest.approx(moved)
    with pytest.raises(InputError, match="say where to write"):
        embedscope.apply(outcome, tmp_path / "a.npy")
    kept = embedscope.repair(rng.normal(size=(800, 8)), labels=rng.integers(0, 6, 800), candidates="center")
    assert not kept.accepted
    assert kept.repair.is_identity


def test_diagnose_check_and_report(tmp_path: Path):
    cone = RNG.normal(size=(600, 8)) + 3
    diagnosis = embedscope.diagnose(cone, thresholds={"cosine_floor": {"serious": 0.99, "warning": 0.5}})
    assert diagnosis.worst == "warning"
    before = embedscope.measure(cone)
    assert not embedscope.check(cone, baseline=before).drifted
    before.to_json(tmp_path / "b.json")
    drift = embedscope.check(cone + 3, baseline=tmp_path / "b.json")
    assert "mean_norm" in {c.record.metric for c in drift.drifted}
    pytest.importorskip("jinja2")
    assert "<html" in embedscope.report(diagnosis)
    assert embedscope.report(drift, tmp_path / "page.html").read_text().startswith("<!")


def test_lists():
    assert {"isoscore", "modality_gap"} <= {row["name"] for row in embedscope.list_metrics()}
    assert "rg65" in {row["name"] for row in embedscope.list_tasks()}
    assert "rg65" in {row["name"] for row in embedscope.list_datasets()}
    assert "minilm" in {row["name"] for row in embedscope.list_models()}
