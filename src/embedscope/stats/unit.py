"""Sums of unit rows: what mean cosines need, in O(n d)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, to_numpy
from embedscope.core.block import RowBlock, column_squares, column_sums
from embedscope.stats.statistic import Folded, Statistic

_OPEN_BYTES = 1 << 21


@dataclass(frozen=True, eq=False)
class UnitTally:
    """Sums over the rows of every unit of evidence: the pairs inside units follow from them.

    Attributes
    ----------
    names, sums, sizes : hashes (k,) of units that may go on, the sums (k, d) of their unit rows, their rows (k,)
    squares : (d,) sums over the closed units of the squared coordinates of their sums
    pairs : sum over the closed units of the square of their rows
    """

    names: Hashes
    sums: Floats
    sizes: Floats
    squares: Floats
    pairs: float

    @classmethod
    def of(cls, unit: Floats, units: Hashes) -> UnitTally:
        """Of rows ``unit`` (n, d) of these ``units`` (n,), in their order of coming."""
        _, first, place = np.unique(units, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))[place]
        sums = np.zeros((len(first), unit.shape[1]))
        np.add.at(sums, rank, unit)
        sizes = np.bincount(rank, minlength=len(first)).astype(np.float64)
        return cls(units[np.sort(first)], sums, sizes, np.zeros(unit.shape[1]), 0.0)._close()

    @classmethod
    def of_single_rows(cls, n: int, squares: Floats) -> UnitTally:
        """Of ``n`` rows that are units by themselves."""
        return cls(np.zeros(0, np.uint64), np.zeros((0, len(squares))), np.zeros(0), squares, float(n))

    def merge(self, other: UnitTally) -> UnitTally:
        """Over the rows of both."""
        names = np.concatenate([self.names, other.names])
        _, first, place = np.unique(names, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))[place]
        sums, sizes = np.zeros((len(first), len(self.squares))), np.zeros(len(first))
        cut = len(self.names)
        sums[rank[:cut]], sizes[rank[:cut]] = self.sums, self.sizes
        sums[rank[cut:]] += other.sums
        sizes[rank[cut:]] += other.sizes
        total = UnitTally(names[np.sort(first)], sums, sizes, self.squares + other.squares, self.pairs + other.pairs)
        return total._close()

    @property
    def all_squares(self) -> Floats:
        """Sums (d,) over all units of the squared coordinates of their sums."""
        return np.asarray(self.squares + (self.sums**2).sum(axis=0))

    @property
    def all_pairs(self) -> float:
        """Sum over all units of the square of their rows."""
        return float(self.pairs + (self.sizes**2).sum())

    def _close(self) -> UnitTally:
        """Close units in the middle of the rows, so that about 2 MB stay open: the first and the last may go on.

        A unit whose rows lie further apart in the file than that counts as several.
        """
        most = max(16, _OPEN_BYTES // (8 * max(len(self.squares), 1)))
        over = len(self.names) - most
        if over <= 0:
            return self
        done: npt.NDArray[Any] = np.zeros(len(self.names), dtype=bool)
        done[1 : over + 1] = True
        return UnitTally(
            self.names[~done],
            self.sums[~done],
            self.sizes[~done],
            self.squares + (self.sums[done] ** 2).sum(axis=0),
            self.pairs + float((self.sizes[done] ** 2).sum()),
        )


@dataclass(frozen=True, eq=False)
class UnitSums(Statistic):
    """Sums over unit rows u_i.

    Attributes
    ----------
    n : rows of non-zero length
    total : (d,), sum of u_i
    squares : (d,), sum of u_ij^2
    zero_rows : rows left out because their length is zero
    ranking : coordinates by their part of the mean cosine, where fixed by another statistic
    tally : sums by unit of evidence, where units of several rows are known; pairs inside a unit are then left out
    """

    n: int
    total: Floats
    squares: Floats
    zero_rows: int = 0
    ranking: tuple[int, ...] | None = None
    tally: UnitTally | None = None

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.total)

    @property
    def pairs(self) -> float:
        """Ordered pairs of rows that belong to different units: n^2 - sum over units of their rows squared."""
        return float(self.n) ** 2 - (self.n if self.tally is None else self.tally.all_pairs)

    @property
    def mean_cosine(self) -> float:
        """Mean cosine over these pairs: (|sum u|^2 - sum over units |sum of the unit|^2) / ``pairs``."""
        within = float(self.n) if self.tally is None else float(self.tally.all_squares.sum())
        return float((self.total @ self.total - within) / self.pairs)

    @property
    def mean_cosine_of_all(self) -> float:
        """Mean cosine over all pairs of different rows, also those inside a unit."""
        return float((self.total @ self.total - self.n) / (self.n * (self.n - 1)))

    @property
    def parts(self) -> Floats:
        """Each coordinate's part (d,) of the mean cosine; they sum to it."""
        within = self.squares if self.tally is None else self.tally.all_squares
        return np.asarray((self.total**2 - within) / self.pairs)

    def largest(self, k: int) -> tuple[int, ...]:
        """The ``k`` coordinates with the largest parts, largest first."""
        ranking = self.ranking or tuple(int(j) for j in np.argsort(-self.parts, kind="stable"))
        return ranking[:k]

    def perturb(self, reference: UnitSums) -> UnitSums:
        """These sums with the coordinates ranked as in ``reference``."""
        return replace(self, ranking=reference.largest(reference.dim))


@dataclass(frozen=True)
class UnitSum(Need[UnitSums]):
    """Per-coordinate sum and sum of squares of the unit rows."""

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[UnitSums]:
        """A new accumulator."""
        return Folded(unit_sums, merge_unit_sums)


def unit_sums(block: RowBlock) -> UnitSums:
    """Sums over the unit rows of a block, zero rows left out."""
    units = None if block.units is None else block.units[to_numpy(block.norms > 0)]
    return sums_of_unit(block.unit, block.zero_rows, units)


def sums_of_unit(unit: Array, zero_rows: int, units: Hashes | None = None) -> UnitSums:
    """Sums over rows ``unit`` (n, d) that already have unit length, of these ``units`` (n,)."""
    tally = None if units is None else UnitTally.of(np.asarray(to_numpy(unit), dtype=np.float64), units)
    return UnitSums(len(unit), column_sums(unit), column_squares(unit), zero_rows, tally=tally)


def merge_unit_sums(a: UnitSums, b: UnitSums) -> UnitSums:
    """Sums over the rows of both."""
    tally = None
    if a.tally is not None or b.tally is not None:
        tally = _tally(a).merge(_tally(b))
    return UnitSums(a.n + b.n, a.total + b.total, a.squares + b.squares, a.zero_rows + b.zero_rows, tally=tally)


def _tally(sums: UnitSums) -> UnitTally:
    return UnitTally.of_single_rows(sums.n, sums.squares) if sums.tally is None else sums.tally
