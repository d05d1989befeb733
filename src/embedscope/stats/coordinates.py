"""Statistics of single coordinates: spread of each, and how much of a row's length the largest hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, Rows, is_torch, row_norms, to_float64, to_numpy, unit_rows
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
    """Mean and variance of each coordinate, O(n d)."""

    rows: Rows = "raw"

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[CoordinateMoments]:
        """A fresh accumulator."""
        return Folded(self._of_rows, _joined_coordinates)

    def _of_rows(self, x: Array, ids: Hashes) -> CoordinateMoments:
        kept, zero_rows = _rows_as(self.rows, x)
        if len(kept) == 0:
            return CoordinateMoments(0, np.zeros(x.shape[1]), np.zeros(x.shape[1]), zero_rows)
        moved = kept - kept[0]
        shift = moved.mean(axis=0)
        squares = to_numpy(((moved - shift) ** 2).sum(axis=0))
        return CoordinateMoments(len(kept), to_numpy(kept[0] + shift), squares, zero_rows)


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
        """A fresh accumulator."""
        return Folded(self._of_rows, _joined_shares)

    def _of_rows(self, x: Array, ids: Hashes) -> TopShare:
        rows, _ = _rows_as(self.rows, x)
        norms = row_norms(rows)
        rows, norms = rows[norms > 0], norms[norms > 0]
        n, width = len(rows), int(x.shape[1])
        if n == 0:
            return TopShare(0, 0.0, 0.0, 0.0, self.k, width, len(x))
        parts = row_norms(_largest(rows if self.signed else abs(rows), min(self.k, width)))
        means = (float((parts / norms).mean()), float(parts.mean()), float(norms.mean()))
        return TopShare(n, *means, self.k, width, len(x) - n)


def _largest(values: Array, k: int) -> Array:
    """The ``k`` largest of each row of ``values`` (n, d), shape (n, k), in no order."""
    if is_torch(values):
        return sys.modules["torch"].topk(values, k, dim=1, sorted=False).values
    return np.partition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]


def _rows_as(rows: Rows, x: Array) -> tuple[Array, int]:
    """Rows of ``x`` in float64, raw or of unit length, with the number of zero rows among (raw) or left out (unit)."""
    if rows == "unit":
        unit, _ = unit_rows(x)
        return unit, len(x) - len(unit)
    return to_float64(x), len(x) - int((x != 0).any(axis=1).sum())


def _joined_coordinates(a: CoordinateMoments, b: CoordinateMoments) -> CoordinateMoments:
    n, zero_rows = a.n + b.n, a.zero_rows + b.zero_rows
    if n == 0:
        return CoordinateMoments(0, a.mean, a.squares, zero_rows)
    delta = b.mean - a.mean
    squares = a.squares + b.squares + delta**2 * (a.n * (b.n / n))
    return CoordinateMoments(n, a.mean + delta * (b.n / n), squares, zero_rows)


def _joined_shares(a: TopShare, b: TopShare) -> TopShare:
    n, zero_rows = a.n + b.n, a.zero_rows + b.zero_rows
    w = b.n / n if n else 0.0
    means = (a.share + w * (b.share - a.share), a.part + w * (b.part - a.part), a.length + w * (b.length - a.length))
    return TopShare(n, *means, a.k, a.width, zero_rows)
