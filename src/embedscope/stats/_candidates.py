"""Pairs of a query and a row that may be among the nearest, with products known within a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index

CROWD = 64
"""Candidates per query beyond k from which float32 is given up."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs that may be among the best k: query (in its block), corpus row, product within the bound.

    Pairs of one query whose products are equal come in the order of their corpus rows.
    """

    row: Index
    col: Index
    score: npt.NDArray[np.float64]

    def concat(self, *others: Candidates) -> Candidates:
        """All of these, in this order."""
        every = (self, *others)
        return Candidates(*(np.concatenate([getattr(c, f) for c in every]) for f in ("row", "col", "score")))

    def where(self, kept: npt.NDArray[np.bool_] | Index) -> Candidates:
        """Those that are ``kept``."""
        return Candidates(self.row[kept], self.col[kept], self.score[kept])

    def sorted(self) -> tuple[Candidates, Index]:
        """By query, best first, ties in the order that they have here; with the place of each in its query."""
        order = np.argsort(-self.score, kind="stable")
        ordered = self.where(order[_by_row(self.row[order])])
        return ordered, places(ordered.row)

    def kth(self, n: int, k: int) -> Floats:
        """The ``k``-th best score (n,) of each of ``n`` queries, -inf where there are fewer."""
        order = _by_row(self.row)
        row = self.row[order]
        place = places(row)
        width = int(place.max(initial=-1)) + 1
        if width < k:
            return np.full(n, -np.inf)
        table = np.full((n, width), -np.inf)
        table[row, place] = self.score[order]
        return np.asarray(np.partition(table, width - k, axis=1)[:, width - k])


def kth_bound(s: npt.NDArray[Any], k: int) -> npt.NDArray[Any]:
    """A number (m,) for each row of ``s`` (m, n) that ``k`` of its entries reach: about the k-th largest, never more.

    The k-th largest of the maxima of a few times k groups of entries, which is cheaper; all of it where n is small.

    >>> kth_bound(np.array([[1.0, 4.0, 3.0, 2.0]]), 2).tolist()
    [3.0]
    """
    groups = _GROUPS * k + _LEAST
    if s.shape[1] >= 2 * groups:
        most = s[:, :groups].copy()
        for start in range(groups, s.shape[1], groups):
            here = s[:, start : start + groups]
            np.maximum(most[:, : here.shape[1]], here, out=most[:, : here.shape[1]])
        s = most
    return np.asarray(np.partition(s, s.shape[1] - k, axis=1)[:, s.shape[1] - k])


_GROUPS, _LEAST = 4, 40


def _by_row(row: Index) -> Index:
    """A stable order by query of a block, of which there are few: radix sort."""
    return np.argsort(row.astype(np.uint16), kind="stable")


def places(row: Index) -> Index:
    """Place of each element among those of its query, for queries in order."""
    starts = np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]])) if len(row) else row
    return np.arange(len(row)) - np.repeat(starts, np.diff(np.append(starts, len(row))))


NONE = Candidates(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp), np.empty(0))
