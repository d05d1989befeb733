"""Centred sums of pairs of rows, as a block gives them and as two blocks join."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Array, Floats, is_torch, to_numpy


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
        here, there = self._moved(-delta * (m / (n + m)), n), other._moved(delta * (n / (n + m)), m)
        self.cubic, self.quartic = here[0] + there[0], here[1] + there[1]
        self.scatter += other.scatter
        self.scatter += np.outer(delta * (n * (m / (n + m))), delta)
        self.offset = self.offset + delta * (m / (n + m))
        return delta

    def _moved(self, shift: Floats, n: int) -> tuple[Floats, float]:
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
    def of(cls, x: Array, y: Array) -> Sums:
        """Sums of the rows ``x`` (m, dx) and ``y`` (m, dy), m > 0, in float64, on one device."""
        (here, left), (there, right) = _side(x), _side(y)
        return cls(len(x), here, there, np.asarray(to_numpy(left.T @ right), dtype=np.float64))

    def copy(self) -> Sums:
        """The same sums in memory of their own."""
        return Sums(self.n, self.x.copy(), self.y.copy(), self.cross.copy())

    def absorb(self, other: Sums) -> None:
        """Take in ``other`` by Chan's formula."""
        n, m = self.n, other.n
        dx, dy = self.x.absorb(other.x, n, m), self.y.absorb(other.y, n, m)
        self.cross += other.cross
        self.cross += np.outer(dx * (n * (m / (n + m))), dy)
        self.n = n + m


def _side(rows: Array) -> tuple[Side, Array]:
    """The sums of one side, and its rows about their mean; differences to the first row come first."""
    if is_torch(rows):
        rows = rows.detach().to(sys.modules["torch"].float64)
        first = rows[0]
        y = rows - first
    else:
        first = np.asarray(rows[0], dtype=np.float64)
        y = np.subtract(rows, first, dtype=np.float64)
    shift = y.mean(axis=0)
    y -= shift
    squares = (y * y).sum(axis=1) if is_torch(y) else np.einsum("ij,ij->i", y, y)
    facts = [np.asarray(to_numpy(a), dtype=np.float64) for a in (first, shift, y.T @ y, squares @ y)]
    return Side(facts[0].copy(), facts[1], facts[2], facts[3], float(squares @ squares)), y
