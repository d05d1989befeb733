"""Score calibrations against scikit-learn, closed forms and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from embedscope.core.errors import InputError
from embedscope.transforms.calibration import Isotonic, Platt, calibration_from, reliability, weigh_pairs


def cosines(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(0.5, 0.15, n), -1, 1), np.clip(rng.normal(0.2, 0.15, 3 * n), -1, 1)


@pytest.mark.parametrize("positive_rate", [0.25, 0.01, 0.9])
@pytest.mark.parametrize("decimals", [9, 1])
def test_isotonic_is_that_of_sklearn(positive_rate: float, decimals: int) -> None:
    matching, others = (side.round(decimals) for side in cosines())
    x, y, w, _ = weigh_pairs(matching, others, positive_rate)
    reference = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(x, y, sample_weight=w)
    at = np.linspace(-1, 1, 301)
    mine = Isotonic.fit(matching, others, positive_rate=positive_rate)
    np.testing.assert_allclose(mine.probability(at), reference.predict(at), atol=1e-9)


def test_platt_is_that_of_sklearn_at_the_share_of_the_sample() -> None:
    matching, others = cosines()
    x, y, _, _ = weigh_pairs(matching, others, 0.25)
    reference = _SigmoidCalibration().fit(x, y)
    mine = Platt.fit(matching, others, positive_rate=0.25)
    assert mine.slope == pytest.approx(-reference.a_, rel=1e-4)
    assert mine.intercept == pytest.approx(-reference.b_, rel=1e-4)


@pytest.mark.parametrize("positive_rate", [0.01, 0.5, 0.9])
def test_platt_is_weighted_logistic_regression_on_soft_targets(positive_rate: float) -> None:
    matching, others = cosines()
    x, y, w, (n1, n0) = weigh_pairs(matching, others, positive_rate)
    t = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    reference = LogisticRegression(C=1e9, solver="newton-cholesky", tol=1e-12, max_iter=500)
    reference.fit(np.r_[x, x][:, None], np.r_[np.ones_like(x), np.zeros_like(x)], np.r_[w * t, w * (1 - t)])
    mine = Platt.fit(matching, others, positive_rate=positive_rate)
    assert mine.slope == pytest.approx(reference.coef_[0, 0], rel=1e-5)
    assert mine.intercept == pytest.approx(reference.intercept_[0], rel=1e-5)


def test_platt_stays_finite_where_cosines_separate() -> None:
    made = Platt.fit([0.9, 0.95], [0.1, 0.2], positive_rate=0.5)
    assert np.isfinite([made.slope, made.intercept]).all()
    assert made.probability(0.95) > 0.7
    assert made.probability(0.1) < 0.3


def test_platt_of_gaussian_cosines_is_the_closed_form() -> None:
    """Two normal densities of one width s: the logit is ((m1 - m0) c - (m1^2 - m0^2) / 2) / s^2 + logit(rate)."""
    rng = np.random.default_rng(1)
    made = Platt.fit(rng.normal(0.5, 0.1, 40_000), rng.normal(0.2, 0.1, 40_000), positive_rate=0.1)
    assert made.slope == pytest.approx(30.0, rel=0.03)
    assert made.intercept == pytest.approx(-10.5 + np.log(0.1 / 0.9), rel=0.03)


@pytest.mark.parametrize("method", [Isotonic, Platt])
def test_reliability_is_that_of_sklearn_and_of_a_loop(method: type) -> None:
    made = method.fit(*cosines(seed=1), positive_rate=0.1)
    matching, others = cosines(seed=2)
    found = reliability(made, matching, others, bins=10)
    x, y, w, _ = weigh_pairs(matching, others, 0.1)
    p = made.probability(x)
    assert found.brier == pytest.approx(brier_score_loss(y, p, sample_weight=w), abs=1e-12)
    error = 0.0
    for i in range(10):
        here = (p >= i / 10) & ((p < (i + 1) / 10) | (i == 9))
        if here.any():
            gap = abs(np.average(p[here], weights=w[here]) - np.average(y[here], weights=w[here]))
            error += w[here].sum() / w.sum() * gap
    assert found.ece == pytest.approx(error, abs=1e-9)
    assert found.brier < found.base_brier == pytest.approx(0.09)
    assert (found.n_matching, found.n_other) == (200, 600)


@pytest.mark.parametrize("method", [Isotonic, Platt])
def test_survives_being_written(method: type) -> None:
    made = method.fit(*cosines(20), positive_rate=0.1)
    assert calibration_from(made.as_dict()) == made
    with pytest.raises(InputError, match="unknown score calibration 'spline', wanted isotonic or platt or beta"):
        calibration_from(made.as_dict() | {"method": "spline"})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=15),
    st.lists(st.floats(-1, 1), min_size=1, max_size=15),
    st.floats(0.01, 0.99),
)
def test_isotonic_rises_between_0_and_1_and_keeps_the_prior(ones: list, zeros: list, positive_rate: float) -> None:
    made = Isotonic.fit(ones, zeros, positive_rate=positive_rate)
    p = made.probability(np.linspace(-1, 1, 50))
    assert (np.diff(p) >= -1e-12).all()
    assert p.min() >= 0
    assert p.max() <= 1 + 1e-12
    x, _, w, _ = weigh_pairs(ones, zeros, positive_rate)
    assert np.average(made.probability(x), weights=w) == pytest.approx(positive_rate, abs=1e-9)


def test_refusals() -> None:
    with pytest.raises(InputError, match="positive_rate is the share"):
        Platt.fit([0.5], [0.1], positive_rate=1.0)
    with pytest.raises(InputError, match="matching must hold finite cosines, at least one, got 0"):
        Isotonic.fit([], [0.1], positive_rate=0.5)
