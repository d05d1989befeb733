"""Checked against ranking every draw anew with scipy (naive), and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from embedscope.core.errors import InputError
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import (
    holm,
    interval,
    item_counts,
    pair_counts,
    paired_difference,
    pearson_draws,
    shared_ends,
    spearman_draws,
    units_of_score,
)


def naive(x, gold, counts, ranks):
    """Each draw written out item by item, ranked and correlated on its own."""
    out = []
    for column in counts.T:
        rows = np.repeat(np.arange(len(x)), column)
        a, b = x[rows], gold[rows]
        if ranks:
            a, b = stats.rankdata(a), stats.rankdata(b)
        varies = len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0
        out.append(np.corrcoef(a, b)[0, 1] if varies else np.nan)
    return np.array(out)


def sample(n, ties, seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.normal(size=n)
    x = gold + rng.normal(size=n)
    return (np.round(x), np.round(gold)) if ties else (x, gold)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [2, 5, 60, 300])
def test_draws_equal_ranking_anew(n, ties):
    x, gold = sample(n, ties)
    counts = item_counts(n, 7)
    np.testing.assert_allclose(spearman_draws(x, gold, 7), naive(x, gold, counts, True), atol=1e-12)
    np.testing.assert_allclose(pearson_draws(x, gold, 7), naive(x, gold, counts, False), atol=1e-11)


def test_items_left_out_keep_the_draws_of_the_others():
    x, gold = sample(80, ties=True)
    x[[3, 10, 79]] = np.nan
    counts, known = item_counts(80, 1), np.isfinite(x)
    for draws, ranks in ((spearman_draws(x, gold, 1), True), (pearson_draws(x, gold, 1), False)):
        np.testing.assert_allclose(draws, naive(x[known], gold[known], counts[known], ranks), atol=1e-12)


def test_pairs_are_drawn_by_their_ends():
    left, right = np.triu_indices(9, k=1)
    x, gold = sample(len(left), ties=True)
    counts = pair_counts(left, right, 5)
    documents = item_counts(9, 5)
    assert counts[0].tolist() == (documents[0] + documents[1]).tolist()
    estimate = stats.spearmanr(x, gold)[0]
    replicates = np.arctanh(naive(x, gold, counts, True))
    wanted = np.tanh(
        np.arctanh(estimate) + 2 * (replicates - np.arctanh(estimate))
    )  # stretched by two, see pair_counts
    draws = spearman_draws(x, gold, 5, (left, right))
    np.testing.assert_allclose(draws, wanted, atol=1e-9)
    assert np.nanstd(draws) > spearman_draws(x, gold, 5).std()


def test_draws_depend_on_count_and_seed_alone():
    assert item_counts(30, 1).tolist() == item_counts.__wrapped__(30, 1).tolist()
    assert item_counts(30, 1).tolist() != item_counts(30, 2).tolist()
    assert not item_counts(30, 1).flags.writeable


def test_standard_error_near_theory():
    """Of a Pearson correlation of normal variables: (1 - r^2) / sqrt(n), within sampling error."""
    x, gold = sample(3000, ties=False, seed=4)
    r = np.corrcoef(x, gold)[0, 1]
    stderr, low, high = interval(r, pearson_draws(x, gold, 0))
    assert stderr == pytest.approx((1 - r**2) / np.sqrt(3000), rel=0.1)
    assert low < r < high


def test_undefined_draws():
    gold = np.arange(4.0)
    assert np.isnan(spearman_draws(np.full(4, np.nan), gold, 0)).all()
    assert np.isnan(pearson_draws(np.full(4, 0.3), gold, 0)).all()
    with pytest.raises(InputError, match="same shape"):
        spearman_draws(np.zeros(3), gold, 0)


def test_interval_of_mostly_undefined_draws():
    draws = np.full(100, np.nan)
    draws[:10] = 0.5
    assert interval(0.5, draws) == (None, None, None)


def test_the_standard_error_is_that_of_a_sample():
    """Of the replicates 0, 1, 2: with ddof 1 it is 1, with ddof 0 it would be .82."""
    assert interval(1.0, np.arange(3.0))[0] == pytest.approx(1.0)


def score(x, gold, seed=0):
    return Score(float(stats.spearmanr(x, gold)[0]), len(x), spearman_draws(x, gold, seed))


def test_paired_difference_is_tighter_than_an_unpaired_one():
    x, gold = sample(500, ties=False)
    near = x + 0.1 * np.random.default_rng(9).normal(size=500)
    a, b = score(x, gold), score(near, gold)
    found = paired_difference(a, b)
    assert found.value == pytest.approx(a.value - b.value)
    assert found.stderr < 0.3 * np.hypot(a.draws.std(), b.draws.std())
    assert found.low < found.value < found.high
    same = paired_difference(a, a)
    assert (same.value, same.p) == (0.0, 1.0)


def test_paired_difference_of_unlike_scores():
    x, gold = sample(500, ties=False)
    found = paired_difference(score(gold + 0.1 * x, gold), score(-x, gold))
    assert found.p == pytest.approx(2 / 1001)
    assert paired_difference(Score(None, 3), score(x, gold)).value is None
    with pytest.raises(InputError, match="same number"):
        paired_difference(Score(0.1, 3), score(x, gold))


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def dyads(rng, share, words=100, pairs=300, truth=0.5):
    left = rng.integers(0, words, pairs)
    right = (left + 1 + rng.integers(0, words - 1, pairs)) % words
    root = np.linalg.cholesky([[1, truth], [truth, 1]])
    effects, noise = rng.normal(size=(words, 2)) @ root.T, rng.normal(size=(pairs, 2)) @ root.T
    x = np.sqrt(share / 2) * (effects[left] + effects[right]) + np.sqrt(1 - share) * noise
    return left, right, x[:, 0], x[:, 1]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_pairs_that_share_words_are_covered(share):
    """Nominal .95; resampling pairs covers about .86 at a word-effect share of .5."""
    rng, hits = np.random.default_rng(5), []
    for _ in range(120):
        left, right, x, gold = dyads(rng, share)
        draws = pearson_draws(x, gold, 0, shared_ends(left, right), 300)
        low, high = np.quantile(draws, [0.025, 0.975])
        hits.append(low <= 0.5 <= high)
    assert np.mean(hits) >= 0.92


def test_what_pairs_share_decides_what_is_drawn():
    rows = np.arange(40)
    assert shared_ends(rows, rows + 40) is None
    left, right = shared_ends(np.repeat(rows, 2), np.arange(80) + 40)  # 40 components of two pairs
    assert (left == right).all()
    assert len(np.unique(left)) == 40
    left, right = shared_ends(np.zeros(40, dtype=int), rows + 1)
    assert (left == 0).all()
    assert len(np.unique(right)) == 40


def test_clusters_of_pairs_are_drawn_whole():
    x, gold = sample(60, ties=False)
    groups = np.repeat(np.arange(20), 3)
    counts = pair_counts(groups, groups, 5)
    assert (counts == item_counts(20, 5)[groups]).all()
    draws = spearman_draws(x, gold, 5, (groups, groups))
    assert draws[0] == pytest.approx(stats.spearmanr(np.repeat(x, counts[:, 0]), np.repeat(gold, counts[:, 0]))[0])


@pytest.mark.parametrize("n", [8, 12, 50])
def test_few_units_have_a_wider_interval_that_errs_no_more_than_it_says(n):
    """One-sided error of the certifying test, nominal .025; without expansion .05 at n = 8."""
    rng, wrong = np.random.default_rng(0), 0
    counts = item_counts(n, 0) / n
    for _ in range(1500):
        gains = rng.normal(size=n)
        a, b = (Score(v, n, d) for v, d in ((gains.mean(), gains @ counts), (0.0, np.zeros(1000))))
        wrong += paired_difference(a, b, units=n).low > 0
    assert wrong / 1500 <= 0.025 + 2.5 * np.sqrt(0.025 * 0.975 / 1500)


def test_units_of_a_score_are_groups_where_it_says_so():
    assert units_of_score(Score(0.5, 90)) == 90
    assert units_of_score(Score(0.5, 90, facts={"units": 30})) == 30
