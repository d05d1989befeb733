"""The share in common and its error: against deletion of each row, and against fresh draws."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.migration.overlap import gains_without, in_common, overlap_score
from embedscope.stats.neighbours import top_k
from embedscope.stats.score_records import score_bars


def lists(rng: np.random.Generator, n: int, noise: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """The eleven nearest of n rows in an answer and in the truth, each row no neighbour of itself."""
    x = rng.normal(size=(n, 6))
    y = x + noise * rng.normal(size=x.shape)
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (y, x)]
    own = np.arange(n)
    near, truth = (top_k(side, side, 11, exclude=own).indices for side in unit)
    return near, truth


@pytest.mark.parametrize("k", [1, 4, 10])
def test_the_gain_without_a_row_is_that_of_deleting_it(k: int) -> None:
    near, truth = lists(np.random.default_rng(k), 40)
    rows, gains = gains_without(near, truth, k)
    got = np.zeros((40, 40))
    np.add.at(got, (np.arange(40)[:, None], rows), gains)
    before = in_common(near, truth, k)
    for gone in range(40):
        left = [[[r for r in row if r != gone][:k] for row in side.tolist()] for side in (near, truth)]
        after = np.array([len({*a} & {*t}) / k for a, t in zip(*left, strict=True)])
        assert got[:, gone] == pytest.approx(after - before)


def test_draws_hold_what_other_rows_would_change() -> None:
    """The standard error is that of the mean over fresh draws of queries and rows; of queries alone it is smaller."""
    means, errors, alone = [], [], []
    for run in range(60):
        near, truth = lists(np.random.default_rng([7, run]), 120)
        own = np.arange(120)
        score = overlap_score(near, truth, 5.0, own, own, own, 0)
        means.append(score.value)
        errors.append(score_bars(score)[0])
        alone.append(score_bars(overlap_score(near, truth, 5.0, own, own, None, 0))[0])
    spread = np.std(means, ddof=1)
    assert np.mean(errors) == pytest.approx(spread, rel=0.25)
    assert np.mean(errors) > 1.05 * np.mean(alone)


def test_between_two_whole_numbers_the_share_is_interpolated() -> None:
    near, truth = lists(np.random.default_rng(3), 50)
    own = np.arange(50)
    values = [overlap_score(near, truth, k, own, own, own, 0).value for k in (2.0, 2.25, 3.0)]
    assert values[1] == pytest.approx(0.75 * values[0] + 0.25 * values[2])
