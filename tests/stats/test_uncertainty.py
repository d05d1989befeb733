"""The jackknife against closed forms, its coverage, and the file that is sorted by topic."""

import numpy as np
import pytest
from scipy import stats as reference

from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, mix
from embedscope.metrics import METRICS
from embedscope.stats import Grouped, UnitSum, jackknife
from embedscope.stats.uncertainty import Interval, at_least_binomial


def test_single_rows_give_the_standard_error_of_a_mean_and_its_t_interval():
    x = np.random.default_rng(0).normal(size=12)
    found = jackknife(x.mean(), [(x.sum() - v) / 11 for v in x], [1] * 12)
    assert found.stderr == pytest.approx(reference.sem(x), rel=1e-12)
    assert (found.low, found.high) == pytest.approx(reference.t.interval(0.95, 11, x.mean(), reference.sem(x)))


def test_equal_groups_give_the_usual_variance():
    x = np.random.default_rng(1).exponential(size=(8, 5))
    left = np.array([np.log(np.delete(x, g, axis=0).mean()) for g in range(8)])
    usual = np.sqrt(7 / 8 * ((left - left.mean()) ** 2).sum())
    assert jackknife(np.log(x.mean()), left, [5] * 8).stderr == pytest.approx(usual, rel=1e-12)


def test_unequal_groups_of_a_mean_count_by_their_size():
    """For a mean the variance is (g - 1) / g sum (T - T_(j))^2, which is right whatever a group consists of."""
    rng = np.random.default_rng(2)
    sizes = np.array([3, 9, 1, 30, 7])
    groups = [rng.normal(size=m) for m in sizes]
    everything = np.concatenate(groups)
    left = np.array([np.concatenate([g for j, g in enumerate(groups) if j != i]).mean() for i in range(5)])
    found = jackknife(everything.mean(), left, sizes)
    assert found.stderr == pytest.approx(np.sqrt(4 / 5 * ((left - everything.mean()) ** 2).sum()), rel=1e-10)
    reach = (found.high - found.low) / 2 / found.stderr
    assert reach == pytest.approx(reference.t.ppf(0.975, 1))  # 1040^2 / 823464 - 1 = 0.3


def test_the_order_of_one_over_n_is_no_error_of_unequal_groups():
    """A bias b / n differs from group to group where sizes do; the pseudo-values are free of it."""
    sizes = np.array([2, 5, 9, 14])
    assert jackknife(3 - 1 / 30, [3 - 1 / (30 - m) for m in sizes], sizes).stderr == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("a_third", [False, True])
def test_units_of_unequal_size_are_covered(a_third):
    """Documents of 1 to 60 rows, and one that holds a third of all; taken for means of rows they cover .5 to .8."""
    rng = np.random.default_rng(5)
    hits, errors, means = [], [], []
    for _ in range(300):
        size = np.append(np.ones(200, int), 100) if a_third else np.minimum(rng.zipf(1.8, 100), 60)
        unit = np.repeat(np.arange(len(size)), size)
        x = rng.normal(size=len(size))[unit] + 0.3 * rng.normal(size=len(unit))
        group = rng.integers(0, 16, len(size))[unit]
        rows, sums = np.bincount(group, minlength=16), np.bincount(group, x, 16)
        bars = jackknife(x.mean(), (x.sum() - sums) / (len(x) - rows), rows)
        hits.append(bars.low <= 0 <= bars.high)
        errors.append(bars.stderr)
        means.append(x.mean())
    assert np.mean(hits) >= 0.93
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.15)


def test_empty_groups_are_passed_over_and_one_group_says_nothing():
    assert jackknife(2.0, [1.0, 2.0, 3.0], [4, 0, 4]) == jackknife(2.0, [1.0, 3.0], [4, 4])
    assert jackknife(2.0, [1.0, 2.0], [4, 0]).stderr is None
    assert jackknife(2.0, [], []).low is None
    with pytest.raises(InputError, match="one value a group"):
        jackknife(2.0, [1.0], [1, 2])


