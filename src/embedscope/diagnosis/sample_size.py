"""Numbers of two samples: which of them can be compared, and with which error.

The expectation of many numbers depends on the number of rows n: the mean cosine of centred rows is about -1 / n, a
participation ratio rises with n towards its limit. Between samples of different n such a number differs where the
population is the same. Only numbers whose expectation is free of n to well below their standard errors are compared
then. ``benchmarks/null_check.py`` holds them to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from embedscope.core.records import Record
from embedscope.metrics.orientation import DIRECTIONS, MEAN, VARIANCE

ORIENTATION = frozenset(f"{name}.{k}" for name in (MEAN, VARIANCE) for k in range(1, DIRECTIONS + 1))
"""Numbers along fixed directions; together they are one test of whether the space was turned."""

FREE = frozenset(
    {
        "mean_norm",
        "norm_cv",
        "self_similarity",
        "coordinate_std",
        "top5_share",
        "top8_share",
        "participation_ratio_unbiased",
        "uniformity",
        "zero_rows",
        "paired_cosine",
        "unpaired_cosine",
        "alignment",
        "query_random_cosine",
        *ORIENTATION,
    }
)
"""Means over rows or over pairs of rows, unbiased estimates, and shares of them."""

OF_SINGLE_ROWS = frozenset({"participation_ratio_unbiased"})
"""Free of n where rows are units by themselves: blocks of a file cut through what belongs together."""

DISTANCES = frozenset({"modality_gap", "query_shift"})
"""Distances of means: what n adds to them has a bound, which counts as unknown."""

JUMPY = frozenset({"i1", "i2"})
"""Extremes over principal directions, which turn freely where eigenvalues are close: no error bar is right there."""


@dataclass(frozen=True)
class Gap:
    """How far two numbers lie apart beyond what n explains, with the standard errors of both."""

    apart: float
    stderr_old: float
    stderr_new: float


def gap(old: Record, new: Record) -> Gap | None:
    """The gap of two numbers with error bars; None where samples of these sizes cannot be compared.

    Of one population, both standard errors are those of one spread: the larger of the two estimates
    stderr sqrt(units) serves for both, since few rows of a heavy-tailed population show too small a spread.
    """
    if old.value is None or new.value is None or old.stderr is None or new.stderr is None:
        return None
    free = new.variant is None and (new.metric in FREE or new.metric in DISTANCES)
    free = free and (new.metric not in OF_SINGLE_ROWS or all(r.units in (None, r.n) for r in (old, new)))
    if new.metric in JUMPY or (not free and _sizes(old) != _sizes(new)):
        return None
    apart = abs(new.value - old.value)
    if new.metric in DISTANCES:
        apart = max(0.0, apart - abs(_sampling_excess(old) - _sampling_excess(new)))
    a, b = (float(r.units or r.n or 1) for r in (old, new))
    spread = max(old.stderr * math.sqrt(a), new.stderr * math.sqrt(b))
    return Gap(apart, spread / math.sqrt(a), spread / math.sqrt(b))


def _sizes(record: Record) -> tuple[int | None, int | None]:
    return record.n, record.units


def _sampling_excess(record: Record) -> float:
    """What n rows a side add at most to the distance of two means of unit rows: 2 / n to its square."""
    value, n = record.value or 0.0, max(record.n or 1, 1)
    return math.sqrt(value**2 + 2 / n) - value
