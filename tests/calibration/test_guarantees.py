"""Thresholds: exact tests against scipy, and the promised error rate on populations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from embedscope.calibration.guarantees import (
    DrawnPairs,
    Judged,
    betting_p,
    binomial_p,
    certify_false_share,
    certify_recall,
    false_share,
    needed_trials,
)


def population(rng: np.random.Generator, units: int, k: int, slope: float = 12.0, at: float = 0.6) -> Judged:
    """Units of k pairs with an effect in common; a pair matches with a probability that rises with its cosine."""
    effect = np.repeat(rng.normal(size=units), k)
    cosines = rng.beta(4, 3, size=units * k)
    match = rng.uniform(size=units * k) < 1 / (1 + np.exp(-(slope * (cosines - at) + effect)))
    return Judged(cosines, match, np.repeat(np.arange(units), k))


def truth(cut: float, k: int, alpha: float) -> float:
    return false_share(population(np.random.default_rng(99), 20_000, k), cut) - alpha


def test_p_values_are_those_of_scipy() -> None:
    for failures, n in ((0, 59), (3, 200), (10, 10)):
        wanted = binomtest(failures, n, 0.05, alternative="less").pvalue
        assert binomial_p(failures, n, 0.05) == pytest.approx(wanted)


@pytest.mark.parametrize("k", [1, 5])
def test_precision_is_broken_in_at_most_five_percent_of_the_runs(k: int) -> None:
    broken, certified, runs = 0, 0, 60
    kept: dict[float, float] = {}
    for run in range(runs):
        rng = np.random.default_rng([k, run])
        judged = population(rng, 400, k)
        found = certify_false_share(judged, judged.unit < 200, "precision", 0.8, confidence=0.95, seed=run)
        if found.cosine is not None:
            certified += 1
            key = round(found.cosine, 2)
            if key not in kept:
                kept[key] = truth(key - 0.005, k, 0.2)  # a little below: the strict side
            broken += kept[key] > 0.01
    assert certified >= (0.2 if k == 1 else 0.8) * runs
    assert broken <= 0.05 * runs + 2 * np.sqrt(0.05 * 0.95 * runs)


def test_one_pair_of_a_unit_fails_as_often_as_its_share() -> None:
    judged = Judged(np.full(4000, 0.9), np.tile([True, False, False, True], 1000), np.repeat(np.arange(1000), 4))
    false, n = DrawnPairs(judged, 3).false_units(0.5)
    assert n == 1000
    assert abs(false - 500) < 3 * np.sqrt(250)


def test_recall_is_kept_exactly_and_on_average() -> None:
    broken, risk, runs = 0, [], 200
    grid = np.linspace(-1, 1, 2001)
    for run in range(runs):
        rng = np.random.default_rng([11, run])
        unit = np.repeat(np.arange(150), 3)
        cosines = np.clip(0.6 + 0.1 * np.repeat(rng.normal(size=150), 3) + 0.1 * rng.normal(size=450), -1, 1)
        found, conformal = certify_recall(cosines, unit, 0.9, confidence=0.95, grid=grid, seed=run)
        assert found.cosine is not None and conformal is not None
        broken += norm.cdf((found.cosine - 0.6) / np.sqrt(0.02)) > 0.1
        risk.append(norm.cdf((conformal - 0.6) / np.sqrt(0.02)))
    assert broken <= 0.05 * runs + 2 * np.sqrt(0.05 * 0.95 * runs)
    assert np.mean(risk) <= 0.1 + 2 * np.std(risk) / np.sqrt(runs)
    assert np.mean(risk) > 0.08  # not needlessly careful


def test_bets_may_be_looked_at_after_every_label() -> None:
    """The share of runs in which the p-value ever falls to .05 although the rate is exactly alpha."""
    ever = 0
    for run in range(100):
        losses = (np.random.default_rng([13, run]).uniform(size=600) < 0.1).astype(np.float64)
        ever += any(betting_p(losses[:n], 0.1) <= 0.05 for n in range(20, 601, 40))
    assert ever <= 0.05 * 100 + 2 * np.sqrt(0.05 * 0.95 * 100)


def test_a_refusal_says_how_many_labels_it_takes() -> None:
    rng = np.random.default_rng(5)
    judged = population(rng, 60, 1, slope=40.0)
    found = certify_false_share(judged, judged.unit < 30, "max_false_merge", 0.001, confidence=0.95)
    assert found.cosine is None
    assert found.needed is not None and found.needed > 3000
    assert "labelled units in all (there are 60)" in str(found.why)
    assert needed_trials(0.0, 0.001, 0.95) == 2995  # log(.05) / log(.999)
    hopeless = Judged(rng.uniform(size=500), rng.uniform(size=500) < 0.3, np.arange(500))
    none = certify_false_share(hopeless, hopeless.unit < 250, "precision", 0.95, confidence=0.95)
    assert none.cosine is None and none.needed is None
    assert "more labels would not help" in str(none.why)
    few, _ = certify_recall(np.full(10, 0.5), np.arange(10), 0.95, confidence=0.95, grid=np.linspace(-1, 1, 11))
    assert few.cosine is None and few.needed == 59


def test_needed_labels_do_certify() -> None:
    for rate, alpha in ((0.0, 0.05), (0.02, 0.05), (0.001, 0.01)):
        n = needed_trials(rate, alpha, 0.95)
        assert n is not None
        passed = [binomial_p(int(np.random.default_rng(i).binomial(n, rate)), n, alpha) <= 0.05 for i in range(300)]
        assert np.mean(passed) >= 0.45  # half of the time, as stated
