"""The partition function Z(v) = sum_i exp(<v, x_i>) along fixed directions: a second pass, in the log domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, Self

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Precision, Rows, is_torch, to_numpy
from embedscope.core.block import RowBlock, column_sums
from embedscope.stats.moments import Gaussian, Moments
from embedscope.stats.statistic import Blockwise, Statistic, check_width, no_rows

Directions = Literal["eigenvectors", "published", "random"]


@dataclass(frozen=True, eq=False)
class PartitionValues(Statistic):
    """Z(v) of n rows over m directions, kept as exp(shift) * total so that nothing overflows.

    ``shift`` and ``total`` have shape (m,); m = 2 d for {+v, -v}, d for +v alone. ``degenerate`` directions have an
    eigenvalue that another one has too, so that any rotation among them would do as well. ``single`` says that products
    and exponentials are float32, and sums float64. ``wander`` (d,) is the variance of log Z(v) that comes from v, where
    directions are eigenvectors of a sample: see ``_wander``.
    """

    n: int
    shift: Floats
    total: Floats
    width: int
    zero_rows: int = 0
    degenerate: int = 0
    single: bool = False
    wander: Floats | None = None

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
    the published numbers follow (``tyshchuk2023``). "random" takes {+v, -v} of 256 directions drawn evenly from the
    sphere, the same for all spaces of as many dimensions, which also says something where eigenvalues coincide.
    """

    rows: Rows = "unit"
    directions: Directions = "eigenvectors"
    precision: Precision = "exact"

    @property
    def depends(self) -> tuple[Need[Any], ...]:
        """The moments whose eigenvectors are the directions; none where they are random."""
        return () if self.directions == "random" else (Moments(self.rows, self.precision),)

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[PartitionValues]:
        """A new accumulator with the directions held fixed."""
        if self.directions == "random":
            return _PartitionState(self)
        return _PartitionState(self, _fix_directions(self, results[self.depends[0]]))


@dataclass(frozen=True, eq=False)
class _Fixed:
    """What one set of moments fixes for the states of all groups and shards: directions in their columns, and facts."""

    columns: Floats
    degenerate: int
    single: bool
    wander: Floats | None


_ONE_AT_A_TIME = Lock()
"""Shards that run side by side wait for the first to compute what all need."""


def _fix_directions(need: Partition, moments: Gaussian) -> _Fixed:
    """Directions and what is known about them, computed once for these ``moments``."""
    with _ONE_AT_A_TIME:
        known: dict[Partition, _Fixed] = moments.__dict__.setdefault("_fixed", {})
        if need not in known:
            single = need.precision == "fast" or (need.rows == "unit" and moments.n >= SINGLE)
            published = need.directions == "published"
            columns = moments.directions.T if published else moments.directions
            columns = columns.astype(np.float32) if single else columns
            known[need] = _Fixed(columns, _degenerate(moments), single, None if published else _wander(moments))
        return known[need]


def _wander(moments: Gaussian) -> Floats:
    """Variance (d,) of log Z(v_k) over samples that turning of the eigenvector v_k makes, to first order.

    A sample turns v_k towards v_j by an angle of variance l_j l_k / (n (l_k - l_j)^2), at most 1/2, for eigenvalues l
    of X'X / n (anderson1963); log Z(v) is about the mean of <v, x>, which moves by the angle times <v_j, mean x>.
    """
    n = max(moments.n, 1)
    values = moments.singular_values[::-1] ** 2 / n
    apart = (values[:, None] - values) ** 2
    angle = np.full(apart.shape, _FULL_TURN)
    np.divide(np.outer(values, values) / n, apart, out=angle, where=apart > 0)
    angle = np.minimum(angle, _FULL_TURN)
    np.fill_diagonal(angle, 0.0)
    return np.asarray(angle @ (moments.directions.T @ moments.mean) ** 2)


_FULL_TURN = 0.5
"""Mean square of the sine of an angle that may be any."""


def _degenerate(moments: Gaussian) -> int:
    """Directions whose eigenvalue of X'X another one has too, to rounding."""
    values = np.sort(moments.singular_values**2)
    if not len(values) or values[-1] <= 0:
        return len(values)
    near = np.diff(values) <= _SAME * values[-1]
    return int((np.append(near, False) | np.insert(near, 0, False)).sum())


