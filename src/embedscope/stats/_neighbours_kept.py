"""Rows that are kept: all of them up to a limit, beyond it those with the smallest hashes, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Hashes, to_numpy
from embedscope.core.ids import combine
from embedscope.stats._neighbours import Matrix
from embedscope.stats.sample import SampledRows
from embedscope.stats.statistic import check_width, no_rows

LIMIT = 50_000
"""Rows held in memory, and searched exactly; of more rows a seeded sample of this size is held."""


@dataclass(frozen=True)
class KeptRows(Need[SampledRows]):
    """The ``limit`` rows with the smallest hash of (id, ``seed``), in float32 where that loses nothing.

    As ``RowSample``, for many rows: at most twice the limit is in memory at a time, and copies are few.
    """

    limit: int = LIMIT
    seed: int = 0

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[SampledRows]:
        """A new accumulator."""
        return Kept(self.limit, self.seed)


@dataclass(eq=False)
class Kept(Accumulator[SampledRows]):
    """Rows with the smallest hashes: all of them until there are more than twice ``limit``."""

    limit: int
    seed: int
    n: int = 0
    zero_rows: int = 0
    parts: list[tuple[Hashes, Hashes, Matrix]] = field(default_factory=list)

    def update(self, x: Array, ids: Hashes) -> Self:
        """Take in the rows ``x`` (n, d)."""
        if self.parts:
            check_width(self.parts[0][2].shape[1], int(x.shape[1]))
        rows = to_numpy(x)
        self.n += len(rows)
        self.zero_rows += len(rows) - int((rows != 0).any(axis=1).sum())
        self._take(combine(ids, self.seed), ids, rows)
        return self

    def merge(self, other: Self) -> Self:
        """Take in ``other``, which stays untouched."""
        if self.parts and other.parts:
            check_width(self.parts[0][2].shape[1], other.parts[0][2].shape[1])
        self.n += other.n
        self.zero_rows += other.zero_rows
        self.parts = [*self.parts, *other.parts]
        self._shrink()
        return self

    def result(self) -> SampledRows:
        """The rows kept, by ascending hash."""
        if not self.n:
            raise no_rows()
        keys, ids, x = self._smallest()
        return SampledRows(self.n, x, ids, keys, self.zero_rows)

    def _take(self, keys: Hashes, ids: Hashes, rows: Matrix) -> None:
        if len(self.parts) == 1 and len(self.parts[0][0]) == self.limit:
            low = keys < self.parts[0][0][-1]
            if not low.any():
                return
            keys, ids, rows = keys[low], ids[low], rows[low]
        self.parts.append((keys, ids.copy(), _compact(rows)))
        self._shrink()

    def _shrink(self) -> None:
        if sum(len(keys) for keys, _, _ in self.parts) > 2 * self.limit:
            self.parts = [self._smallest()]

    def _smallest(self) -> tuple[Hashes, Hashes, Matrix]:
        keys = np.concatenate([p[0] for p in self.parts])
        order = np.argsort(keys, kind="stable")[: self.limit]
        ids = np.concatenate([p[1] for p in self.parts])
        dtype = np.result_type(*(p[2].dtype for p in self.parts))
        x = np.empty((len(order), self.parts[0][2].shape[1]), dtype=dtype)
        starts = np.cumsum([0, *(len(p[0]) for p in self.parts)])
        for start, (_, _, rows) in zip(starts, self.parts, strict=False):
            here = (order >= start) & (order < start + len(rows))
            x[here] = rows[order[here] - start]
        return keys[order], ids[order], x


def _compact(rows: Matrix) -> Matrix:
    """A copy of ``rows``, in float32 where every value stays the same."""
    if rows.dtype == np.float32:
        return rows.copy()
    with np.errstate(over="ignore", under="ignore"):
        small = rows.astype(np.float32)
    return small if np.array_equal(small, rows) else rows.astype(np.float64)
