"""Neighbours from an index in a measurement: which metrics take them, and what their records say."""

import subprocess
import sys

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.errors import InputError
from embedscope.geometry.metric_selection import select_metrics

HUBS = ["hubness_skew", "antihub_share", "robin_hood", "hub_share"]


def cloud(n=5000, d=24):
    rng = np.random.default_rng(3)
    return (rng.normal(size=(n, 12)) @ rng.normal(size=(12, d)) + 0.1 * rng.normal(size=(n, d))).astype(np.float32)


@pytest.mark.slow
def test_hubs_from_an_index_are_near_the_exact_ones_and_say_so():
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    x = cloud()
    exact = measure(x, metrics=[*HUBS, "intrinsic_dimension", "isoscore"])
    found = measure(x, metrics=[*HUBS, "intrinsic_dimension", "isoscore"], neighbours="faiss")
    assert {r.metric for r in exact} >= set(HUBS)
    for a, b in zip(exact, found, strict=True):
        if a.metric in HUBS:
            assert b.value == pytest.approx(a.value, rel=0.02, abs=1e-3)
            assert b.stderr == pytest.approx(a.stderr, rel=1e-3)
            assert not b.exact
            assert "FAISS HNSW32, depth " in b.note
            assert ", recall@10 0.99" in b.note or ", recall@10 1.0" in b.note
        else:
            assert a == b
    assert found.provenance["settings"]["neighbours"] == "faiss"
    assert "neighbours" not in exact.provenance["settings"]
    again = measure(x, metrics=HUBS, neighbours="faiss")
    assert [r for r in found if r.metric in HUBS] == list(again)


def test_an_index_over_part_of_the_rows_says_so(monkeypatch):
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    from dataclasses import replace

    from embedscope.metrics import METRICS

    metric = METRICS.get("robin_hood").with_neighbours("faiss")
    few = replace(metric, needs=replace(metric.needs, room=4 * 24 * 1000))
    (record,) = measure(cloud(), metrics=[few])
    assert record.note.startswith("on 1,000 sampled of 5,000 rows, which have fewer near neighbours than all; FAISS")
    assert not record.exact


@pytest.mark.slow
def test_an_index_with_a_checkpoint_with_threads_and_under_a_bound(tmp_path):
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    np.save(tmp_path / "x.npy", cloud(20_000, 4))
    options = {"metrics": ["robin_hood"], "neighbours": "faiss"}
    plain = measure(tmp_path / "x.npy", engine="local:1", **options)
    assert list(plain) == list(measure(tmp_path / "x.npy", engine="local:2", **options))
    for _ in range(2):
        assert list(plain) == list(measure(tmp_path / "x.npy", checkpoint=tmp_path / "kept", **options))
    with pytest.raises(
        InputError, match=r"memory 1,000 MB is too little for vectors with .* choose metrics that take less"
    ):
        measure(tmp_path / "x.npy", memory="1GB", **options)


def test_what_neighbours_cannot_serve_is_an_error():
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    with pytest.raises(
        InputError, match=r"none of isoscore, i1 uses neighbours from an index; name one of .*hubness_skew"
    ):
        select_metrics(["isoscore", "i1"], None, "exact", "faiss")
    with pytest.raises(InputError, match="neighbours must be one of exact, faiss, got 'annoy'"):
        select_metrics(HUBS, None, "exact", "annoy")


def test_without_the_extra_the_install_line_is_given():
    code = (
        "import sys; sys.modules['faiss'] = None\n"
        "from embedscope.geometry.metric_selection import select_metrics\n"
        "select_metrics(['hubness_skew'], None, 'exact', 'faiss')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'pip install "embedscope[faiss]"' in done.stderr
    assert "MissingExtraError" in done.stderr
