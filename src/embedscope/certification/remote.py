"""Held-out items unlike any fitted row: does a gain reach beyond the neighbourhood of what was fitted?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.stats.neighbours import top_k
from embedscope.stats.units import near_copies
from embedscope.tasks.means import directions

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Remote:
    """The half of the certifying units that lie farthest from any fitted row.

    Attributes
    ----------
    items : (n,) whether an item of the certifying part belongs to it
    n_units : its units
    """

    items: Mask
    n_units: int


def closeness(held: npt.NDArray[Any], fitted: npt.NDArray[Any]) -> Floats:
    """Cosine (n,) of each row of ``held`` (n, d) with the nearest row of ``fitted`` (m, d)."""
    return np.asarray(top_k(directions(held), directions(fitted), 1).scores[:, 0])


def remote_half(close: Floats, units: Index) -> Remote:
    """The half of the units whose nearest item lies farthest from any fitted row.

    Parameters
    ----------
    close : (n,) closeness of each item, nan where an item is not scored
    units : (n,) number of the unit of each item

    >>> remote_half(np.array([0.9, 0.1, 0.5, 0.2]), np.array([0, 0, 1, 2])).items.tolist()
    [False, False, True, True]
    """
    known = np.isfinite(close)
    nearest = np.full(int(units.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(nearest, units[known], close[known])
    present = np.flatnonzero(np.isfinite(nearest))
    far = present[np.argsort(nearest[present], kind="stable")][: (len(present) + 1) // 2]
    return Remote(known & np.isin(units, far), len(far))


def copies_of_fitted(held: npt.NDArray[Any], fitted: npt.NDArray[Any]) -> int:
    """Rows of ``held`` that have a near-duplicate among the rows of ``fitted``; O((n + m)^2 d)."""
    left, right = near_copies(np.concatenate([fitted, held]))
    n = len(fitted)
    across = (left < n) != (right < n)
    return len(np.unique(np.where(left < n, right, left)[across]))
