"""A block of rows with what several statistics take from it, each computed once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedscope.core.arrays import (
    Array,
    Floats,
    Hashes,
    Precision,
    Rows,
    is_torch,
    row_norms,
    to_float64,
    to_numpy,
)

LARGEST = 16
"""Coordinates that are looked for at once, since a few more cost nothing."""

SHARED_PARTS = 8
"""At most so many matrices as large as a block are made of it: float64, unit and centred rows, partitions, products."""

UNIT_LENGTH = 2.0**-22
"""From 1, within which the length of a row stored at unit length in float32 lies."""

_BAND = 1 << 17


class Scratch:
    """Memory for the parts of blocks, used again by the next block: fresh pages cost as much as the arithmetic."""

    def __init__(self) -> None:
        self._held: dict[tuple[object, ...], Array] = {}

    def __reduce__(self) -> tuple[type[Scratch], tuple[()]]:
        return Scratch, ()  # what is sent to another process needs its own

    def matrix(self, name: str, like: Array, n: int, dtype: str) -> Array:
        """(n, d) values of ``dtype`` beside ``like`` (m, d), not set; the same memory for the same ``name``."""
        key = (name, dtype, is_torch(like), getattr(like, "device", None), like.shape[1])
        held = self._held.get(key)
        if held is None or len(held) < n:
            held = self._held[key] = empty_like(like, n, dtype)
        return held[:n]


@dataclass(frozen=True, eq=False)
class Centred:
    """Rows minus their mean, in the namespace of the rows.

    Attributes
    ----------
    pivot : (d,) first row; differences to it come first, so that equal rows are exactly 0
    shift : (d,) mean of these differences: the mean of the rows is pivot + shift
    rows : (m, d), float64, or float32 where that was asked for
    room : (m + 1, d), the same memory with one row more, see ``product_with``
    quadratic, cubic, quartic : sum of |y|^2, (d,) sums of |y|^2 y, and the sum of |y|^4, over centred rows y
    shared : whether the raw and the unit rows are both these rows, so that several statistics need their product
    """

    pivot: Floats
    shift: Floats
    rows: Array
    room: Array
    quadratic: float
    cubic: Floats
    quartic: float
    shared: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def product(self) -> Floats:
        """Y'Y (d, d) of the centred rows, in their precision; not to be changed."""
        return to_numpy(self.rows.T @ self.rows)

    def product_with(self, row: Floats) -> Floats:
        """Y'Y (d, d) of the centred rows and one ``row`` (d,) more, in their precision, for whoever asks alone."""
        self.room[len(self)] = self.room.new_tensor(row) if is_torch(self.room) else row
        return to_numpy(self.room.T @ self.room)

    @cached_property
    def squares(self) -> Floats:
        """Sums (d,) of y_j^2 over centred rows y."""
        return np.asarray(sum(column_squares(self.rows[part]) for part in bands(self.rows)))


class RowBlock:
    """Rows ``x`` (m, d), m > 0, as they came, with hashes ``ids`` (m,) of their identities.

    ``units`` (m,) are hashes of the units of evidence where several rows are one, ``group`` is the jackknife group, and
    ``norms`` (m,) are the lengths of the rows where they are known.

    Everything else follows from them when it is first asked for and is then shared. Who keeps any of it takes a copy:
    the memory belongs to the block, which may be used again.
    """

    def __init__(
        self,
        x: Array,
        ids: Hashes,
        scratch: Scratch | None = None,
        units: Hashes | None = None,
        group: int = 0,
        norms: Floats | None = None,
    ) -> None:
        self.x = x
        self.ids = ids
        self.units = units
        self.group = group
        self._scratch = scratch or Scratch()
        self._centred: dict[tuple[Rows, Precision], Centred] = {}
        self._largest: dict[bool, Array] = {}
        self._norms = norms

    def __len__(self) -> int:
        return len(self.x)

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return int(self.x.shape[1])

    @cached_property
    def double(self) -> Array:
        """The rows (m, d) in float64."""
        if is_torch(self.x) or self.x.dtype == np.float64:
            return to_float64(self.x)
        out = self._scratch.matrix("double", self.x, len(self.x), "float64")
        out[...] = self.x
        return out

    @cached_property
    def norms(self) -> Array:
        """Lengths (m,) of the rows, float64."""
        return norms_of(self.x) if self._norms is None else self._norms

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
        lengths = self.lengths[:, None]
        if is_torch(self.x):
            return self.present / lengths
        x = self.x if self.zero_rows == 0 else self.x[self.norms > 0]
        out = self._scratch.matrix("unit", x, len(x), "float64")
        for part in bands(x):
            out[part] = x[part]
            out[part] /= lengths[part]
        return out

    @cached_property
    def of_unit_length(self) -> bool:
        """Whether every row has a length within 2^-22 of 1, as rows that were stored at unit length in float32 have."""
        return bool((abs(self.norms - 1) <= UNIT_LENGTH).all())

    def rows(self, kind: Rows, *, single: bool = False) -> Array:
        """The rows, all as they came (``raw``), or those of non-zero length with unit length (``unit``).

        In float64; ``single`` ones are rounded to float32 from there.
        """
        rows = self.unit if kind == "unit" else self.double
        if not single or is_torch(rows):
            return rows.float() if single else rows
        out = self._scratch.matrix("single", rows, len(rows), "float32")
        out[...] = rows
        return out

    def count(self, kind: Rows) -> int:
        """How many ``rows`` there are of this ``kind``."""
        return len(self) - (self.zero_rows if kind == "unit" else 0)

    def centre(self, kind: Rows, precision: Precision = "exact") -> Centred:
        """The rows of this ``kind``, at least one, minus their mean; ``fast`` are kept in float32.

        Rows whose lengths are 1 as float32 rounds it are taken as unit rows as they are.
        """
        same = self.of_unit_length
        kind = "raw" if same else kind
        key = (kind, precision)
        if key not in self._centred:
            rows = self.unit if kind == "unit" else self.x
            dtype = "float32" if precision == "fast" else "float64"
            self._centred[key] = centre_rows(rows, f"centred {kind}", self._scratch, dtype, shared=same)
        return self._centred[key]

    def largest(self, k: int, signed: bool = False) -> Array:
        """The ``k`` largest coordinates (m, k) of every row in float64, by absolute value or by value, in no order."""
        known = self._largest.get(signed)
        if known is None or known.shape[1] < min(k, self.dim):
            values = self.x if str(self.x.dtype).endswith("float32") else self.double
            values = values if signed else abs(values)
            known = self._largest[signed] = _largest(values, min(max(k, LARGEST), self.dim))
        return to_float64(_largest(known, min(k, self.dim)))


