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
    """

    value: float
    p: float
    n_units: int
    needed: int | None

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
    z, worst = _payoffs(changes, units, tolerance), tolerance - 1
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
    z = _payoffs(changes, units, tolerance)
    growth = float(np.log1p(w * z).sum())
    needed = math.ceil(len(z) * math.log(1 / ALPHA) / growth) if growth > 0 else None
    known = np.isfinite(changes)
    return Retention(float(changes[known].mean()), min(1.0, math.exp(-growth)), len(z), needed)


def _payoffs(changes: Floats, units: Index, tolerance: float) -> Floats:
    """Sum of change + tolerance of each unit over the size of the largest: at least -(1 - tolerance)."""
    known = np.isfinite(changes)
    if not known.any():
        raise InputError("no item is scored, so nothing can be tested; pass queries with judgements, or rows")
    number = np.unique(units[known], return_inverse=True)[1]
    sums = np.bincount(number, weights=changes[known] + tolerance)
    return np.asarray(sums / np.bincount(number).max())
