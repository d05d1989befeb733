"""Centred sums of pairs of rows, as a block gives them and as two blocks join."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Array, Floats, to_numpy
from embedscope.core.block import Centred, Scratch, centre_rows

_BAND = 64


@dataclass
class Side:
    """One side of some rows about its mean, which is kept as ``base`` + ``offset``, to lose no digits."""

    base: Floats
    offset: Floats
    scatter: Floats
    cubic: Floats
    quartic: float

    @property
    def mean(self) -> Floats:
        """Mean (d,)."""
        return self.base + self.offset

    def copy(self) -> Side:
        """The same sums in memory of their own."""
        return Side(self.base, self.offset, self.scatter.copy(), self.cubic, self.quartic)

    def absorb(self, other: Side, n: int, m: int) -> Floats:
        """Merge ``m`` rows into these ``n`` (Chan, Pébay); gives the difference of the means."""
        delta = (other.base - self.base) + (other.offset - self.offset)
        here, there = self._shift(-delta * (m / (n + m)), n), other._shift(delta * (n / (n + m)), m)
        self.cubic, self.quartic = here[0] + there[0], here[1] + there[1]
        self.scatter += other.scatter
        _add_outer(self.scatter, delta * (n * (m / (n + m))), delta)
        self.offset = self.offset + delta * (m / (n + m))
        return delta

    def _shift(self, shift: Floats, n: int) -> tuple[Floats, float]:
        square, turned, trace = float(shift @ shift), self.scatter @ shift, float(np.trace(self.scatter))
        cubic = self.cubic + 2 * turned + (trace + n * square) * shift
        cross = 4 * float(self.cubic @ shift) + 4 * float(shift @ turned) + 2 * trace * square
        return cubic, self.quartic + cross + n * square**2


@dataclass
class Sums:
    """Sums of n pairs of rows, changed in place by ``absorb`` alone."""

    n: int
    x: Side
    y: Side
    cross: Floats

    @classmethod
    def of(cls, x: Array, y: Array, scratch: Scratch) -> Sums:
        """Sums of the rows ``x`` (m, dx) and ``y`` (m, dy), m > 0, in float64, on one device."""
        left, right = centre_rows(x, "x", scratch), centre_rows(y, "y", scratch)
        return cls(len(x), _side(left), _side(right), np.asarray(to_numpy(left.rows.T @ right.rows)))

    def copy(self) -> Sums:
        """The same sums in memory of their own."""
        return Sums(self.n, self.x.copy(), self.y.copy(), self.cross.copy())

    def absorb(self, other: Sums) -> None:
        """Take in ``other`` by Chan's formula."""
        n, m = self.n, other.n
        dx, dy = self.x.absorb(other.x, n, m), self.y.absorb(other.y, n, m)
        self.cross += other.cross
        _add_outer(self.cross, dx * (n * (m / (n + m))), dy)
        self.n = n + m


def _add_outer(total: Floats, a: Floats, b: Floats) -> None:
    """Add a b' to ``total``, a few rows at a time, so that no memory as large is asked for."""
    for start in range(0, len(a), _BAND):
        total[start : start + _BAND] += a[start : start + _BAND, None] * b


def _side(c: Centred) -> Side:
    """The sums of one side."""
    return Side(c.pivot, c.shift, np.asarray(to_numpy(c.rows.T @ c.rows)), c.cubic, c.quartic)
