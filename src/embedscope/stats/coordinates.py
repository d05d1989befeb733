"""Statistics of single coordinates: spread of each, and how much of a row's length the largest hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Floats, Precision, Rows, row_norms
from embedscope.core.block import RowBlock
from embedscope.stats.statistic import Folded, Statistic


@dataclass(frozen=True, eq=False)
class CoordinateMoments(Statistic):
    """Mean (d,) of the rows and, per coordinate, the sum of squared deviations ``squares`` (d,)."""

    n: int
    mean: Floats
    squares: Floats
    zero_rows: int = 0

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.mean)

    @property
    def std(self) -> Floats:
        """Standard deviation (d,) of each coordinate, ddof 0."""
        return np.sqrt(self.squares / self.n)


@dataclass(frozen=True)
class Coordinates(Need[CoordinateMoments]):
    """Mean and variance of each coordinate, O(n d); ``precision`` "fast" centres blocks in float32."""

    rows: Rows = "raw"
    precision: Precision = "exact"

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[CoordinateMoments]:
        """A new accumulator."""
        return Folded(self._of_rows, _merge_coordinates)

    def _of_rows(self, block: RowBlock) -> CoordinateMoments:
        n = block.count(self.rows)
        if n == 0:
            return CoordinateMoments(0, np.zeros(block.dim), np.zeros(block.dim), block.zero_rows)
        c = block.centre(self.rows, self.precision)
        return CoordinateMoments(n, c.pivot + c.shift, c.squares, block.zero_rows)


@dataclass(frozen=True, eq=False)
class TopShare(Statistic):
    """How much of a row's length its k largest coordinates hold.

    Attributes
    ----------
    n : rows of non-zero length
    share : mean over rows of |k largest coordinates| / |x_i|
    part : mean length of the k largest coordinates
    length : mean length of the rows
    k, dim : coordinates taken, coordinates there are
    zero_rows : rows left out because their length is zero
    """

    n: int
    share: float
    part: float
    length: float
    k: int
    width: int
    zero_rows: int = 0

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return self.width


@dataclass(frozen=True)
class Shares(Need[TopShare]):
    """Share of a row's length in its ``k`` largest coordinates, by absolute value or, ``signed``, by value."""

    k: int
    signed: bool = False
    rows: Rows = "raw"

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[TopShare]:
        """A new accumulator."""
        return Folded(self._of_rows, _merge_shares)

    def _of_rows(self, block: RowBlock) -> TopShare:
        n = len(block) - block.zero_rows
        if n == 0:
            return TopShare(0, 0.0, 0.0, 0.0, self.k, block.dim, block.zero_rows)
        parts, norms = row_norms(block.largest(self.k, self.signed)), block.lengths
        parts = parts if block.zero_rows == 0 else parts[block.norms > 0]
        shares = parts / norms
        if self.rows == "unit":
            parts, norms = shares, norms / norms
        means = (float(shares.mean()), float(parts.mean()), float(norms.mean()))
        return TopShare(n, *means, self.k, block.dim, block.zero_rows)


def _merge_coordinates(a: CoordinateMoments, b: CoordinateMoments) -> CoordinateMoments:
    n, zero_rows = a.n + b.n, a.zero_rows + b.zero_rows
    if n == 0:
        return CoordinateMoments(0, a.mean, a.squares, zero_rows)
    delta = b.mean - a.mean
    squares = a.squares + b.squares + delta**2 * (a.n * (b.n / n))
    return CoordinateMoments(n, a.mean + delta * (b.n / n), squares, zero_rows)


def _merge_shares(a: TopShare, b: TopShare) -> TopShare:
    n, zero_rows = a.n + b.n, a.zero_rows + b.zero_rows
    w = b.n / n if n else 0.0
    means = (a.share + w * (b.share - a.share), a.part + w * (b.part - a.part), a.length + w * (b.length - a.length))
    return TopShare(n, *means, a.k, a.width, zero_rows)
