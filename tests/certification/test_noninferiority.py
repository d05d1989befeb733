"""The test of "not more than a tolerance is lost": false certificates are rare, whatever the loss looks like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from embedscope.certification.noninferiority import check_tolerance, retention, stake
from embedscope.core.errors import InputError

Law = Callable[[np.random.Generator, int], np.ndarray]


def _share_certified(law: Law, n: int, tolerance: float, runs: int) -> float:
    held = 0
    for run in range(runs):
        rng = np.random.default_rng([3, run])
        w = stake(law(rng, n // 3), np.arange(n // 3), tolerance)
        held += retention(law(rng, n), np.arange(n), tolerance, w).holds
    return held / runs


@pytest.mark.parametrize("n", [30, 120, 450])
@pytest.mark.parametrize(
    "law",
    [
        lambda rng, n: -(rng.random(n) < 0.05).astype(float),  # one in twenty loses all: a bootstrap may see none
        lambda rng, n: -rng.binomial(10, 0.05, n) / 10,
        lambda rng, n: np.clip(rng.normal(-0.05, 0.2, n), -1, 1),
    ],
)
def test_a_loss_of_the_tolerance_is_certified_in_at_most_five_percent(law: Law, n: int) -> None:
    assert _share_certified(law, n, 0.05, 200) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_small_losses_are_certified() -> None:
    assert _share_certified(lambda rng, n: np.zeros(n), 120, 0.05, 5) == 1
    assert _share_certified(lambda rng, n: -rng.binomial(10, 0.01, n) / 10, 450, 0.05, 40) >= 0.95


def test_items_of_one_unit_count_once() -> None:
    changes = np.zeros(400)
    w = stake(changes, np.arange(400), 0.05)
    assert retention(changes, np.arange(400), 0.05, w).holds
    one = retention(changes, np.arange(400) // 20, 0.05, w)
    assert one.n_units == 20
    assert not one.holds
    assert one.needed > 20


def test_closed_form() -> None:
    """400 units without a change, stake 0.5, tolerance 0.1: the capital is 1.05^400."""
    found = retention(np.zeros(40), np.arange(40), 0.1, 0.5)
    assert found.p == pytest.approx(1.05**-40)
    assert found.needed == int(np.ceil(np.log(20) / np.log(1.05)))


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -0.1])
def test_tolerances_that_are_none(tolerance: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        check_tolerance(tolerance)


def test_the_bound_of_the_loss_is_that_of_the_test() -> None:
    """Closed form: with stake 0.5 the capital of 40 units without a change is (1 + t / 2)^40, which is 20 at t."""
    bound = retention(np.zeros(40), np.arange(40), 0.1, 0.5).at_most
    assert bound == pytest.approx(2 * (20 ** (1 / 40) - 1), abs=1e-6)
    held = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        changes = -rng.binomial(10, rng.uniform(0, 0.05), 200) / 10
        tested = retention(changes, np.arange(200) // 2, 0.05, stake(changes, np.arange(200), 0.05))
        held.append(tested.holds)
        assert tested.holds == (tested.at_most <= 0.05)
        assert tested.at_most > -tested.value
    assert 5 < sum(held) < 35


def test_the_bound_is_below_the_true_loss_in_at_most_five_percent() -> None:
    below = 0
    for run in range(200):
        rng = np.random.default_rng([4, run])
        first, second = (-(rng.random(n) < 0.08).astype(float) for n in (40, 120))
        w = stake(first, np.arange(40), 0.05)
        below += retention(second, np.arange(120), 0.05, w).at_most < 0.08
    assert below <= 200 * (0.05 + 2 * np.sqrt(0.05 * 0.95 / 200))
