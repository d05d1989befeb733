"""Is no more lost than a tolerance? One test whose error rate holds for any number of units and any kind of loss.

A bootstrap of units that never change has no width, and says that nothing is lost where one unit in fifty loses all.
So the test bets [waudbysmith2024]: a capital of 1 is multiplied, unit by unit, by 1 + w (change + tolerance). Where the
mean change is -tolerance or worse its expectation is at most 1, so by Markov's inequality it reaches 20 in at most 5 %
of the cases. The stake w comes from the part of the data that selects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index

ALPHA = 0.05
"""Probability at most that a loss above the tolerance is certified as none."""

_STAKES = 400
_STEPS = 100
_DREADED = 0.1


@dataclass(frozen=True)
class Retention:
    """One test of "not more than ``tolerance`` is lost".

    Attributes
    ----------
    value : mean change of the items, negative for a loss
    p : bound of the p value, 1 where nothing speaks against the loss
    n_units : units of evidence
    needed : units that the same changes would take to be certified, None where no number would do
    at_most : loss that is not exceeded, with 95 % confidence; below the tolerance just where the test holds
    """

    value: float
    p: float
    n_units: int
    needed: int | None
    at_most: float

    @property
    def holds(self) -> bool:
        """Whether a loss above the tolerance is excluded, at 5 %."""
        return self.p <= ALPHA


def check_tolerance(tolerance: float) -> float:
    """``tolerance`` where it is a share between 0 and 1, else ``InputError``."""
    if not 0 < tolerance < 1:
        raise InputError(f"the tolerance is the loss that you accept, between 0 and 1 (such as 0.01), got {tolerance}")
    return float(tolerance)


def stake(changes: Floats, units: Index, tolerance: float) -> float:
    """The stake w that gains most on the units that select, with a tenth of a unit more that loses all.

    Any stake that the certifying units did not choose is valid; the tenth keeps one total loss from ruining the bet.

    Parameters
    ----------
    changes : (n,) change of each item, -1 to 1, nan where it is not scored
    units : (n,) number of the unit of each item
    """
    change, size = _payoffs(changes, units)
    z, worst = change + tolerance * size, tolerance - 1
    stakes = np.linspace(0, 1, _STAKES, endpoint=False)[1:] / (1 - tolerance)
    growth = [float(np.log1p(w * z).sum() + _DREADED * math.log1p(w * worst)) for w in stakes]
    return float(stakes[int(np.argmax(growth))])


def retention(changes: Floats, units: Index, tolerance: float, w: float) -> Retention:
    """The test on the units that certify, with the stake ``w``.

    >>> kept = retention(np.zeros(400), np.arange(400), 0.01, 0.9)
    >>> kept.holds, kept.needed
    (True, 335)
    >>> retention(np.zeros(100), np.arange(100), 0.01, 0.9).holds
    False
    """
    change, size = _payoffs(changes, units)
    z = change + tolerance * size
    growth = float(np.log1p(w * z).sum())
    needed = math.ceil(len(z) * math.log(1 / ALPHA) / growth) if growth > 0 else None
    known = np.isfinite(changes)
    value, bound = float(changes[known].mean()), loss_bound(changes, units, tolerance, w)
    return Retention(value, min(1.0, math.exp(-growth)), len(z), needed, bound)


def loss_bound(changes: Floats, units: Index, tolerance: float, w: float) -> float:
    """The smallest loss that is not exceeded with 95 % confidence: above it the same test excludes every larger loss.

    The test is made for every loss t in place of the tolerance, with the stake ``w`` where that leaves capital after a
    total loss. The probability that the true loss is above the bound is at most 5 %, for any number of units and any
    distribution of their changes. A loss of the tolerance is excluded exactly where the bound is below it.

    >>> round(loss_bound(np.zeros(400), np.arange(400), 0.01, 0.9), 4)
    0.0084
    """
    change, size = _payoffs(changes, units)

    def excluded(t: float) -> bool:
        some = min(w, (1 - 1e-9) / (1 - t)) if t < 1 else w
        return bool(np.log1p(some * (change + t * size)).sum() >= math.log(1 / ALPHA))

    if excluded(tolerance):
        steps = np.linspace(tolerance, 0.0, _STEPS + 1)
        kept = next((i for i, t in enumerate(steps.tolist()) if not excluded(t)), None)
        return 0.0 if kept is None else float(steps[kept - 1])
    low, high = tolerance, 1.0
    for _ in range(40):  # the payoffs rise with t, and the stake is the same for all t above the tolerance
        middle = (low + high) / 2
        low, high = (low, middle) if excluded(middle) else (middle, high)
    return high


def _payoffs(changes: Floats, units: Index) -> tuple[Floats, Floats]:
    """Of each unit the sum of its changes, and its size, both over the size of the largest.

    The first plus t times the second is what a unit pays where t may be lost: at least -(1 - t).
    """
    known = np.isfinite(changes)
    if not known.any():
        raise InputError("no item is scored, so nothing can be tested; pass queries with judgements, or rows")
    number = np.unique(units[known], return_inverse=True)[1]
    sizes = np.bincount(number)
    return np.bincount(number, weights=changes[known]) / sizes.max(), sizes / sizes.max()
