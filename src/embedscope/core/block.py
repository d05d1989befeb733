"""A block of rows with what several statistics take from it, each computed once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedscope.core.arrays import Array, Floats, Hashes, Rows, is_torch, row_norms, to_float64, to_numpy

LARGEST = 16
"""Coordinates that are looked for at once, since a few more cost nothing."""


@dataclass(frozen=True, eq=False)
class Centred:
    """Rows minus their mean, in the namespace of the rows.

    Attributes
    ----------
    pivot : (d,) first row; differences to it come first, so that equal rows are exactly 0
    shift : (d,) mean of these differences: the mean of the rows is pivot + shift
    rows : (m, d) float64
    room : (m + 1, d), the same memory with one row more, for whoever multiplies it
    squares : (m, d), the squares of ``rows``
    """

    pivot: Floats
    shift: Floats
    rows: Array
    room: Array

    @cached_property
    def squares(self) -> Array:
        """Squares of the centred rows (m, d)."""
        return self.rows * self.rows

    def __len__(self) -> int:
        return len(self.rows)


class RowBlock:
    """Rows ``x`` (m, d), m > 0, as they came, with hashes ``ids`` (m,) of their identities.

    Everything else follows from them when it is first asked for and is then shared. Who keeps any of it takes a copy:
    the memory belongs to the block, which may be used again.
    """

    def __init__(self, x: Array, ids: Hashes) -> None:
        self.x = x
        self.ids = ids
        self._centred: dict[Rows, Centred] = {}
        self._largest: dict[bool, Array] = {}

    def __len__(self) -> int:
        return len(self.x)

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return int(self.x.shape[1])

    @cached_property
    def double(self) -> Array:
        """The rows (m, d) in float64."""
        return to_float64(self.x)

    @cached_property
    def norms(self) -> Array:
        """Lengths (m,) of the rows, float64."""
        return row_norms(self.double)

    @cached_property
    def zero_rows(self) -> int:
        """Number of rows of length zero."""
        return int((self.norms == 0).sum())

    @cached_property
    def present(self) -> Array:
        """The rows (k, d) of non-zero length, float64."""
        return self.double if self.zero_rows == 0 else self.double[self.norms > 0]

    @cached_property
    def lengths(self) -> Array:
        """Lengths (k,) of the rows of non-zero length."""
        return self.norms if self.zero_rows == 0 else self.norms[self.norms > 0]

    @cached_property
    def unit(self) -> Array:
        """Rows (k, d) of non-zero length divided by it."""
        return self.present / self.lengths[:, None]

    def rows(self, kind: Rows) -> Array:
        """The rows in float64: all as they came (``raw``), or those of non-zero length with length 1 (``unit``)."""
        return self.unit if kind == "unit" else self.double

    def centred(self, kind: Rows) -> Centred:
        """The rows of this ``kind``, at least one, minus their mean."""
        if kind not in self._centred:
            rows = self.rows(kind)
            room = empty_like(rows, len(rows) + 1)
            y = room[: len(rows)]
            y[...] = rows
            y -= rows[0]
            shift = column_sums(y) / len(rows)
            y -= _as(shift, y)
            self._centred[kind] = Centred(np.array(to_numpy(rows[0])), shift, y, room)
        return self._centred[kind]

    def largest(self, k: int, signed: bool = False) -> Array:
        """The ``k`` largest coordinates (m, k) of every row in float64, by absolute value or by value, in no order."""
        known = self._largest.get(signed)
        if known is None or known.shape[1] < min(k, self.dim):
            values = self.x if str(self.x.dtype).endswith("float32") else self.double
            values = values if signed else abs(values)
            known = self._largest[signed] = _largest(values, min(max(k, LARGEST), self.dim))
        return to_float64(_largest(known, min(k, self.dim)))


def column_sums(x: Array) -> Floats:
    """Sums (d,) of the columns of float64 ``x`` (m, d), on the host."""
    ones = x.new_ones(len(x)) if is_torch(x) else np.ones(len(x))
    return np.asarray(to_numpy(ones @ x))


def row_sums(x: Array) -> Array:
    """Sums (m,) of the rows of float64 ``x`` (m, d), in its namespace."""
    return x @ (x.new_ones(x.shape[1]) if is_torch(x) else np.ones(x.shape[1]))


def empty_like(x: Array, n: int) -> Array:
    """Memory for ``n`` rows like those of ``x`` (m, d), where they are."""
    return x.new_empty((n, x.shape[1])) if is_torch(x) else np.empty((n, x.shape[1]), dtype=x.dtype)


def _as(values: Floats, like: Array) -> Array:
    """``values`` in the namespace and on the device of ``like``."""
    return like.new_tensor(values) if is_torch(like) else values


def _largest(values: Array, k: int) -> Array:
    if k == values.shape[1]:
        return values
    if is_torch(values):
        return sys.modules["torch"].topk(values, k, dim=1, sorted=False).values
    return np.partition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
