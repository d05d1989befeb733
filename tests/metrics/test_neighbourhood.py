"""Hubness, intrinsic dimension and uniformity against naive formulas, other packages and closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import skew

from embedscope import measure
from embedscope.metrics import METRICS
from embedscope.metrics._subsampled import _spread, subsamples
from embedscope.metrics.neighbourhood import _share_interval, _share_of_queries, top_share_of
from embedscope.metrics.potential import _leave_out
from embedscope.stats.neighbourhood import NeighbourRows
from embedscope.stats.neighbours import top_k
from embedscope.stats.row_sets import K, RowSet

MLE = METRICS.get("intrinsic_dimension:mle")
SKEW, ANTIHUBS, ROBIN = (METRICS.get(name) for name in ("hubness_skew", "antihub_share", "robin_hood"))
DIMENSION, UNIFORMITY = METRICS.get("intrinsic_dimension"), METRICS.get("uniformity")


def cloud(n=600, d=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) + 0.4


def naive_counts(x, k=10):
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    s = u @ u.T
    np.fill_diagonal(s, -np.inf)
    return np.bincount(np.argsort(-s, axis=1)[:, :k].ravel(), minlength=len(x))


def test_hubness_family_by_the_definition():
    x = cloud()
    n_k = naive_counts(x)
    assert SKEW(x) == pytest.approx(skew(n_k), rel=1e-9)
    assert ANTIHUBS(x) == (n_k == 0).mean()
    assert ROBIN(x) == pytest.approx(0.5 * np.abs(n_k - n_k.mean()).sum() / n_k.sum(), rel=1e-12)


def test_hubness_of_another_package():
    hubness = pytest.importorskip("vecscope.diagnostics.hubness", reason="vecscope is not installed")
    x = cloud().astype(np.float32)
    found = hubness.hubness(x, k=10)
    assert SKEW(x) == pytest.approx(found["skewness"], rel=1e-9)
    assert ANTIHUBS(x) == found["antihub_ratio"]


def test_a_hub_in_the_middle_is_seen():
    rng = np.random.default_rng(1)
    x = np.vstack([rng.normal(size=(300, 60)) + 0.5, np.full((1, 60), 0.5)])
    assert SKEW(x) > SKEW(x[:-1]) + 1


def test_copies_are_reported():
    x = np.vstack([cloud(60), cloud(60)[:5]])
    notes = {r.metric: r.note for r in measure(x, metrics=["hubness_skew", "intrinsic_dimension"])}
    assert "5 rows are duplicates of others" in notes["hubness_skew"]
    assert notes["intrinsic_dimension"].startswith("5 rows that equal others left out")


def test_twonn_of_another_package():
    skdim = pytest.importorskip("skdim", reason="scikit-dimension is not installed")
    for d in (3, 30):
        x = cloud(500, d)
        assert DIMENSION(x)["intrinsic_dimension"] == pytest.approx(skdim.id.TwoNN().fit(x).dimension_, rel=1e-6)


def test_mle_of_another_package():
    skdim = pytest.importorskip("skdim", reason="scikit-dimension is not installed")
    x = cloud(500, 6)
    for k, key in ((20, "intrinsic_dimension"), (10, "intrinsic_dimension.k10"), (5, "intrinsic_dimension.k5")):
        assert MLE(x)[key] == pytest.approx(skdim.id.MLE(K=k).fit(x, n_neighbors=k).dimension_, rel=1e-9)


def test_dimension_of_a_plane_in_many_dimensions():
    rng = np.random.default_rng(3)
    x = rng.uniform(size=(2000, 2)) @ rng.normal(size=(2, 50)) + 7
    found = DIMENSION(x)
    assert list(found) == [f"intrinsic_dimension{s}" for s in ("", ".half", ".quarter", ".eighth")]
    assert all(abs(v - 2) < 0.25 for v in found.values())
    assert MLE(x)["intrinsic_dimension"] == pytest.approx(2, abs=0.25)


def test_uniformity_over_all_pairs():
    x = cloud(1500, 12)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert UNIFORMITY(x) == pytest.approx(np.log(np.exp(-2 * pdist(u, "sqeuclidean")).mean()), rel=1e-12)


def test_error_bars_cover_what_new_rows_bring():
    """The spread of the value over independent samples is what the subsamples say, to a factor of two."""
    draws = [measure(cloud(400, 10, seed), metrics=["uniformity", "robin_hood"]) for seed in range(24)]
    for name in ("uniformity", "robin_hood"):
        values = [r.value(metric=name) for r in draws]
        bars = [r.select(metric=name)[0].stderr for r in draws]
        assert 0.5 < np.mean(bars) / np.std(values, ddof=1) < 2


@pytest.mark.slow
def test_error_bars_of_what_2000_rows_ask_are_those_of_2000_rows():
    """Of 8,000 rows a quarter asks; bars as of all rows, or of 2,000 rows in each subsample, would be half as wide."""
    draws = [measure(cloud(8000, 8, seed), metrics=["float16_ties", "int8_overlap"]) for seed in range(12)]
    for name in ("float16_ties", "int8_overlap"):
        values = [r.value(metric=name) for r in draws]
        bars = [r.select(metric=name)[0].stderr for r in draws]
        assert 0.75 < np.mean(bars) / np.std(values, ddof=1) < 2


def sample(metric, **more):
    return replace(metric, needs=replace(metric.needs, **more))


def test_skewness_from_sampled_queries_is_unbiased():
    x = cloud(1200, 60)
    estimates = [sample(SKEW, limit=500, queries=400, seed=seed)(x) for seed in range(30)]
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - SKEW(x)) < 4 * error + 0.05 * SKEW(x)


def test_all_rows_asked_is_the_exact_value():
    x = cloud(300, 20)
    need = NeighbourRows(limit=299, queries=299)
    assert sample(SKEW, limit=299, queries=299)(x) == pytest.approx(SKEW(x), rel=0.05)
    assert need.depends[0].limit == 299


def test_sampled_records_say_so(monkeypatch):
    from embedscope.metrics import neighbourhood

    metric = sample(SKEW, limit=200, queries=150)
    antihubs = sample(ANTIHUBS, limit=200, queries=150)
    monkeypatch.setitem(neighbourhood.ENTRIES, "hubness_skew", metric)
    monkeypatch.setitem(neighbourhood.ENTRIES, "antihub_share", antihubs)
    x = cloud(500, 20)
    skewness, share = measure(x, metrics=["hubness_skew", "antihub_share"])
    assert not skewness.exact
    assert skewness.note == "150 sampled rows compared with all 500, exactly"
    assert skewness.n == 500
    assert skewness.stderr > 0
    assert share.note == "on 200 sampled of 500 rows, which have fewer near neighbours than all"


def test_squareform_distances_agree_with_the_ones_used():
    x = cloud(80, 4)
    d = np.sort(squareform(pdist(x)) + np.diag(np.full(80, np.inf)), axis=1)
    mu = np.sort(np.log(d[:, 1] / d[:, 0]))[:72]
    rise = -np.log(1 - np.arange(1, 73) / 80)
    assert DIMENSION(x)["intrinsic_dimension"] == pytest.approx((mu @ rise) / (mu @ mu), rel=1e-9)


def test_subsamples_are_balanced():
    """The variance of a mean from 4 and 8 of 16 groups is that of the jackknife, up to the mean of the replicates."""
    z = np.random.default_rng(0).normal(size=16)
    variance = z.var(ddof=1) / 16
    for width in (1, 4):
        draws = [z[list(groups)].mean() for groups in subsamples(width)]
        found = _spread(z.mean(), draws, [width / 16] * len(draws), width)
        assert found.stderr == pytest.approx(variance**0.5, rel=1e-12), width
    halves = [z[list(groups)].mean() for groups in subsamples(8)]
    assert np.mean((np.array(halves) - z.mean()) ** 2) == pytest.approx(variance, rel=1e-12)
    assert np.bincount(np.concatenate([list(groups) for groups in subsamples(8)])).min() >= 5


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_intervals_from_subsamples_cover(width):
    """Of 4,000 means of 16 groups .95 are covered; windows of 8 neighbouring groups covered .89."""
    rng = np.random.default_rng(width)
    sets = [list(groups) for groups in subsamples(width)]
    z = rng.normal(size=(4000, 16))
    draws = np.stack([z[:, groups].mean(axis=1) for groups in sets], axis=1)
    found = [_spread(m, d, [width / 16] * len(sets), width) for m, d in zip(z.mean(axis=1), draws, strict=True)]
    assert np.mean([f.low <= 0 <= f.high for f in found]) == pytest.approx(0.95, abs=0.015)


def test_uniformity_without_each_group_is_that_of_the_other_rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 5))
    u, groups, units = x / np.linalg.norm(x, axis=1, keepdims=True), rng.integers(0, 4, size=90), np.arange(90)
    units[::9] = units[1::9]  # every ninth row and its follower are one unit, of one group
    groups[::9] = groups[1::9]
    numbers = np.unique(units, return_inverse=True)[1]
    found = _leave_out(RowSet(u, units=numbers), groups)
    for g, one in enumerate(found):
        rest = groups != g
        apart = numbers[rest][:, None] != numbers[rest]
        wanted = np.log(np.exp(4 * u[rest] @ u[rest].T - 4)[apart].mean())
        assert one["uniformity"] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("centre", [0.0, 0.5])
def test_the_interval_of_hubs_from_sampled_queries_holds_their_share_of_all_rows(centre):
    rng, n = np.random.default_rng(0), 1500
    x = rng.normal(size=(n, 12)) + centre
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    ids = top_k(u, u, K, exclude=np.arange(n)).indices.astype(np.uint64)
    true = top_share_of(np.bincount(ids.ravel().astype(int)), ids.size)
    low, high, values = [], [], []
    for _ in range(60):
        asked = ids[rng.permutation(n)[:300]]
        values.append(_share_of_queries(asked, n))
        ends = _share_interval(asked, n)
        low.append(ends[0])
        high.append(ends[1])
    assert np.mean((np.array(low) <= true) & (true <= np.array(high))) >= 0.95
    assert np.mean(values) <= true  # rows that were chosen by other lists are at most as frequent as the most frequent
    assert max(low) > 0 and max(high) < 0.1