def norms_of(x: Array) -> Array:
    """Lengths (m,) of the rows ``x`` (m, d), float64, in their namespace."""
    if is_torch(x):
        return row_norms(x)
    return np.concatenate([row_norms(x[part]) for part in bands(x)] or [np.zeros(0)])


def column_sums(x: Array) -> Floats:
    """Sums (d,) of the columns of floating ``x`` (m, d), taken in its precision, as float64 on the host."""
    ones = x.new_ones(len(x)) if is_torch(x) else np.ones(len(x), dtype=x.dtype)
    return np.asarray(to_numpy(ones @ x), dtype=np.float64)


def column_squares(x: Array) -> Floats:
    """Sums (d,) of the squares in the columns of floating ``x`` (m, d), as ``column_sums`` takes them."""
    if is_torch(x):
        return column_sums(x * x)
    return np.asarray(np.einsum("ij,ij->j", x, x), dtype=np.float64)


def centre_rows(x: Array, name: str, scratch: Scratch, dtype: str = "float64", *, shared: bool = False) -> Centred:
    """Rows ``x`` (m, d), m > 0, minus their mean, in the memory of ``scratch`` called ``name``.

    Band by band, so that the values are still at hand for the next step.
    """
    first = to_float64(x[:1])
    room = scratch.matrix(name, first, len(x) + 1, dtype)
    y, width = room[: len(x)], int(x.shape[1])
    total, quadratic, cubic, quartic = np.zeros(width), 0.0, np.zeros(width), 0.0
    for part in bands(x):
        _subtract(x[part], x[:1], first, y[part])
        total += column_sums(y[part])
    shift = total / len(x)
    moved = _as(shift, y)
    for part in bands(x):
        band = y[part]
        band -= moved
        lengths = _squared_lengths(band)
        cubic += to_numpy(lengths @ band)
        lengths = to_float64(lengths)
        quadratic += float(lengths.sum())
        quartic += float(lengths @ lengths)
    return Centred(np.array(to_numpy(first[0])), shift, y, room, quadratic, cubic, quartic, shared)


def _subtract(x: Array, first: Array, first64: Array, out: Array) -> None:
    """``out`` = ``x`` - ``first`` without loss: in float64, or in float32 where all three are."""
    if is_torch(x):
        out[...] = to_float64(x) - first64
    elif out.dtype == np.float64:
        out[...] = x
        out -= first64
    else:
        np.subtract(x, first if x.dtype == out.dtype else first64, out=out, casting="same_kind")


def _squared_lengths(x: Array) -> Array:
    """|x_i|^2 (m,) of floating ``x`` (m, d) in its namespace and precision."""
    return (x * x).sum(dim=1) if is_torch(x) else np.vecdot(x, x)


def bands(x: Array) -> list[slice]:
    """Rows of ``x`` (m, d), a cache full at a time; all at once on a device."""
    step = max(1, len(x)) if is_torch(x) else max(16, _BAND // int(x.shape[1]))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def empty_like(x: Array, n: int, dtype: str | None = None) -> Array:
    """Memory for ``n`` rows as wide as those of ``x`` (m, d), where they are; of their dtype, or another."""
    if is_torch(x):
        return x.new_empty((n, x.shape[1]), dtype=getattr(sys.modules["torch"], dtype) if dtype else x.dtype)
    return np.empty((n, x.shape[1]), dtype=dtype or x.dtype)


def _as(values: Floats, like: Array) -> Array:
    """``values`` in the namespace and dtype and on the device of ``like``."""
    return like.new_tensor(values) if is_torch(like) else values.astype(like.dtype, copy=False)


def _largest(values: Array, k: int) -> Array:
    if k == values.shape[1]:
        return values
    if is_torch(values):
        return sys.modules["torch"].topk(values, k, dim=1, sorted=False).values
    return np.partition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]


_BLOCK_VALUES = 1 << 19


def block_rows(dim: int) -> int:
    """Rows of a block: the power of two between 64 and 1024 nearest below 2^19 / ``dim``; depends on nothing else.

    >>> block_rows(384), block_rows(4096)
    (1024, 128)
    """
    rows = max(1, _BLOCK_VALUES // max(dim, 1))
    return min(1024, max(64, 1 << (rows.bit_length() - 1)))
