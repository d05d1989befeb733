"""Lengths of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.block import RowBlock
from embedscope.stats.statistic import Folded, Statistic


@dataclass(frozen=True, eq=False)
class NormMoments(Statistic):
    """Mean length of n rows, sum of squared deviations ``squares``, and rows of length zero (among the n)."""

    n: int
    mean: float
    squares: float
    width: int
    zero_rows: int = 0

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return self.width

    @property
    def std(self) -> float:
        """Standard deviation of the lengths, ddof 0."""
        return float((self.squares / self.n) ** 0.5)


@dataclass(frozen=True)
class Norms(Need[NormMoments]):
    """Mean and variance of the row lengths, and the number of zero rows."""

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[NormMoments]:
        """A fresh accumulator."""
        return Folded(_norm_moments, _joined_norms)


def _norm_moments(block: RowBlock) -> NormMoments:
    norms = block.norms
    mean = norms.mean()
    return NormMoments(len(block), float(mean), float(((norms - mean) ** 2).sum()), block.dim, block.zero_rows)


def _joined_norms(a: NormMoments, b: NormMoments) -> NormMoments:
    n, delta = a.n + b.n, b.mean - a.mean
    squares = a.squares + b.squares + delta**2 * (a.n * (b.n / n))
    return NormMoments(n, a.mean + delta * (b.n / n), squares, a.width, a.zero_rows + b.zero_rows)
