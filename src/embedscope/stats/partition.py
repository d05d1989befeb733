"""The partition function Z(v) = sum_i exp(<v, x_i>) along fixed directions: a second pass, in the log domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, Rows, is_torch, to_float64, to_numpy, unit_rows
from embedscope.stats._buffer import RowBuffer
from embedscope.stats.moments import Gaussian, Moments, Precision
from embedscope.stats.statistic import Statistic, blocks, check_width, no_rows

Directions = Literal["eigenvectors", "published"]


@dataclass(frozen=True, eq=False)
class PartitionValues(Statistic):
    """Z(v) of n rows over m directions, kept as exp(shift) * total so that nothing overflows.

    ``shift`` and ``total`` have shape (m,); m = 2 d for {+v, -v}, d for +v alone.
    """

    n: int
    shift: Floats
    total: Floats
    width: int
    zero_rows: int = 0

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return self.width

    @property
    def log_z(self) -> Floats:
        """Log Z(v) (m,)."""
        return self.shift + np.log(self.total)


@dataclass(frozen=True)
class Partition(Need[PartitionValues]):
    """Z along the eigenvectors of X'X, {+v, -v} of each.

    ``directions`` "published" takes the *rows* of the matrix that ``numpy.linalg.eigh`` gives, +v alone, which is what
    the published numbers follow (``tyshchuk2023``).
    """

    rows: Rows = "unit"
    directions: Directions = "eigenvectors"
    precision: Precision = "exact"

    @property
    def depends(self) -> tuple[Need[Any], ...]:
        """The moments whose eigenvectors are the directions."""
        return (Moments(self.rows, self.precision),)

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[PartitionValues]:
        """A fresh accumulator with the directions held fixed."""
        moments: Gaussian = results[self.depends[0]]
        columns = moments.directions.T if self.directions == "published" else moments.directions
        return _PartitionState(self, np.ascontiguousarray(columns))


class _PartitionState(Accumulator[PartitionValues]):
    def __init__(self, need: Partition, columns: Floats) -> None:
        self._need = need
        self._columns = columns
        self._state: PartitionValues | None = None
        self._zero_rows = 0
        self._buffer = RowBuffer(128)

    def update(self, x: Array, ids: Hashes) -> Self:
        for block, _ in blocks(x, ids):
            check_width(len(self._columns), int(block.shape[1]))
            rows = unit_rows(block)[0] if self._need.rows == "unit" else to_float64(block)
            zeros = len(block) - (len(rows) if self._need.rows == "unit" else int((block != 0).any(axis=1).sum()))
            self._zero_rows += zeros
            full = self._buffer.add(rows)
            if full is not None:
                self._state = _joined(self._state, self._values(full))
        return self

    def merge(self, other: Self) -> Self:
        self._zero_rows += other._zero_rows
        self._state = _joined(self._state, other._total())
        return self

    def result(self) -> PartitionValues:
        total = self._total()
        if total is None and self._zero_rows == 0:
            raise no_rows()
        if total is None:
            empty = np.zeros(0)
            return PartitionValues(0, empty, empty, len(self._columns), self._zero_rows)
        return PartitionValues(total.n, total.shift, total.total, total.width, self._zero_rows)

    def _total(self) -> PartitionValues | None:
        waiting = self._buffer.rows()
        return self._state if waiting is None else _joined(self._state, self._values(waiting))

    def _values(self, rows: Array) -> PartitionValues:
        columns = rows.new_tensor(self._columns) if is_torch(rows) else self._columns
        fast = self._need.precision == "fast"
        products = to_float64(_single(rows) @ _single(columns)) if fast else rows @ columns
        signs = (products,) if self._need.directions == "published" else (products, -products)
        shifts = [to_numpy(p.max(axis=0)[0] if is_torch(p) else p.max(axis=0)) for p in signs]
        totals = [_exp_sums(p, shift) for p, shift in zip(signs, shifts, strict=True)]
        return PartitionValues(len(rows), np.concatenate(shifts), np.concatenate(totals), len(self._columns))


def _single(x: Array) -> Array:
    return x.float() if is_torch(x) else x.astype(np.float32)


def _exp_sums(products: Array, shift: Floats) -> Floats:
    """Sum over rows of exp(products - shift), shape (d,); every term is at most 1."""
    if is_torch(products):
        return np.asarray(to_numpy((products - products.new_tensor(shift)).exp().sum(axis=0)))
    return np.asarray(np.exp(products - shift).sum(axis=0))


def _joined(a: PartitionValues | None, b: PartitionValues | None) -> PartitionValues | None:
    if a is None or b is None:
        return b if a is None else a
    shift = np.maximum(a.shift, b.shift)
    total = a.total * np.exp(a.shift - shift) + b.total * np.exp(b.shift - shift)
    return PartitionValues(a.n + b.n, shift, total, a.width)
