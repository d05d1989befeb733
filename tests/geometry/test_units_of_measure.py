"""Units in ``measure``: dependence that nobody declared is found, said, and in the error bar."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.ids import mix
from embedscope.execution import Local
from embedscope.execution.probing import order_of
from embedscope.geometry.measure import measure_stream
from embedscope.readers import ArrayStream


def chunks(items, size, seed, dim=16):
    rng = np.random.default_rng(seed)
    lengths = 1 + rng.random((items, 1))
    centres = np.repeat(lengths * rng.normal(size=(items, dim)), size, axis=0)
    return centres + 0.3 * rng.normal(size=(items * size, dim))


def one(x, metric, **options):
    (record,) = measure(x, metrics=[metric], **options)
    return record


def test_chunks_in_file_order_are_said_and_widen_the_error_bar():
    x = chunks(50, 20, 0)
    record, shuffled = one(x, "mean_norm"), one(np.random.default_rng(0).permutation(x), "mean_norm")
    assert record.value == pytest.approx(shuffled.value)
    assert record.stderr > 2.5 * shuffled.stderr
    assert (record.units, shuffled.units) == (17, 1000)
    assert "neighbouring rows have a mean cosine of 0.9" in record.note
    assert "blocks of 62 rows" in record.note
    assert shuffled.note is None


def test_undeclared_chunks_are_covered():
    """Of 150 intervals with nominal coverage .95 at least .90 - 2.5 s.e. hold the truth; hashing rows gives .4."""
    truth = np.mean([np.linalg.norm(chunks(5000, 1, seed), axis=1).mean() for seed in range(1000, 1010)])
    records = [one(chunks(50, 20, seed), "mean_norm") for seed in range(150)]
    assert np.mean([r.ci_low <= truth <= r.ci_high for r in records]) >= 0.84


def test_independent_rows_are_units_by_themselves():
    record = one(np.random.default_rng(0).normal(size=(500, 16)), "mean_norm")
    assert (record.units, record.note) == (500, None)


def test_pairs_inside_a_chunk_are_no_pairs_of_the_population():
    x = chunks(100, 10, 3) + 0.5
    truth = one(chunks(4000, 1, 4) + 0.5, "self_similarity").value
    record = one(x, "self_similarity")
    declared = one(x, "self_similarity", groups=mix(np.repeat(np.arange(100, dtype=np.uint64), 10)))
    apart = one(np.random.default_rng(0).permutation(x), "self_similarity")
    assert abs(record.value - truth) < abs(apart.value - truth)
    assert record.ci_low <= truth <= record.ci_high
    assert "pairs inside units left out" in record.note
    assert f"{apart.value:.3f} with them" in record.note
    assert declared.value == pytest.approx(record.value, abs=0.01)
    assert "4,500 pairs inside units left out" in declared.note


def test_neighbours_and_pairs_inside_a_unit_are_left_out():
    """Against the plain formulas over rows of other units, with a row of zeros and units of one row."""
    rng = np.random.default_rng(4)
    unit = rng.integers(0, 40, size=250)
    x = rng.normal(size=(40, 12))[unit] + 0.5 * rng.normal(size=(250, 12))
    x[7] = 0
    metrics = ["uniformity", "hubness_skew", "antihub_share", "robin_hood", "hub_share"]
    found = {r.metric: r for r in measure(x, metrics=metrics, groups=unit)}
    u, own = np.delete(x, 7, axis=0), np.delete(unit, 7)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    cosines, same = u @ u.T, own[:, None] == own
    assert found["uniformity"].value == pytest.approx(np.log(np.exp(4 * cosines - 4)[~same].mean()), rel=1e-12)
    near = np.argsort(-np.where(same, -np.inf, cosines), axis=1)[:, :10]
    counts = np.bincount(near.ravel(), minlength=len(u))
    assert found["hubness_skew"].value == pytest.approx(((counts - 10) ** 3).mean() / counts.std() ** 3, rel=1e-9)
    assert found["antihub_share"].value == (counts == 0).mean()
    assert found["robin_hood"].value == pytest.approx(np.abs(counts - 10).sum() / (20 * len(u)))
    assert found["hub_share"].value == pytest.approx(np.sort(counts)[-5:].sum() / counts.sum())
    assert all("pairs inside units left out" in r.note for r in found.values())


def test_of_many_rows_sampled_queries_leave_their_unit_out_too():
    from dataclasses import replace

    from embedscope.metrics import METRICS

    rng = np.random.default_rng(5)
    unit = rng.permutation(np.repeat(np.arange(60), 5))
    x = rng.normal(size=(60, 12))[unit] + 0.4 * rng.normal(size=(300, 12))
    exact = METRICS.get("hubness_skew")
    sampled = replace(exact, needs=replace(exact.needs, limit=299, queries=299))
    whole, most = (one(x, m, groups=unit).value for m in (exact, sampled))
    assert most == pytest.approx(whole, abs=0.02)
    assert one(x, sampled).value != pytest.approx(whole, abs=0.05)


def test_a_unit_that_leaves_no_neighbours_is_said():
    x = np.random.default_rng(6).normal(size=(200, 8))
    record = one(x, "hubness_skew", groups=np.arange(200) // 195)
    assert record.value is None
    assert "the largest unit leaves 5 of 200 rows" in record.note
    assert "no pairs of units" in one(x, "uniformity", groups=np.zeros(200)).note


def test_a_sorted_file_keeps_its_pairs_and_says_why_bars_are_wide():
    x = chunks(4, 400, 0)
    record = one(x, "self_similarity")
    assert record.value == pytest.approx(one(np.random.default_rng(0).permutation(x), "self_similarity").value)
    assert "still depend on each other" in record.note


def test_equal_rows_are_one_unit():
    x = np.random.default_rng(0).permutation(np.repeat(np.random.default_rng(1).normal(size=(100, 16)), 8, axis=0))
    record, single = one(x, "mean_norm"), one(np.unique(x, axis=0), "mean_norm")
    assert (record.units, single.units) == (100, 100)
    assert record.note == "800 rows in 100 units (equal rows)"
    assert record.stderr == pytest.approx(single.stderr, rel=0.35)


def test_last_bits_of_named_rows_do_not_move_the_error_bar():
    """A network's last bits differ from processor to processor; the groups of its rows follow their names."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 24)).astype(np.float32)
    x[200:] = x[:100]
    noisy = (x * (1 + rng.choice([-1, 0, 1], size=x.shape) * 2.0**-23)).astype(np.float32)
    noisy[200:] = noisy[:100]
    names = mix(np.arange(1000, 1300, dtype=np.uint64))
    records = [
        next(iter(measure_stream(ArrayStream({"vectors": rows}, names), source="rows", metrics=["mean_norm"])))
        for rows in (x, noisy)
    ]
    assert (noisy[:200] != x[:200]).any(axis=1).all()
    assert [r.units for r in records] == [200, 200]
    assert records[0].stderr == pytest.approx(records[1].stderr, rel=1e-5)
    assert one(x, "mean_norm").stderr != pytest.approx(one(noisy, "mean_norm").stderr, rel=1e-3)


