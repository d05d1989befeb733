"""The distribution of unrelated pairs against all pairs taken one by one."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.calibration.sides import Sides
from embedscope.calibration.unrelated import pair_moments, sample_pairs, sample_unrelated, tail_intervals
from embedscope.core.errors import InputError


def unit(rng: np.random.Generator, n: int, d: int, shift: float = 0.0) -> np.ndarray:
    x = rng.normal(size=(n, d)) + shift
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def naive(sides: Sides) -> np.ndarray:
    n, m = len(sides.x), len(sides.right)
    left, right = np.divmod(np.arange(n * m), m)
    kept = sides.apart(left, right)
    return np.einsum("ij,ij->i", sides.x[left[kept]], sides.right[right[kept]])


@pytest.mark.parametrize("groups", [None, "few", "many"])
@pytest.mark.parametrize("related", [False, True])
def test_moments_of_one_space_are_those_of_all_unrelated_pairs(groups: str | None, related: bool) -> None:
    rng = np.random.default_rng(1)
    x = unit(rng, 60, 8, 1.0)
    group = None if groups is None else rng.integers(0, 5 if groups == "few" else 40, 60)
    pairs = (rng.integers(0, 60, 30), rng.integers(0, 60, 30)) if related else None
    sides = Sides(x, group_x=group, related=pairs)
    found, all_pairs = pair_moments(sides), naive(sides)
    assert found.n == len(all_pairs)
    assert found.mean == pytest.approx(all_pairs.mean(), abs=1e-12)
    assert found.sd == pytest.approx(all_pairs.std(), abs=1e-10)


def test_moments_of_two_sides_leave_out_what_matches() -> None:
    rng = np.random.default_rng(2)
    x, y = unit(rng, 40, 6), unit(rng, 50, 6, 0.5)
    sides = Sides(x, y, np.arange(40), np.arange(50) % 45, related=(np.array([0, 0, 3]), np.array([9, 9, 3])))
    found, all_pairs = pair_moments(sides), naive(sides)
    assert found.n == len(all_pairs)
    assert (found.mean, found.sd) == pytest.approx((all_pairs.mean(), all_pairs.std()), abs=1e-10)


def test_moments_hold_where_all_cosines_are_near_one() -> None:
    rng = np.random.default_rng(3)
    sides = Sides(unit(rng, 200, 16, 30.0))
    assert pair_moments(sides).sd == pytest.approx(naive(sides).std(), rel=1e-6)


def test_sampled_pairs_are_unrelated_and_even() -> None:
    rng = np.random.default_rng(4)
    x = unit(rng, 900, 4)
    sides = Sides(x, group_x=np.arange(900) // 3)
    left, right, exact = sample_pairs(sides, 0, 5000)
    assert not exact
    assert (left // 3 != right // 3).all()
    assert np.bincount(left, minlength=900).max() <= 6


def test_percentiles_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(5)
    sides = Sides(unit(rng, 300, 12, 0.3))
    every = naive(sides)
    found, _ = sample_unrelated(sides, 0)
    assert found.tail.exact
    at = np.quantile(every, [0.02, 0.3, 0.9, 0.99, 0.999])
    below = np.array([(every < c).mean() for c in at])
    np.testing.assert_allclose(found.tail.share_below(at), below, atol=2e-3)
    assert float(found.tail.share_below(1.5)) <= 1 - 1 / found.tail.n


def test_moments_of_a_query_are_those_of_its_cosines() -> None:
    rng = np.random.default_rng(6)
    x, y = unit(rng, 60, 8), unit(rng, 80, 8, 0.4)
    found, _ = sample_unrelated(Sides(x, y), 0)
    means, spreads = found.query_moments(x)
    cosines = x @ y.T
    np.testing.assert_allclose(means, cosines.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(spreads, cosines.std(axis=1), atol=1e-12)


def hubs(seed: list[int], n: int) -> Sides:
    rng = np.random.default_rng(seed)
    x = np.hstack([rng.normal(size=(n, 1)) * 0.6, rng.normal(size=(n, 15))]) + 0.2
    return Sides(x / np.linalg.norm(x, axis=1, keepdims=True))


def test_intervals_of_the_tail_hold_the_share_of_the_population() -> None:
    """The truth of a dependent sample: pairs share rows, and some rows are hubs."""
    big = hubs([8], 2000).x
    truth = float((big @ big.T >= 0.5).mean() - 1 / 2000)
    held = []
    for run in range(30):
        sides = hubs([7, run], 150)
        _, sampled = sample_unrelated(sides, run)
        _, low, high = tail_intervals(sampled, sides, np.array([0.5]))
        held.append(low[0] <= truth <= high[0])
    assert np.mean(held) >= 0.85


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(InputError, match="too few to say what a cosine means"):
        sample_unrelated(Sides(np.eye(8)), 0)
    with pytest.raises(InputError, match="check groups and labels"):
        pair_moments(Sides(np.eye(4), group_x=np.zeros(4, dtype=np.intp)))


@pytest.mark.parametrize("two", [False, True])
def test_rows_of_zeros_are_in_no_pair(two: bool) -> None:
    rng = np.random.default_rng(6)
    x, y = unit(rng, 300, 8, 1.0), unit(rng, 200, 8, 1.0)
    related = np.array([7, 290]), np.array([11, 150])
    full = Sides(x, y if two else None, related=related)
    whole, pairs = sample_unrelated(full, 0)
    empty_x = np.insert(x, [0, 40, 40, 300], 0, axis=0)
    empty_y = np.insert(y, [100, 200], 0, axis=0) if two else None
    at = np.flatnonzero(empty_x.any(axis=1)), np.flatnonzero((empty_x if empty_y is None else empty_y).any(axis=1))
    found, sampled = sample_unrelated(Sides(empty_x, empty_y, related=(at[0][related[0]], at[1][related[1]])), 0)
    assert found.moments == whole.moments
    assert np.array_equal(found.tail.cosines, whole.tail.cosines)
    assert np.array_equal(sampled.left, at[0][pairs.left]) and np.array_equal(sampled.right, at[1][pairs.right])


def test_rows_of_zeros_are_said() -> None:
    from embedscope import calibrate

    x = np.random.default_rng(7).normal(size=(200, 8)) + 1
    x[:3] = 0
    said = [s.why for s in calibrate(x).result.document.skipped]
    assert "3 rows of zeros left out of the unrelated pairs: zeros have no cosine" in said