@pytest.mark.parametrize(("count", "units"), [(0, 50), (1, 40), (3, 200), (197, 200), (50, 50)])
def test_shares_of_few_units_have_at_least_wilsons_interval(count, units):
    """scipy's Wilson interval; replicates that are all equal would give an interval of nothing, and so would Wald's."""
    wilson = reference.binomtest(count, units).proportion_ci(0.95, method="wilson")
    found = at_least_binomial(Interval(0.0, count / units, count / units), count / units, units)
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    assert found.stderr > 0
    wide = Interval(0.2, 0.0, 1.0)
    assert at_least_binomial(wide, count / units, units) == wide


def test_shares_of_many_units_keep_their_interval():
    found = Interval(0.01, 0.28, 0.32)
    assert at_least_binomial(found, 0.3, 1000) == found


def measure(name, x, ids, clusters):
    metric = METRICS.get(name)
    results = {need: need.start({}).update(x, ids).result() for need in metric.needs.depends}
    return metric.measure(Grouped(metric.needs, results).update(x, ids, clusters).result())[0]


def clustered_rows(seed, n_clusters=80, size=5):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_clusters, 6)) * np.arange(1, 7) + 3
    x = np.repeat(centres, size, axis=0) + 0.5 * rng.normal(size=(n_clusters * size, 6))
    clusters = mix(np.repeat(np.arange(n_clusters, dtype=np.uint64), size) + np.uint64(1000 * seed))
    return x, hash_rows(0, len(x)), clusters


@pytest.mark.parametrize("name", ["self_similarity", "participation_ratio", "effective_rank", "top5_share"])
def test_intervals_over_clusters_cover_what_the_estimate_estimates(name):
    draws = [clustered_rows(seed) for seed in range(120)]
    found = [measure(name, *draw) for draw in draws]
    truth = np.mean([m.value for m in found])
    spread = np.std([m.value for m in found], ddof=1)
    assert np.mean([m.ci_low <= truth <= m.ci_high for m in found]) >= 0.88
    assert np.sqrt(np.mean([m.stderr**2 for m in found])) == pytest.approx(spread, rel=0.25)
    if name != "self_similarity":
        return
    single = [measure(name, x, ids, ids) for x, ids, _ in draws]
    assert np.mean([m.ci_low <= truth <= m.ci_high for m in single]) < 0.88


def test_a_file_sorted_by_topic_does_not_fool_the_groups():
    """Rows are drawn one by one from 16 topics; a file sorted by topic cut into 16 shards would give a topic each."""

    def draw(seed):
        rng = np.random.default_rng(seed)
        topic = np.sort(rng.integers(0, 16, 1600))
        return np.random.default_rng(99).normal(size=(16, 8))[topic] + 0.3 + 0.3 * rng.normal(size=(1600, 8))

    truth = np.std([METRICS.get("self_similarity")(draw(s)) for s in range(60)], ddof=1)
    x, ids = draw(1000), hash_rows(0, 1600)
    by_hash = measure("self_similarity", x, ids, ids)
    assert 0.5 * truth < by_hash.stderr < 1.7 * truth
    shards = [UnitSum().start({}).update(np.delete(x, s, axis=0), ids[s]) for s in np.array_split(np.arange(1600), 16)]
    left = [METRICS.get("self_similarity").function(s.result()) for s in shards]
    assert jackknife(by_hash.value, left, [100] * 16).stderr > 3 * truth


def test_the_order_of_rows_does_not_matter():
    x, ids, clusters = clustered_rows(3)
    order = np.random.default_rng(0).permutation(len(x))
    for name in ("self_similarity", "effective_rank", "i1", "isoscore"):
        one, two = measure(name, x, ids, clusters), measure(name, x[order], ids[order], clusters[order])
        assert (two.value, two.stderr) == pytest.approx((one.value, one.stderr), rel=1e-8)