def test_too_few_units_give_no_interval_and_say_what_to_declare():
    rng = np.random.default_rng(0)
    few = one(rng.normal(size=(400, 8)), "mean_norm", groups=mix(np.arange(400, dtype=np.uint64) % np.uint64(10)))
    assert (few.ci_low, few.stderr, few.units) == (None, None, 10)
    assert few.value is not None
    assert "400 rows are 10 independent units" in few.note
    most = one(np.vstack([np.ones((600, 8)), rng.normal(size=(500, 8))])[rng.permutation(1100)], "hubness_skew")
    assert most.ci_low is None
    assert "one unit holds 600 of 1,100 rows" in most.note


def test_units_have_the_same_bits_on_any_number_of_workers(monkeypatch):
    import embedscope.readers._blocks as blocks

    monkeypatch.setattr(blocks, "_SHARD_ROWS", (300, 300))
    stream = ArrayStream({"vectors": chunks(400, 10, 0)})
    assert len(stream.shards()) > 2
    metrics = ["self_similarity", "mean_norm", "isoscore"]
    first = measure_stream(stream, source="x", metrics=metrics, engine=Local(1))
    assert first == measure_stream(stream, source="x", metrics=metrics, engine=Local(4))
    assert first[0].units < 300


def test_order_is_looked_for_at_several_places_of_a_large_file(monkeypatch):
    import embedscope.readers._blocks as blocks
    from embedscope.execution import probing

    monkeypatch.setattr(blocks, "_SHARD_ROWS", (1024, 1024))
    monkeypatch.setattr(probing, "_VALUES", 16 * 4000)
    x = chunks(2000, 10, 0)
    assert order_of(ArrayStream({"vectors": x})).lag in (8, 16)
    assert order_of(ArrayStream({"vectors": np.random.default_rng(0).permutation(x)})).block == 1
    own = ArrayStream({"vectors": x}, None, mix(np.arange(20_000, dtype=np.uint64) // np.uint64(10)))
    assert order_of(own).block == 1
