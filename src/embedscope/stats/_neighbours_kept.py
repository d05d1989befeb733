"""Rows that are kept: all of them up to a limit, beyond it those with the smallest hashes, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Hashes, to_numpy
from embedscope.core.block import RowBlock
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
    """Rows with the smallest hashes: all of them until there are more than twice ``limit``.

    ``parts`` hold keys, ids, rows and units; a row without a unit of several rows is one by its id. ``joint`` says that
    there are such units.
    """

    limit: int
    seed: int
    n: int = 0
    zero_rows: int = 0
    parts: list[tuple[Hashes, Hashes, Matrix, Hashes]] = field(default_factory=list)
    joint: bool = False

    def take(self, block: RowBlock) -> Self:
        """Take in a block of rows with their units."""
        return self._add(block.x, block.ids, block.units)

    def update(self, x: Array, ids: Hashes) -> Self:
        """Take in the rows ``x`` (n, d)."""
        return self._add(x, ids, None)

    def _add(self, x: Array, ids: Hashes, units: Hashes | None) -> Self:
        if self.parts:
            check_width(self.parts[0][2].shape[1], int(x.shape[1]))
        rows = to_numpy(x)
        self.n += len(rows)
        self.zero_rows += len(rows) - int((rows != 0).any(axis=1).sum())
        self._take(combine(ids, self.seed), ids, rows, units)
        return self

    def merge(self, other: Self) -> Self:
        """Take in ``other``, which stays untouched."""
        if self.parts and other.parts:
            check_width(self.parts[0][2].shape[1], other.parts[0][2].shape[1])
        self.n += other.n
        self.zero_rows += other.zero_rows
        self.parts = [*self.parts, *other.parts]
        self.joint |= other.joint
        self._shrink()
        return self

    def result(self) -> SampledRows:
        """The rows kept, by ascending hash."""
        if not self.n:
            raise no_rows()
        keys, ids, x, units = self._smallest()
        return SampledRows(self.n, x, ids, keys, self.zero_rows, units if self.joint else None)

    def _take(self, keys: Hashes, ids: Hashes, rows: Matrix, units: Hashes | None) -> None:
        self.joint |= units is not None
        own = ids if units is None else units
        if len(self.parts) == 1 and len(self.parts[0][0]) == self.limit:
            low = keys < self.parts[0][0][-1]
            if not low.any():
                return
            keys, ids, rows, own = keys[low], ids[low], rows[low], own[low]
        kept = ids.copy()
        self.parts.append((keys, kept, _compact(rows), kept if units is None else own.copy()))
        self._shrink()

    def _shrink(self) -> None:
        if sum(len(part[0]) for part in self.parts) > 2 * self.limit:
            self.parts = [self._smallest()]

    def _smallest(self) -> tuple[Hashes, Hashes, Matrix, Hashes]:
        keys = np.concatenate([p[0] for p in self.parts])
        order = np.argsort(keys, kind="stable")[: self.limit]
        ids, units = (np.concatenate([p[i] for p in self.parts]) for i in (1, 3))
        dtype = np.result_type(*(p[2].dtype for p in self.parts))
        x = np.empty((len(order), self.parts[0][2].shape[1]), dtype=dtype)
        starts = np.cumsum([0, *(len(p[0]) for p in self.parts)])
        for start, rows in zip(starts, (p[2] for p in self.parts), strict=False):
            here = (order >= start) & (order < start + len(rows))
            x[here] = rows[order[here] - start]
        return keys[order], ids[order], x, units[order]


def _compact(rows: Matrix) -> Matrix:
    """A copy of ``rows``, in float32 where every value stays the same."""
    if rows.dtype == np.float32:
        return rows.copy()
    with np.errstate(over="ignore", under="ignore"):
        small = rows.astype(np.float32)
    return small if np.array_equal(small, rows) else rows.astype(np.float64)
