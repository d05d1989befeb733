"""Sums of rows that are centred, then renormalised: a second pass, since renormalising does not follow from moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Floats, Rows, is_torch, row_norms
from embedscope.core.block import RowBlock
from embedscope.core.errors import InputError
from embedscope.stats.coordinates import Coordinates
from embedscope.stats.statistic import Folded
from embedscope.stats.unit import UnitSum, UnitSums, joined_unit_sums, sums_of_unit

ROUNDING = 32 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class CenteredUnitSum(Need[UnitSums]):
    """``UnitSum`` of the rows minus their mean: unit rows minus the mean of the unit rows, or raw minus raw."""

    rows: Rows = "unit"

    @property
    def depends(self) -> tuple[Need[Any], ...]:
        """The sums that give the mean."""
        return (UnitSum(),) if self.rows == "unit" else (Coordinates("raw"),)

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[UnitSums]:
        """A fresh accumulator with the mean held fixed."""
        sums = results[self.depends[0]]
        mean = sums.total / max(sums.n, 1) if isinstance(sums, UnitSums) else sums.mean
        return Folded(_CentredRows(self.rows, mean), joined_unit_sums)


@dataclass(frozen=True, eq=False)
class _CentredRows:
    rows: Rows
    mean: Floats

    def __call__(self, block: RowBlock) -> UnitSums:
        if block.dim != len(self.mean):
            raise InputError(f"rows of width {block.dim} cannot be centred by a mean of width {len(self.mean)}")
        rows = block.rows(self.rows)
        centred = rows - (rows.new_tensor(self.mean) if is_torch(rows) else self.mean)
        lengths = 1.0 if self.rows == "unit" else block.norms
        norms = row_norms(centred)
        kept = norms > ROUNDING * (lengths + float(np.linalg.norm(self.mean)))
        if not bool(kept.all()):
            centred, norms = centred[kept], norms[kept]
        centred /= norms[:, None]
        return sums_of_unit(centred, len(block) - len(centred))
