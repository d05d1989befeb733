"""Standard errors from groups of rows that were left out in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from embedscope.core.errors import InputError

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Standard error and 95 % interval of a value; None where there are too few groups.

    ``bias`` is what the jackknife estimates for the expected value less the true one; the interval does not cover it.
    ``degrees`` are those of Student's t, where the interval is its.
    """

    stderr: float | None
    low: float | None
    high: float | None
    bias: float | None = None
    degrees: int | None = None

    @property
    def bias_note(self) -> str | None:
        """The bias in words where it is larger than half a standard error, None where it is smaller."""
        if self.bias is None or self.stderr is None or abs(self.bias) <= max(self.stderr / 2, _ROUNDING):
            return None
        way = "high" if self.bias > 0 else "low"
        return f"about {abs(self.bias):.2g} too {way} with so few rows, which the interval does not cover"


_ROUNDING = 1e-12


def jackknife(full: float, left_out: Sequence[float], sizes: Sequence[int]) -> Interval:
    """Delete-a-group jackknife for groups of any sizes, with a t interval around ``full``.

    With h_j = n / m_j, the pseudo-values h_j T - (h_j - 1) T_(j) and their deviations e_j from the jackknife estimate,
    the variance is (g - 1) / g sum (e_j / (h_j - 1))^2 over the g groups; for a mean these are the differences
    T - T_(j). A group counts by its size, so that a large unit of evidence, which is a group nearly by itself, is not
    taken for the mean of many rows. For equal groups this is the usual delete-a-group variance. The degrees of freedom
    are those of groups that weigh as their squared sizes, (sum m^2)^2 / sum m^4 - 1, at most g - 1. It covers sampling
    error, not bias.

    Parameters
    ----------
    full : the value on all rows
    left_out : the value without each group
    sizes : rows in each group; groups without rows are passed over

    Raises
    ------
    InputError
        if the two sequences differ in length.

    References
    ----------
    busing1999, kott2001

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 6.0])
    >>> round(jackknife(x.mean(), [(x.sum() - v) / 3 for v in x], [1] * 4).stderr, 9)  # the standard error of a mean
    1.08012345
    >>> round(float(x.std(ddof=1) / 2), 9)
    1.08012345
    """
    if len(left_out) != len(sizes):
        raise InputError(f"jackknife needs one value a group, got {len(left_out)} values and {len(sizes)} sizes")
    filled = np.asarray(sizes, dtype=np.float64) > 0
    m, values = np.asarray(sizes, dtype=np.float64)[filled], np.asarray(left_out, dtype=np.float64)[filled]
    g, n = len(m), m.sum()
    if g < 2:
        return Interval(None, None, None)
    h = n / m
    pseudo = h * full - (h - 1) * values
    estimate = g * full - ((1 - m / n) * values).sum()
    stderr = float(np.sqrt((g - 1) / g * (((pseudo - estimate) / (h - 1)) ** 2).sum()))
    degrees = (m**2).sum() ** 2 / (m**4).sum() - 1
    interval = student_interval(full, stderr, min(g - 1, max(1, round(float(degrees)))))
    return replace(interval, bias=float(full - estimate))


def widen(interval: Interval, value: float, more: float | None) -> Interval:
    """``interval`` of a jackknife with a further independent standard error ``more``.

    >>> widen(student_interval(0.0, 3.0, 15), 0.0, 4.0).stderr
    5.0
    """
    if not more or interval.stderr is None or interval.degrees is None:
        return interval
    wider = student_interval(value, math.hypot(interval.stderr, more), interval.degrees)
    return replace(wider, bias=interval.bias)


_FEW = 5


def at_least_binomial(interval: Interval, share: float, units: int) -> Interval:
    """``interval`` of a ``share``; where few of the ``units`` are in it, no narrower than Wilson's [wilson1927].

    Where no unit (or every one) has the property all replicates are equal, which says nothing about the next one.

    >>> found = at_least_binomial(Interval(0.0, 0.0, 0.0), 0.0, 100)
    >>> found.low, round(found.high, 3), found.stderr > 0
    (0.0, 0.037, True)
    """
    z = 1.959963984540054
    centre = (share + z * z / (2 * units)) / (1 + z * z / units)
    reach = z / (1 + z * z / units) * math.sqrt(share * (1 - share) / units + (z / (2 * units)) ** 2)
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    low, high = (0.0 if share == 0 else low), (1.0 if share == 1 else high)
    if interval.low is None or interval.high is None or interval.stderr is None:
        return interval
    if interval.stderr > 0 and min(share, 1 - share) * units >= _FEW:
        return interval
    stderr = interval.stderr or (high - low) / (2 * z)
    return Interval(stderr, max(0.0, min(interval.low, low)), min(1.0, max(interval.high, high)))


def student_interval(value: float, stderr: float, df: int) -> Interval:
    """``value`` with its t interval: ``stderr`` times the quantile of Student's t with ``df`` degrees of freedom.

    >>> round(student_interval(0.0, 1.0, 15).high, 3)
    2.131
    """
    reach = _t_quantile(df) * stderr
    return Interval(stderr, value - reach, value + reach, degrees=df)


def degrees_of(stderr: float, low: float, high: float, most: int) -> int:
    """Degrees of freedom of a t interval from how many standard errors it reaches: from 1 to ``most``.

    >>> interval = student_interval(0.5, 0.1, 6)
    >>> degrees_of(0.1, interval.low, interval.high, 15), degrees_of(0.1, 0.4, 0.6, 15)
    (6, 15)
    """
    if not stderr > 0:
        return most
    reach = (high - low) / (2 * stderr)
    return next((df for df in range(most, 1, -1) if reach <= _t_quantile(df) * (1 + _SLACK)), 1)


_SLACK = 1e-6


@cache
def _t_quantile(df: int) -> float:
    """How far LEVEL of Student's t with ``df`` degrees of freedom reaches, by bisection of A(t|df) (abramowitz1964).

    scipy.special has it, at the price of half a second of imports.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _t_within(angle, df) < LEVEL else (low, angle)
    return math.sqrt(df) * math.tan((low + high) / 2)


def _t_within(angle: float, df: int) -> float:
    """P(|t| < sqrt(df) tan(angle)): a finite sum for whole ``df`` (26.7.3 and 26.7.4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = df % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(2 + odd, df + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