SINGLE = 50_000
"""Unit rows from which products and exponentials are float32 and sums float64.

A term is off by (d + 8) roundings of 2^-24 of its value at most: d + 2 of the product and its factors, the rest of exp
and its inverse. Roundings have no direction that rows share: over so many rows log Z was off by less than 1e-8.
"""

_SAME = 1e-10
N_RANDOM = 256


def random_directions(dim: int) -> Floats:
    """Seeded directions (dim, 256) drawn evenly from the sphere."""
    x = np.random.default_rng([dim, 0x11]).standard_normal((dim, N_RANDOM))
    return np.asarray(x / np.linalg.norm(x, axis=0))


class _PartitionState(Blockwise[PartitionValues]):
    def __init__(self, need: Partition, fixed: _Fixed | None = None) -> None:
        self._need = need
        self._single = need.precision == "fast" if fixed is None else fixed.single
        self._columns = None if fixed is None else fixed.columns
        self._degenerate = 0 if fixed is None else fixed.degenerate
        self._wander = None if fixed is None else fixed.wander
        self._state: PartitionValues | None = None
        self._zero_rows = 0

    def take(self, block: RowBlock) -> Self:
        if self._columns is None:
            self._columns = random_directions(block.dim)
        check_width(len(self._columns), block.dim)
        self._zero_rows += block.zero_rows
        if block.count(self._need.rows):
            self._state = _merge(self._state, self._values(block.rows(self._need.rows, single=self._single)))
        return self

    def merge(self, other: Self) -> Self:
        self._zero_rows += other._zero_rows
        self._columns = other._columns if self._columns is None else self._columns
        self._state = _merge(self._state, other._state)
        return self

    def result(self) -> PartitionValues:
        total = self._state
        if total is None and self._zero_rows == 0:
            raise no_rows()
        if total is None:
            empty = np.zeros(0)
            width = 0 if self._columns is None else len(self._columns)
            return PartitionValues(0, empty, empty, width, self._zero_rows, self._degenerate, self._single)
        known = self._zero_rows, self._degenerate, self._single, self._wander
        return PartitionValues(total.n, total.shift, total.total, total.width, *known)

    def _values(self, rows: Array) -> PartitionValues:
        directions = self._columns
        assert directions is not None
        columns = rows.new_tensor(directions) if is_torch(rows) else directions.astype(rows.dtype, copy=False)
        both = self._need.directions != "published"
        sums = _sums_within_one if self._need.rows == "unit" else _sums_of_any
        values = sums(rows @ columns, both)
        shift, total = (np.concatenate([part[i] for part in values]) for i in (0, 1))
        return PartitionValues(len(rows), shift, total, len(directions))


def _sums_within_one(products: Array, both: bool) -> list[tuple[Floats, Floats]]:
    """Shift 0 and sums over rows of exp(p), and of exp(-p) where ``both``; |p| <= 1, so one exp serves the two."""
    terms = products.exp_() if is_torch(products) else np.exp(products, out=products)
    none = np.zeros(terms.shape[1])
    parts = [(none, _column_sums(terms))]
    if both:
        inverse = terms.reciprocal_() if is_torch(terms) else np.reciprocal(terms, out=terms)
        parts.append((none, _column_sums(inverse)))
    return parts


def _sums_of_any(products: Array, both: bool) -> list[tuple[Floats, Floats]]:
    """Largest p and sums over rows of exp(p - largest), and the same of -p where ``both``; every term is at most 1."""
    parts = []
    for p in (products, -products) if both else (products,):
        top = p.max(axis=0)[0] if is_torch(p) else p.max(axis=0)
        terms = (p - top).exp() if is_torch(p) else np.exp(p - top)
        parts.append((np.asarray(to_numpy(top), dtype=np.float64), _column_sums(terms)))
    return parts


def _column_sums(terms: Array) -> Floats:
    """Sums (d,) over rows in float64."""
    if str(terms.dtype).endswith("float64"):
        return column_sums(terms)
    return np.asarray(to_numpy(terms.double().sum(dim=0))) if is_torch(terms) else terms.sum(axis=0, dtype=np.float64)


def _merge(a: PartitionValues | None, b: PartitionValues | None) -> PartitionValues | None:
    if a is None or b is None:
        return b if a is None else a
    shift = np.maximum(a.shift, b.shift)
    total = a.total * np.exp(a.shift - shift) + b.total * np.exp(b.shift - shift)
    return PartitionValues(a.n + b.n, shift, total, a.width)
