"""Standard errors from groups of rows that were left out in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedscope.core.errors import InputError

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Standard error and 95 % interval of a value; None where there are too few groups."""

    stderr: float | None
    low: float | None
    high: float | None


def jackknife(full: float, left_out: Sequence[float], sizes: Sequence[int]) -> Interval:
    """Delete-a-group jackknife for groups of unequal size, with a t interval around ``full``.

    With h_j = n / m_j: pseudo-values h_j T - (h_j - 1) T_(j), and variance the mean over the g groups of
    (pseudo-value - their jackknife estimate)^2 / (h_j - 1). For equal groups this is the usual delete-a-group variance.
    It covers sampling error, not bias.

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
    stderr = float(np.sqrt(((pseudo - estimate) ** 2 / (h - 1)).mean()))
    reach = _t_quantile(g - 1) * stderr
    return Interval(stderr, full - reach, full + reach)


def _t_quantile(df: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + LEVEL / 2))
