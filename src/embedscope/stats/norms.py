"""Lengths of the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.block import RowBlock
from embedscope.stats.statistic import Folded, Statistic


@dataclass(frozen=True, eq=False)
class NormMoments(Statistic):
    """Mean length of n rows, and rows of length zero (among the n).

    ``squares``, ``cubic`` and ``quartic`` are sums of powers of the deviations from the mean.
    """

    n: int
    mean: float
    squares: float
    width: int
    zero_rows: int = 0
    cubic: float = 0.0
    quartic: float = 0.0

    @property
    def kurtosis(self) -> float:
        """Mean fourth power of the deviations over the square of their variance: 3 for a normal distribution.

        0 where it is not known: no deviations, or fourth powers that leave float64.
        """
        if not self.squares > 0 or not math.isfinite(self.quartic):
            return 0.0
        return self.n * (self.quartic / self.squares) / self.squares

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
        """A new accumulator."""
        return Folded(_norm_moments, _merge_norms)


def _norm_moments(block: RowBlock) -> NormMoments:
    norms = block.norms
    mean = norms.mean()
    off = norms - mean
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = off * off
        powers = [float(terms.sum()) for terms in (squares, squares * off, squares * squares)]
    return NormMoments(len(block), float(mean), powers[0], block.dim, block.zero_rows, *powers[1:])


def _merge_norms(a: NormMoments, b: NormMoments) -> NormMoments:
    n, delta = a.n + b.n, np.float64(b.mean - a.mean)
    p, q = a.n / n, b.n / n
    squares = a.squares + b.squares + delta**2 * (a.n * q)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        cubic = a.cubic + b.cubic + delta**3 * (a.n * q * (p - q)) + 3 * delta * (p * b.squares - q * a.squares)
        quartic = a.quartic + b.quartic + delta**4 * (a.n * q * (p * p - p * q + q * q))
        quartic += 6 * delta**2 * (p * p * b.squares + q * q * a.squares) + 4 * delta * (p * b.cubic - q * a.cubic)
    mean, zero = float(a.mean + delta * q), a.zero_rows + b.zero_rows
    return NormMoments(n, mean, float(squares), a.width, zero, float(cubic), float(quartic))
