"""Queries and documents with ids, wherever they live."""

import numpy as np
import pytest

import embedscope


def test_documents_in_a_vector_store_have_the_scores_of_the_array(tmp_path):
    lancedb = pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    rng = np.random.default_rng(0)
    corpus, queries = rng.normal(size=(60, 8)).astype(np.float32), rng.normal(size=(20, 8)).astype(np.float32)
    rows = [{"id": f"d{i}", "vector": row.tolist()} for i, row in enumerate(corpus)]
    lancedb.connect(str(tmp_path / "db")).create_table("docs", rows)
    ids = {"query_ids": [f"q{i}" for i in range(20)], "qrels": {f"q{i}": {f"d{i}": 1} for i in range(20)}}
    wanted = embedscope.evaluate(queries=queries, corpus=corpus, corpus_ids=[row["id"] for row in rows], **ids)
    got = embedscope.evaluate(queries=queries, corpus=f"lancedb:{tmp_path}/db/docs", **ids)
    assert [(r.metric, r.value) for r in got] == [(r.metric, r.value) for r in wanted]
    assert got.provenance["data"][f"lancedb:{tmp_path}/db/docs"]["ids"].startswith("column id of lancedb:")


def test_ids_of_a_file_and_beside_it_must_be_the_same(tmp_path):
    rows = np.random.default_rng(0).normal(size=(3, 4))
    lines = ["id,x0,x1,x2,x3", *(",".join([f"d{i}", *map(str, row)]) for i, row in enumerate(rows))]
    (tmp_path / "docs.csv").write_text("\n".join(lines) + "\n")
    beside = tmp_path / "docs.ids.txt"
    ask = {"queries": rows, "query_ids": ["a", "b", "c"], "qrels": {q: {"d0": 1} for q in "abc"}}
    beside.write_text("d0\nd1\nd2\n")
    same = embedscope.evaluate(corpus=str(tmp_path / "docs.csv"), **ask)
    beside.write_text("d2\nd1\nd0\n")
    with pytest.raises(embedscope.errors.InputError, match="give other ids to the same rows"):
        embedscope.evaluate(corpus=str(tmp_path / "docs.csv"), **ask)
    beside.unlink()
    alone = embedscope.evaluate(corpus=str(tmp_path / "docs.csv"), **ask)
    assert [r.value for r in same] == [r.value for r in alone]


@pytest.mark.parametrize("grade", [float("nan"), float("inf")])
def test_a_grade_that_is_no_number_is_named(grade):
    """The message spoke of shapes, which were the same."""
    rows = {"d1": [1.0, 0.0], "d2": [0.0, 1.0]}
    with pytest.raises(embedscope.errors.InputError, match=f"document 'd2' of query 'q' with {grade}; wanted a finite"):
        embedscope.evaluate(queries={"q": [1.0, 0.0]}, corpus=rows, qrels={"q": {"d1": 1, "d2": grade}})
