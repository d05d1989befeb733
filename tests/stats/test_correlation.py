"""Checked against scipy.stats (independent package) and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from embedscope.stats.correlation import mid_ranks, pearson, spearman, tie_groups, tied_pairs

small = st.lists(st.integers(-4, 4), min_size=2, max_size=40)


@given(small)
def test_mid_ranks_equal_scipy(values):
    x = np.array(values, dtype=float)
    assert mid_ranks(x).tolist() == stats.rankdata(x).tolist()


@given(small)
def test_tied_pairs_counts_equal_values(values):
    x = np.array(values, dtype=float)
    assert tied_pairs(x) == sum(a == b for i, a in enumerate(values) for b in values[:i])


def test_tie_groups_of_nothing():
    order, starts = tie_groups(np.array([]))
    assert len(order) == len(starts) == 0


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_equal_scipy(ties):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 500)) + rng.normal(size=500)
    if ties:
        x, y = np.round(x), np.round(y)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-14)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-14)


def test_far_from_the_origin():
    x = np.arange(100.0)
    assert pearson(x + 1e8, -3 * x) == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize("correlation", [pearson, spearman])
@pytest.mark.parametrize("x", [[1.0, 1.0, 1.0], [1.0, 1.0 + 1e-13, 1.0], [1.0]])
def test_what_does_not_vary_has_no_correlation(correlation, x):
    y = np.arange(float(len(x)))
    assert correlation(np.array(x), y) is None
    assert correlation(y, np.array(x)) is None
