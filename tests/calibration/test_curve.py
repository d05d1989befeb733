"""Curves and their held-out error: the truth is known where the probabilities are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embedscope.calibration.curve import Chosen, calibration_error, choose_curve
from embedscope.calibration.guarantees import Judged
from embedscope.transforms.calibration import Beta, weigh_pairs


def draw(rng: np.random.Generator, n: int, bend: bool = False) -> tuple[Judged, np.ndarray]:
    cosines = rng.uniform(0, 1, n)
    p = 1 / (1 + np.exp(-12 * (cosines - 0.6)))
    if bend:
        p = np.where(cosines > 0.5, 0.6 + 0.1 * np.sin(9 * cosines), 0.05)
    return Judged(cosines, rng.uniform(size=n) < p, np.arange(n)), p


def test_beta_is_logistic_regression_on_log_odds() -> None:
    judged, _ = draw(np.random.default_rng(0), 2000)
    ones, zeros = judged.cosines[judged.match], judged.cosines[~judged.match]
    made = Beta.fit(ones, zeros, positive_rate=0.3)
    x, y, w, (n1, n0) = weigh_pairs(ones, zeros, 0.3)
    s = (1 + x) / 2
    t = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    features = np.stack([np.log(s), -np.log1p(-s)], axis=1)
    reference = LogisticRegression(C=1e9, solver="newton-cholesky", tol=1e-12, max_iter=2000)
    reference.fit(np.r_[features, features], np.r_[np.ones_like(x), np.zeros_like(x)], np.r_[w * t, w * (1 - t)])
    np.testing.assert_allclose([made.a, made.b], reference.coef_[0], rtol=2e-3)


def test_beta_rises_whatever_the_labels() -> None:
    rng = np.random.default_rng(1)
    made = Beta.fit(rng.uniform(0, 0.4, 50), rng.uniform(0.5, 1, 50), positive_rate=0.5)  # the wrong way round
    assert (np.diff(made.probability(np.linspace(-1, 1, 200))) >= -1e-12).all()


@pytest.mark.parametrize("bend", [False, True])
def test_the_chosen_curve_is_near_the_truth(bend: bool) -> None:
    judged, p = draw(np.random.default_rng(2), 12_000, bend)
    chosen = choose_curve(judged, np.arange(12_000) % 4 // 2 + (np.arange(12_000) % 4 == 3))
    assert isinstance(chosen, Chosen)
    assert np.abs(chosen.curve.probability(judged.cosines) - p).mean() < (0.06 if bend else 0.01)
    assert (chosen.name == "isotonic") == bend


def test_the_error_of_true_probabilities_is_nothing_and_of_wrong_ones_is_what_it_is() -> None:
    """Over runs: the interval holds 0 for true probabilities, and .08 for ones that are .08 too high."""
    held, shifted, plain, noise, found = [], [], [], [], []
    for run in range(80):
        rng = np.random.default_rng([3, run])
        p = np.repeat(rng.uniform(0.1, 0.8, 250), 4)
        unit = np.repeat(np.arange(250), 4)
        match = rng.uniform(size=1000) < p
        right = calibration_error(p, match, unit)
        held.append(right.low == 0)
        plain.append(right.ece)
        noise.append(right.noise)
        off = calibration_error(p + 0.08, match, unit)
        shifted.append(off.low <= 0.08 <= off.high)
        found.append(off.value)
    assert np.mean(noise) == pytest.approx(np.mean(plain), rel=0.1)  # what the plain number says of perfect ones
    assert np.mean(held) >= 0.9
    assert np.mean(shifted) >= 0.9
    assert np.mean(found) == pytest.approx(0.08, abs=0.008)


def test_too_few_labels_say_so() -> None:
    judged = Judged(np.linspace(0, 1, 40), np.arange(40) > 36, np.arange(40))
    assert "at least 20 of each are needed" in str(choose_curve(judged, np.zeros(40, dtype=np.intp)))
