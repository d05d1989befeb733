"""Sums of unit rows: what mean cosines need, in O(n d)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats
from embedscope.core.block import RowBlock, column_squares, column_sums
from embedscope.stats.statistic import Folded, Statistic


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
    """

    n: int
    total: Floats
    squares: Floats
    zero_rows: int = 0
    ranking: tuple[int, ...] | None = None

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.total)

    @property
    def parts(self) -> Floats:
        """Each coordinate's part (d,) of the mean cosine over i != j; they sum to it."""
        return (self.total**2 - self.squares) / (self.n * (self.n - 1))

    def largest(self, k: int) -> tuple[int, ...]:
        """The ``k`` coordinates with the largest parts, largest first."""
        ranking = self.ranking or tuple(int(j) for j in np.argsort(-self.parts, kind="stable"))
        return ranking[:k]

    def perturbed(self, reference: UnitSums) -> UnitSums:
        """These sums with the coordinates ranked as in ``reference``."""
        return replace(self, ranking=reference.largest(reference.dim))


@dataclass(frozen=True)
class UnitSum(Need[UnitSums]):
    """Per-coordinate sum and sum of squares of the unit rows."""

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[UnitSums]:
        """A fresh accumulator."""
        return Folded(unit_sums, joined_unit_sums)


def unit_sums(block: RowBlock) -> UnitSums:
    """Sums over the unit rows of a block, zero rows left out."""
    return sums_of_unit(block.unit, block.zero_rows)


def sums_of_unit(unit: Array, zero_rows: int) -> UnitSums:
    """Sums over rows ``unit`` (n, d) that already have length 1."""
    return UnitSums(len(unit), column_sums(unit), column_squares(unit), zero_rows)


def joined_unit_sums(a: UnitSums, b: UnitSums) -> UnitSums:
    """Sums over the rows of both."""
    return UnitSums(a.n + b.n, a.total + b.total, a.squares + b.squares, a.zero_rows + b.zero_rows)
