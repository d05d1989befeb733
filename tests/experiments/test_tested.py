"""Sentences of the studies follow from their numbers: adversarial inputs change them."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.tables import Score
from embedscope.experiments._tested import Estimate, difference, normal_difference, select_on_half, together
from embedscope.tasks.means import mean_score


def hits(items: np.ndarray, seed: int = 0) -> Score:
    return mean_score(np.asarray(items, dtype=np.float64), seed)


def bare(items: np.ndarray) -> Score:
    """A score without draws, which a choice on half of the items does not need."""
    return Score(float(items.mean()), len(items), None, items)


@pytest.mark.parametrize(
    ("low", "high", "above"), [(0.01, 0.2, "agrees"), (-0.2, -0.01, "deviates"), (-0.1, 0.1, "undecided")]
)
def test_three_outcomes(low: float, high: float, above: str) -> None:
    estimate = Estimate((low + high) / 2, low, high)
    assert estimate.above() == above
    assert estimate.below() == {"agrees": "deviates", "deviates": "agrees"}.get(above, "undecided")


def test_a_number_without_an_interval_decides_nothing() -> None:
    assert Estimate(0.9).above() == Estimate().above() == "undecided"
    assert together([]) == "undecided"


def test_an_end_that_would_round_to_zero_is_printed() -> None:
    assert Estimate(0.02, 0.0002, 0.04).text() == "0.0200 (0.0002 to 0.0400)"


def test_difference_is_paired() -> None:
    rng = np.random.default_rng(0)
    a = (rng.random(400) < 0.5).astype(float)
    b = a.copy()
    b[:12] = 1 - b[:12]
    assert difference(hits(a), hits(a)) == Estimate(0.0, 0.0, 0.0)
    found = difference(hits(a), hits(b))
    assert found.low is not None and found.high is not None
    assert found.high - found.low < 0.05, "items that agree do not widen the interval"


def test_differences_of_few_err_at_their_level() -> None:
    """Errors over 16 groups have 15 degrees of freedom, and percentiles of 10 items are too near."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 16, 4000))
    spread = np.hypot(a.std(axis=0, ddof=1) / 4, b.std(axis=0, ddof=1) / 40)  # the second is hardly in it
    apart = a.mean(axis=0) - b.mean(axis=0) / 10
    reach = np.array([normal_difference((0.0, e), (0.0, 1e-6)).high for e in spread[:50]]) / spread[:50]
    assert reach == pytest.approx(2.131, abs=2e-3)
    assert (np.abs(apart) > 2.131 * spread).mean() == pytest.approx(0.05, abs=0.012)
    wrong = [difference(hits(rng.normal(size=10)), hits(np.zeros(10))).above() != "undecided" for _ in range(300)]
    assert np.mean(wrong) <= 0.08  # of plain percentiles .10 and more


def test_selection_on_half_is_not_fooled_by_the_luckiest_of_many() -> None:
    """Twenty alignments that do nothing: the best one's gain on the testing half has an interval over zero."""
    wrong = 0
    for run in range(30):
        rng = np.random.default_rng(run)
        reference = (rng.random(300) < 0.3).astype(float)
        scores: dict[str | None, Score] = {None: bare(reference)}
        for k in range(20):
            flipped = reference.copy()
            changed = rng.choice(300, 60, replace=False)
            flipped[changed] = rng.random(60) < 0.3
            scores[f"a{k}"] = bare(flipped)
        found = select_on_half(scores, np.arange(300), seed=run)
        assert found is not None
        wrong += found.name is not None and found.gain.above() == "agrees"
    assert wrong <= 4  # nominal 2.5 %: 0.75 of 30


def test_selection_finds_a_real_gain_and_respects_units() -> None:
    rng = np.random.default_rng(1)
    reference = (rng.random(400) < 0.3).astype(float)
    better = np.where(rng.random(400) < 0.3, 1.0, reference)
    found = select_on_half({None: bare(reference), "good": bare(better)}, np.arange(400) // 2, seed=0)
    assert found is not None
    assert (found.name, found.gain.above()) == ("good", "agrees")
    assert select_on_half({None: bare(reference), "good": bare(better)}, np.arange(400) // 50, seed=0) is None
