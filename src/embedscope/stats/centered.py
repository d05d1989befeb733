"""Sums of rows that are centred, then renormalised: a second pass, since renormalising does not follow from moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, Rows, is_torch, row_norms, to_float64, unit_rows
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

    def __call__(self, x: Array, ids: Hashes) -> UnitSums:
        if x.shape[1] != len(self.mean):
            raise InputError(f"rows of width {x.shape[1]} cannot be centred by a mean of width {len(self.mean)}")
        rows = unit_rows(x)[0] if self.rows == "unit" else to_float64(x)
        mean = rows.new_tensor(self.mean) if is_torch(rows) else self.mean
        centred = rows - mean
        noise = ROUNDING * (row_norms(rows) + float(np.linalg.norm(self.mean)))
        unit, _ = unit_rows(centred[row_norms(centred) > noise])
        return sums_of_unit(unit, len(x) - len(unit))
