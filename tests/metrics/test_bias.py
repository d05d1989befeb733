"""What a number says about its own bias, heavy tails and directions that are a choice."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope import measure, metrics
from embedscope.core.ids import groups_of, mix
from embedscope.metrics.pairs import PAIR_METRICS
from embedscope.metrics.pairs.metric import Paired
from embedscope.stats import Grouped, Moments
from embedscope.stats.moments import across_groups, halves
from embedscope.stats.units import Units


def one(x, metric):
    return measure(x, metrics=[metric]).records[0]


def test_error_of_the_centred_mean_cosine_is_that_of_repeated_samples():
    """With the mean held fixed the error bar is 4 to 57 times too wide."""
    for draw in (
        lambda rng: rng.normal(size=(400, 16)),
        lambda rng: rng.normal(size=(400, 16)) * 0.8 ** np.arange(16) + 0.5,
    ):
        records = [one(draw(np.random.default_rng(seed)), "self_similarity_centered") for seed in range(40)]
        true = np.std([r.value for r in records])
        assert 0.8 * true < np.mean([r.stderr for r in records]) < 2.2 * true
        assert "too low with so few rows" in records[0].note


@pytest.mark.parametrize("scales", [np.ones(16), np.arange(1, 17) ** -0.7])
def test_effective_rank_says_its_bias(scales):
    """Spectra of the groups are to first order, so the jackknife sees none; the interval alone covers in 0 to 80 %."""
    limit = metrics.effective_rank(np.diag(scales))
    for n in (60, 200):
        records = [one(np.random.default_rng(s).normal(size=(n, 16)) * scales, "effective_rank") for s in range(8)]
        said = [float(r.note.partition("about ")[2].partition(" too low")[0]) for r in records]
        assert np.mean(said) == pytest.approx(limit - np.mean([r.value for r in records]), rel=0.6)


def test_stable_ranks_say_what_sampling_makes_of_isotropic_rows():
    for metric in ("stable_rank", "stable_rank_centered"):
        record = one(np.random.default_rng(0).normal(size=(200, 16)), metric)
        assert "too low with so few rows (sampling alone would give about 9.72 in" in record.note
        assert record.value == pytest.approx(9.72, rel=0.2)
        apart = one(np.random.default_rng(0).normal(size=(2000, 16)) * 0.5 ** np.arange(16), metric)
        assert "too low" not in apart.note


def test_halves_of_the_groups_are_those_of_their_rows():
    x = np.random.default_rng(0).normal(size=(90, 5)) + 100
    ids = mix(np.arange(90, dtype=np.uint64))
    groups = groups_of(ids, 16)
    grouped = Grouped(Moments(), {}).update(x, ids, ids).result()
    filled = [g for g, size in enumerate(grouped.sizes) if size]
    for half, kept in zip(halves(grouped), (filled[::2], filled[1::2]), strict=True):
        rows = x[np.isin(groups, kept)]
        assert half.n == len(rows)
        np.testing.assert_allclose(half.mean, rows.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(half.covariance, np.cov(rows.T), rtol=1e-8, atol=1e-9)


def test_isotropic_rows_say_what_sampling_makes_of_i1_and_i2():
    record = one(np.random.default_rng(0).normal(size=(200, 16)), "i2")
    assert record.value == pytest.approx(0.02, abs=0.005)
    said = float(record.note.partition("and i2 ")[2].split()[0])
    assert said == pytest.approx(0.018, abs=0.005)
    assert "which the interval does not cover" in record.note


def test_coinciding_eigenvalues_are_said_and_have_a_variant():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(24, 24)))[0]
    assert "24 of 24 eigenvalues coincide" in one(np.eye(24), "i1").note
    for metric in ("i1:published", "i2:published"):  # which reads the rows of the matrix: any of these would do
        few = one(np.random.default_rng(0).normal(size=(20, 24)), metric)
        assert "4 of 24 eigenvalues coincide, so the rows of the matrix" in few.note
    apart = one(rng.normal(size=(300, 24)) * np.arange(1, 25), "i1")
    assert "coincide" not in (apart.note or "")
    values = [one(x, "i1:random").value for x in (np.eye(24), turn)]
    assert values[0] == pytest.approx(values[1], abs=0.05)


def test_heavy_tails_have_no_interval_and_normal_ones_do():
    rng = np.random.default_rng(0)
    heavy, normal = rng.standard_t(3, size=(1000, 16)), rng.normal(size=(1000, 16)) * 0.7 ** np.arange(16)
    assert "interval is too narrow" in one(heavy, "norm_cv").note
    for metric in ("isoscore", "effective_rank"):
        found = one(heavy, metric)
        assert found.ci_low is None
        assert "heavy tails" in found.note
        assert one(normal, metric).ci_low is not None


def test_kurtosis_of_lengths_in_parts_is_that_of_all():
    x = np.random.default_rng(0).standard_t(5, size=(3000, 8))
    from embedscope.stats import Norms, statistic_of

    norms = np.linalg.norm(x, axis=1)
    off = norms - norms.mean()
    assert statistic_of(Norms(), x).kurtosis == pytest.approx((off**4).mean() / off.var() ** 2)
    parts = Norms().start({}).update(x[:100], np.zeros(100, np.uint64))
    parts.merge(Norms().start({}).update(x[100:], np.zeros(2900, np.uint64)))
    assert parts.result().kurtosis == pytest.approx((off**4).mean() / off.var() ** 2)


def test_a_share_of_nothing_has_an_interval():
    record = one(np.random.default_rng(0).normal(size=(300, 3)), "antihub_share")
    assert record.value < 0.01
    assert record.ci_low == 0
    assert record.ci_high >= 0.0126


def test_unbiased_gap_is_about_zero_where_the_means_are_equal():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        paired = Paired.of(*rng.normal(size=(2, 200, 16)))
        gap, unbiased = PAIR_METRICS.get("modality_gap").measure(paired)
        found.append((gap.value**2, unbiased.value**2))
        assert "sampling alone gives about" in gap.note
    plain, corrected = np.mean(found, axis=0)
    assert plain == pytest.approx(2 / 200, rel=0.2)
    assert corrected < 0.4 * plain
    x = rng.normal(size=(500, 16))
    same = PAIR_METRICS.get("modality_gap").measure(Paired.of(x, x + 1e-3 * rng.normal(size=(500, 16))))
    assert same[1].value < 0.01


@pytest.mark.parametrize("size", [1e-165, 1e-120, 1e-100, 1.0, 1e100, 1e140])
def test_rows_of_any_size_have_the_same_cosines(size):
    x = np.random.default_rng(0).normal(size=(100, 8))
    for metric in ("self_similarity", "top5_share", "i1", "zero_rows", "isoscore", "effective_rank", "norm_cv"):
        found, wanted = one(size * x, metric), one(x, metric)
        assert found.value == pytest.approx(wanted.value, rel=1e-9)
        assert (found.ci_low is None) == (wanted.ci_low is None) == (metric == "zero_rows")
    for metric in ("mean_norm", "coordinate_std"):
        assert one(size * x, metric).value == pytest.approx(size * one(x, metric).value, rel=1e-12)
        assert one(size * x, metric).stderr == pytest.approx(size * one(x, metric).stderr, rel=0.5)


def test_isoscore_is_clipped_of_rounding_only():
    line = np.outer(np.arange(10.0), np.ones(3)) / 7
    assert one(line, "isoscore").value == 0.0


def test_a_sampled_score_is_not_exact_and_the_sample_is_by_hash():
    from embedscope.stats import RowSample, statistic_of

    x = np.arange(1000.0)[:, None]
    rows = np.sort(statistic_of(RowSample(100), x).x.ravel())
    assert rows.max() > 900
    assert not np.array_equal(rows, np.arange(100.0))


def test_participation_ratio_of_chunks_is_that_of_the_population_whatever_their_number():
    """Rows of one document are alike: by pairs of any rows 43 documents read as two thirds of the directions."""
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        chunks = np.repeat(rng.normal(size=(43, 48)), 6, axis=0) + 0.6 * rng.normal(size=(258, 48))
        found.append(measure(chunks, metrics=["participation_ratio_unbiased"], groups=np.arange(258) // 6)[0])
    assert np.mean([r.value for r in found]) == pytest.approx(48, rel=0.05)
    assert sum(r.ci_low <= 48 <= r.ci_high for r in found) >= 3


def test_i1_has_the_error_of_its_directions():
    """Where leading eigenvalues are near each other their directions turn from sample to sample."""
    scales = np.arange(1, 17) ** -0.4
    found = [one(np.random.default_rng(s).normal(size=(400, 16)) * scales + 0.2, "i1") for s in range(12)]
    assert np.mean([r.stderr for r in found]) > 0.8 * np.std([r.value for r in found])
    apart = one(np.random.default_rng(0).normal(size=(400, 16)) * scales + 0.5, "i1")
    assert apart.stderr < 0.005


def test_pairs_across_groups_are_those_of_their_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 5)) + 10
    unit = np.repeat(mix(np.arange(40, dtype=np.uint64)), 2)
    state = Grouped(Moments(), {}).update(x, mix(np.arange(80, dtype=np.uint64)), unit)
    state.units = Units(80, 40, 2)
    group, c = groups_of(unit, 16), x - x.mean(axis=0)
    apart = group[:, None] != group
    wanted = ((c**2).sum() / 80) ** 2 / ((c @ c.T) ** 2)[apart].mean()
    assert across_groups(state.result()).full.spread_apart == pytest.approx(wanted, rel=1e-9)
    state.units = Units(80, 80)
    assert across_groups(state.result()).full.spread_apart is None
