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
