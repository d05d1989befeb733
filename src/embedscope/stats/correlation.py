"""Correlations with average ranks, and what makes them undefined."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats

DECIMALS = 12
"""Cosines are rounded to so many decimals before ranking: differences below are rounding errors, not an order."""

FLAT = 1e-12
"""A range of cosines below this is a constant: its correlation is undefined."""


def tie_groups(x: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Order that sorts ``x`` (n,), and the positions (g,) in that order at which a run of equal values starts.

    >>> order, starts = tie_groups(np.array([2.0, 1.0, 2.0]))
    >>> order.tolist(), starts.tolist()
    ([1, 0, 2], [0, 1])
    """
    order = np.argsort(x, kind="stable")
    ordered = x[order]
    new = np.ones(len(x), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(new)


def mid_ranks(x: Floats) -> Floats:
    """Ranks 1..n of ``x`` (n,); equal values share the mean of their ranks.

    >>> mid_ranks(np.array([0.3, 0.1, 0.3])).tolist()
    [2.5, 1.0, 2.5]
    """
    order, starts = tie_groups(x)
    sizes = np.diff(np.append(starts, len(x)))
    ranks = np.empty(len(x))
    ranks[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return ranks


def tied_pairs(x: Floats) -> int:
    """Number of pairs of equal values in ``x`` (n,), g (g - 1) / 2 for every run of g equal ones.

    >>> tied_pairs(np.array([1.0, 1.0, 1.0, 2.0]))
    3
    """
    sizes = np.diff(np.append(tie_groups(x)[1], len(x)))
    return int((sizes * (sizes - 1) // 2).sum())


def pearson(x: Floats, y: Floats) -> float | None:
    """Product-moment correlation of ``x`` and ``y`` (n,), -1 to 1; None where one of them does not vary.

    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    0.5
    >>> pearson(np.array([1.0, 1.0]), np.array([1.0, 2.0])) is None
    True
    """
    if len(x) < 2 or np.ptp(x) < FLAT or np.ptp(y) < FLAT:
        return None
    a = (x - x.mean()) / np.ptp(x)
    b = (y - y.mean()) / np.ptp(y)
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def spearman(x: Floats, y: Floats) -> float | None:
    """Rank correlation of ``x`` and ``y`` (n,) with average ranks, -1 to 1; None where one of them does not vary.

    >>> spearman(np.array([1.0, 20.0, 300.0]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    if len(x) < 2 or np.ptp(x) < FLAT or np.ptp(y) < FLAT:
        return None
    return pearson(mid_ranks(x), mid_ranks(y))
