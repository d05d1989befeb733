"""Sums of rows that are centred, then renormalised: a second pass, since renormalising does not follow from moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Floats, Rows, is_torch, row_norms, to_numpy
from embedscope.core.block import RowBlock, column_sums
from embedscope.core.errors import InputError
from embedscope.stats.coordinates import Coordinates
from embedscope.stats.grouped import groups_for
from embedscope.stats.statistic import Folded, Statistic
from embedscope.stats.unit import UnitSum, UnitSums, merge_unit_sums, sums_of_unit

ROUNDING = 32 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class GroupTotals(Statistic):
    """Sums of rows by jackknife group.

    Attributes
    ----------
    n : rows, zero rows left out where they are unit rows
    totals : (g, d) sums of the rows of each group
    sizes : (g,) rows of each group
    """

    n: int
    totals: Floats
    sizes: Floats
    zero_rows: int = 0

    @property
    def dim(self) -> int:
        """Dimensions of the rows."""
        return int(self.totals.shape[1])

    @property
    def mean(self) -> Floats:
        """Mean (d,) of all rows."""
        return np.asarray(self.totals.sum(axis=0) / max(self.n, 1))

    @property
    def means_without(self) -> Floats:
        """Mean (g, d) of the rows without each group."""
        rest = self.totals.sum(axis=0) - self.totals
        return np.asarray(rest / np.maximum(self.n - self.sizes, 1)[:, None])


@dataclass(frozen=True)
class GroupTotal(Need[GroupTotals]):
    """Sums of the rows by jackknife group."""

    rows: Rows = "unit"

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[GroupTotals]:
        """A new accumulator."""
        return Folded(self._of_rows, _merge_totals)

    def _of_rows(self, block: RowBlock) -> GroupTotals:
        groups = groups_for(block.dim)
        totals, sizes = np.zeros((groups, block.dim)), np.zeros(groups)
        rows = block.rows(self.rows)
        if len(rows):
            totals[block.group % groups] = column_sums(rows)
            sizes[block.group % groups] = len(rows)
        return GroupTotals(len(rows), totals, sizes, block.zero_rows)


def _merge_totals(a: GroupTotals, b: GroupTotals) -> GroupTotals:
    return GroupTotals(a.n + b.n, a.totals + b.totals, a.sizes + b.sizes, a.zero_rows + b.zero_rows)


@dataclass(frozen=True, eq=False)
class CentredSums(UnitSums):
    """``UnitSums`` of centred rows, also of the same rows centred by the mean without each group.

    Attributes
    ----------
    moved : (g, d) sums of these rows minus the mean without group g, at unit length
    sizes : (g,) rows of each group among these
    """

    moved: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    sizes: Floats = field(default_factory=lambda: np.zeros(0))

    def perturb(self, reference: UnitSums) -> CentredSums:
        """These sums, of the rows without a group, centred by the mean of these very rows."""
        assert isinstance(reference, CentredSums)
        missing = np.flatnonzero((self.sizes == 0) & (reference.sizes > 0))
        return replace(self, total=self.moved[missing[0]]) if len(missing) == 1 else self


def _merge_centred(a: CentredSums, b: CentredSums) -> CentredSums:
    both = merge_unit_sums(a, b)
    sums = (both.n, both.total, both.squares, both.zero_rows, None, both.tally)
    return CentredSums(*sums, moved=a.moved + b.moved, sizes=a.sizes + b.sizes)


@dataclass(frozen=True)
class CenteredUnitSum(Need[CentredSums]):
    """``UnitSum`` of the rows minus their mean: unit rows minus the mean of the unit rows, or raw minus raw."""

    rows: Rows = "unit"

    @property
    def depends(self) -> tuple[Need[Any], ...]:
        """The sums that give the mean."""
        return (GroupTotal(self.rows), UnitSum() if self.rows == "unit" else Coordinates("raw"))

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[CentredSums]:
        """A new accumulator with the mean held fixed."""
        groups: GroupTotals = results[self.depends[0]]
        sums = results[self.depends[1]]
        mean = sums.total / max(sums.n, 1) if isinstance(sums, UnitSums) else sums.mean
        return Folded(_CentredRows(self.rows, mean, groups.means_without - groups.mean), _merge_centred)


@dataclass(frozen=True, eq=False)
class _CentredRows:
    rows: Rows
    mean: Floats
    shifts: Floats

    def __call__(self, block: RowBlock) -> CentredSums:
        if block.dim != len(self.mean):
            raise InputError(f"rows of {block.dim} dimensions cannot be centred by a mean of {len(self.mean)}")
        rows = block.rows(self.rows)
        centred = rows - (rows.new_tensor(self.mean) if is_torch(rows) else self.mean)
        lengths = 1.0 if self.rows == "unit" else block.norms
        norms = row_norms(centred)
        kept = norms > ROUNDING * (lengths + float(np.linalg.norm(self.mean)))
        if not bool(kept.all()):
            centred, norms = centred[kept], norms[kept]
        moved = self._shift(np.asarray(to_numpy(centred)), np.asarray(to_numpy(norms)))
        centred /= norms[:, None]
        units = None
        if block.units is not None:
            present = np.ones(len(block), dtype=bool) if self.rows == "raw" else to_numpy(block.norms > 0)
            units = block.units[present][to_numpy(kept)]
        sums = sums_of_unit(centred, len(block) - len(centred), units)
        sizes = np.zeros(len(self.shifts))
        sizes[block.group % len(sizes)] = sums.n
        of_all = (sums.n, sums.total, sums.squares, sums.zero_rows, None, sums.tally)
        return CentredSums(*of_all, moved=moved, sizes=sizes)

    def _shift(self, centred: Floats, norms: Floats) -> Floats:
        """Sums (g, d) of (y - s) / |y - s| over rows y = x - mean (n, d), s the shift of the mean without group g."""
        squares = norms[:, None] ** 2 - 2 * (centred @ self.shifts.T) + (self.shifts**2).sum(axis=1)
        weights = 1 / np.sqrt(np.maximum(squares, (ROUNDING * norms[:, None]) ** 2))
        return np.asarray(weights.T @ centred - weights.sum(axis=0)[:, None] * self.shifts)
