"""Mean and scatter of the rows, merged by Chan's formula, never as sums of squares.

On data offset by 1e6 sums of squares lose twelve digits, centred sums none (``chan1983``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, Rows, is_torch, to_float64, to_numpy, unit_rows
from embedscope.stats._buffer import RowBuffer
from embedscope.stats._spectra import diagonal_in, single_thread_eigh, without_rounding
from embedscope.stats.statistic import Statistic, blocks, check_width, no_rows

Precision = Literal["exact", "fast"]


@dataclass(frozen=True, eq=False)
class Gaussian(Statistic):
    """First and second moments of n rows, with the spectra that follow from them.

    Attributes
    ----------
    n : rows (of unit rows: those of non-zero length)
    mean : (d,)
    scatter : (d, d), sum of (x - mean)(x - mean)'
    zero_rows : rows of length zero met; among ``n`` for raw rows, left out of unit rows
    basis : where given, spectra are first-order: diag(V' C V) with the eigenvectors V of ``basis``
    cubic, quartic : sums of |x - mean|^2 (x - mean), shape (d,), and of |x - mean|^4; None where they are not known
    """

    n: int
    mean: Floats
    scatter: Floats
    zero_rows: int = 0
    basis: Gaussian | None = None
    cubic: Floats | None = None
    quartic: float | None = None

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.mean)

    @property
    def covariance(self) -> Floats:
        """Covariance (d, d), scatter / (n - 1)."""
        return self.scatter / max(self.n - 1, 1)

    @property
    def second_moment(self) -> Floats:
        """X'X (d, d), uncentred."""
        root = self.mean * np.sqrt(self.n)
        return self.scatter + np.outer(root, root)

    @cached_property
    def eigenvalues(self) -> Floats:
        """Eigenvalues (d,) of the covariance, descending (in the order of the basis where there is one)."""
        if self.basis is not None:
            values = diagonal_in(self.basis.eigenvectors, self.scatter)
        else:
            values = self._centred[0][::-1]
        return without_rounding(values, self.n - 1) / max(self.n - 1, 1)

    @property
    def eigenvectors(self) -> Floats:
        """Principal directions (d, d), one a column, in the order of ``eigenvalues``."""
        return self.basis.eigenvectors if self.basis is not None else self._centred[1][:, ::-1]

    @cached_property
    def singular_values(self) -> Floats:
        """Singular values (d,) of the uncentred rows, descending (in the order of the basis where there is one)."""
        if self.basis is not None:
            values = diagonal_in(self.basis.directions[:, ::-1], self.second_moment)
        else:
            values = self._uncentred[0][::-1]
        return np.sqrt(without_rounding(values, self.n))

    @property
    def directions(self) -> Floats:
        """Eigenvectors (d, d) of X'X as ``numpy.linalg.eigh`` gives them: one a column, eigenvalues ascending."""
        return self.basis.directions if self.basis is not None else self._uncentred[1]

    def perturbed(self, reference: Gaussian) -> Gaussian:
        """These moments with first-order spectra: eigenvectors of ``reference``, no decomposition of their own."""
        known: Gaussian | None = self.__dict__.get("_perturbed")
        if known is None or known.basis is not reference:
            known = replace(self, basis=reference)
            self.__dict__["_perturbed"] = known  # so that several metrics share its spectra
        return known

    @cached_property
    def _centred(self) -> tuple[Floats, Floats]:
        return single_thread_eigh(self.scatter)

    @cached_property
    def _uncentred(self) -> tuple[Floats, Floats]:
        return single_thread_eigh(self.second_moment)


@dataclass(frozen=True)
class Moments(Need[Gaussian]):
    """Mean, scatter and centred fourth moment of the rows; O(n d^2).

    ``precision`` "fast" multiplies blocks in float32 and sums them in float64.
    """

    rows: Rows = "raw"
    precision: Precision = "exact"

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[Gaussian]:
        """A fresh accumulator."""
        return _MomentsState(self.rows, self.precision)


@dataclass
class _Sums:
    """Centred sums of some rows, changed in place; their mean is kept as ``base`` + ``offset``, to lose no digits."""

    n: int
    base: Floats
    offset: Floats
    scatter: Floats
    cubic: Floats
    quartic: float

    @classmethod
    def of(cls, rows: Array, precision: Precision) -> _Sums:
        """Sums of float64 ``rows`` (m, d), m > 0, computed where they are, kept on the host.

        Differences to the first row come first, so that equal rows have a scatter of exactly 0.
        """
        y = rows - rows[0]
        shift = y.mean(axis=0)
        y = y - shift
        squares = (y * y).sum(axis=1)
        cubic, quartic = y.T @ squares, float((squares * squares).sum())
        if precision == "fast":
            y = y.float() if is_torch(y) else y.astype(np.float32)
        scatter = np.asarray(to_numpy(y.T @ y), dtype=np.float64)
        base = to_numpy(rows[0]).copy()
        return cls(len(rows), base, to_numpy(shift), scatter, to_numpy(cubic), quartic)

    @property
    def mean(self) -> Floats:
        """Mean (d,)."""
        return self.base + self.offset

    def copy(self) -> _Sums:
        """The same sums in memory of their own."""
        return _Sums(self.n, self.base, self.offset, self.scatter.copy(), self.cubic, self.quartic)

    def absorb(self, other: _Sums) -> None:
        """Chan's merge, with the third and fourth sums moved to the joint mean (Pébay's way)."""
        n = self.n + other.n
        delta = (other.base - self.base) + (other.offset - self.offset)
        here, there = self._moved(-delta * (other.n / n)), other._moved(delta * (self.n / n))
        self.cubic, self.quartic = here[0] + there[0], here[1] + there[1]
        self.scatter += other.scatter
        root = delta * np.sqrt(self.n * (other.n / n))
        self.scatter += np.outer(root, root)
        self.offset = self.offset + delta * (other.n / n)
        self.n = n

    def _moved(self, shift: Floats) -> tuple[Floats, float]:
        """Cubic and quartic sums of the centred rows plus ``shift`` (d,)."""
        square, turned, trace = float(shift @ shift), self.scatter @ shift, float(np.trace(self.scatter))
        cubic = self.cubic + 2 * turned + (trace + self.n * square) * shift
        cross = 4 * float(self.cubic @ shift) + 4 * float(shift @ turned) + 2 * trace * square
        return cubic, self.quartic + cross + self.n * square**2


class _MomentsState(Accumulator[Gaussian]):
    def __init__(self, rows: Rows, precision: Precision) -> None:
        self._rows = rows
        self._precision = precision
        self._dim: int | None = None
        self._zero_rows = 0
        self._sums: _Sums | None = None
        self._buffer = RowBuffer(1)

    def update(self, x: Array, ids: Hashes) -> Self:
        for block, _ in blocks(x, ids):
            self._meet(int(block.shape[1]))
            if self._rows == "unit":
                rows, _kept = unit_rows(block)
                self._zero_rows += len(block) - len(rows)
            else:
                rows = to_float64(block)
                self._zero_rows += len(block) - int((block != 0).any(axis=1).sum())
            full = self._buffer.add(rows)
            if full is not None:
                self._absorb(_Sums.of(full, self._precision))
        return self

    def merge(self, other: Self) -> Self:
        if other._dim is not None:
            self._meet(other._dim)
            self._zero_rows += other._zero_rows
            for sums in (other._sums, other._waiting()):
                if sums is not None:
                    self._absorb(sums)
        return self

    def result(self) -> Gaussian:
        if self._dim is None:
            raise no_rows()
        total, waiting = self._sums and self._sums.copy(), self._waiting()
        if total is not None and waiting is not None:
            total.absorb(waiting)
        total = total or waiting
        if total is None:
            empty = np.zeros(self._dim)
            return Gaussian(0, empty, np.zeros((self._dim, self._dim)), self._zero_rows, None, empty, 0.0)
        return Gaussian(total.n, total.mean, total.scatter, self._zero_rows, None, total.cubic, total.quartic)

    def _meet(self, dim: int) -> None:
        if self._dim is None:
            self._dim = dim
            self._buffer = RowBuffer(max(32, dim // 2))
        check_width(self._dim, dim)

    def _waiting(self) -> _Sums | None:
        rows = self._buffer.rows()
        return None if rows is None else _Sums.of(rows, self._precision)

    def _absorb(self, sums: _Sums) -> None:
        if self._sums is None:
            self._sums = sums.copy()
        else:
            self._sums.absorb(sums)
