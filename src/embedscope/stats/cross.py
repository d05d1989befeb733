"""First and second moments of two spaces over the same rows: what every alignment is fitted from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import fold
from embedscope.core.arrays import Array, Floats, Hashes, is_torch, to_numpy
from embedscope.core.block import Scratch
from embedscope.core.errors import InputError
from embedscope.core.ids import groups_of
from embedscope.core.threads import in_threads
from embedscope.stats._buffer import RowBuffer
from embedscope.stats._cross_sums import Sums
from embedscope.stats.moments import Gaussian
from embedscope.stats.statistic import check_width, no_rows

_ROWS = 2048


@dataclass(frozen=True, eq=False)
class CrossGaussian:
    """Moments of n pairs of rows x (dx,) and y (dy,).

    Attributes
    ----------
    n : pairs
    mean_x, mean_y : (dx,), (dy,)
    cxx, cxy, cyy : centred sums of products, (dx, dx), (dx, dy), (dy, dy)
    quartic_x, quartic_y : sums of |x - mean|^4 and |y - mean|^4; None where they are not known

    >>> g = cross_gaussian([[0.0], [2.0]], [[1.0, 0.0], [3.0, 4.0]])
    >>> g.cxy.tolist(), g.gram_xy.tolist()
    ([[2.0, 4.0]], [[6.0, 8.0]])
    """

    n: int
    mean_x: Floats
    mean_y: Floats
    cxx: Floats
    cxy: Floats
    cyy: Floats
    quartic_x: float | None = None
    quartic_y: float | None = None

    @property
    def widths(self) -> tuple[int, int]:
        """Widths (dx, dy) of the two sides."""
        return len(self.mean_x), len(self.mean_y)

    @property
    def gram_xx(self) -> Floats:
        """X'X (dx, dx), uncentred."""
        return self.cxx + self.n * np.outer(self.mean_x, self.mean_x)

    @property
    def gram_xy(self) -> Floats:
        """X'Y (dx, dy), uncentred."""
        return self.cxy + self.n * np.outer(self.mean_x, self.mean_y)

    @property
    def gram_yy(self) -> Floats:
        """Y'Y (dy, dy), uncentred."""
        return self.cyy + self.n * np.outer(self.mean_y, self.mean_y)

    @property
    def x(self) -> Gaussian:
        """Moments of the left side alone."""
        return Gaussian(self.n, self.mean_x, self.cxx, quartic=self.quartic_x)

    @property
    def y(self) -> Gaussian:
        """Moments of the right side alone."""
        return Gaussian(self.n, self.mean_y, self.cyy, quartic=self.quartic_y)

    @property
    def swapped(self) -> CrossGaussian:
        """The same pairs with the sides exchanged."""
        return CrossGaussian(
            self.n, self.mean_y, self.mean_x, self.cyy, self.cxy.T, self.cxx, self.quartic_y, self.quartic_x
        )

    def pool(self, centre: str = "space") -> Gaussian:
        """Moments of the 2n rows of both sides, each about its own mean ("space") or all about one mean ("joint").

        Raises
        ------
        InputError
            if the sides differ in width, or ``centre`` is neither.
        """
        dx, dy = self.widths
        if dx != dy:
            raise InputError(
                f"one basis for both sides needs equal dimensions, got {dx} and {dy}; use an alignment that maps one "
                "side into the other (procrustes, lstsq, cca)"
            )
        mean, scatter, quartic = (self.mean_x + self.mean_y) / 2, self.cxx + self.cyy, None
        if centre == "joint":
            half = (self.mean_x - self.mean_y) / 2
            scatter = scatter + 2 * self.n * np.outer(half, half)
        elif centre != "space":
            raise InputError(f"centre must be 'space' or 'joint', got {centre!r}")
        elif self.quartic_x is not None and self.quartic_y is not None:
            quartic = self.quartic_x + self.quartic_y
        return Gaussian(2 * self.n, mean, scatter, quartic=quartic)


class CrossMoments:
    """Mergeable moments of pairs of rows, by Chan's formula over blocks (chan1983); O(n (dx + dy)^2).

    Parameters
    ----------
    n_groups : keep the pairs in this many groups of clusters, for a jackknife; 0 for none

    Raises
    ------
    InputError
        if the sides differ in their number of rows, a width changes, or no pair came.
    """

    def __init__(self, n_groups: int = 0) -> None:
        self.n_groups = n_groups
        self._parts = [_Part() for _ in range(max(n_groups, 1))]

    def update(self, x: Array, y: Array, clusters: Hashes | None = None) -> Self:
        """Take in the pairs of ``x`` (n, dx) and ``y`` (n, dy); ``clusters`` (n,) are hashes, needed for groups."""
        x, y = _one_place(x, y)
        if len(x) != len(y) or x.ndim != 2 or y.ndim != 2:
            shapes = f"{tuple(x.shape)} and {tuple(y.shape)}"
            raise InputError(f"pairs need x (n, dx) and y (n, dy) with the same n, got {shapes}; join them by id first")
        self._parts[0].meet(x.shape[1], y.shape[1])
        if self.n_groups == 0:
            self._parts[0].update(x, y)
            return self
        if clusters is None or len(clusters) != len(x):
            raise InputError(f"{self.n_groups} groups need clusters, one hash per pair; pass clusters (n,)")
        groups = groups_of(clusters, self.n_groups)
        for g in np.unique(groups):
            rows = np.flatnonzero(groups == g)
            self._parts[int(g)].update(x[rows], y[rows])
        return self

    def merge(self, other: Self) -> Self:
        """Take in ``other``, which stays untouched; associative to rounding."""
        if other.n_groups != self.n_groups:
            raise InputError(f"cannot merge {other.n_groups} groups into {self.n_groups}; use one number of groups")
        if other._parts[0].widths is not None:
            self._parts[0].meet(*other._parts[0].widths)
        for mine, theirs in zip(self._parts, other._parts, strict=True):
            mine.merge(theirs)
        return self

    def result(self) -> CrossGaussian:
        """Moments of all pairs so far; pure."""
        return _merge(self._parts)

    def leave_out(self) -> tuple[CrossGaussian, ...]:
        """Moments without each group that has pairs; empty where fewer than two have."""
        used = [part for part in self._parts if part.total() is not None]
        if len(used) < 2:
            return ()
        return tuple(_merge([p for p in used if p is not part]) for part in used)


class _Part:
    """Sums of one group, with the rows that wait for a block."""

    def __init__(self) -> None:
        self.widths: tuple[int, int] | None = None
        self._sums: Sums | None = None
        self._scratch = Scratch()
        self._waiting = (RowBuffer(_ROWS // 4), RowBuffer(_ROWS // 4))

    def meet(self, dx: int, dy: int) -> None:
        if self.widths is not None:
            check_width(self.widths[0], dx)
            check_width(self.widths[1], dy)
        self.widths = (int(dx), int(dy))

    def update(self, x: Array, y: Array) -> None:
        for a, b in _blocks(x, y):
            left, right = self._waiting[0].add(a), self._waiting[1].add(b)
            if left is not None and right is not None:
                self._absorb(Sums.of(left, right, self._scratch))

    def merge(self, other: _Part) -> None:
        sums = other.total()
        if sums is not None:
            self._absorb(sums)

    def total(self) -> Sums | None:
        """Sums with the rows that wait; not to be changed."""
        left, right = (buffer.rows() for buffer in self._waiting)
        if left is None or right is None:
            return self._sums
        waiting = Sums.of(*_one_place(left, right), self._scratch)
        if self._sums is None:
            return waiting
        total = self._sums.copy()
        total.absorb(waiting)
        return total

    def _absorb(self, sums: Sums) -> None:
        if self._sums is None:
            self._sums = sums.copy()
        else:
            self._sums.absorb(sums)


def cross_gaussian(x: Any, y: Any) -> CrossGaussian:
    """Moments of the pairs of ``x`` (n, dx) and ``y`` (n, dy).

    Large numpy arrays are worked on in up to eight parts, which n alone decides, on as many threads as there are cores.
    """
    x, y = _one_place(x, y)
    step = max(2 * _ROWS, -(-len(x) // 8))
    if is_torch(x) or len(x) != len(y) or len(x) <= step:
        return CrossMoments().update(x, y).result()

    def moments(start: int) -> CrossMoments:
        return CrossMoments().update(x[start : start + step], y[start : start + step])

    return fold(in_threads(moments, range(0, len(x), step)), lambda a, b: a.merge(b)).result()


def _merge(parts: list[_Part]) -> CrossGaussian:
    total: Sums | None = None
    for sums in (part.total() for part in parts):
        if total is None:
            total = sums and sums.copy()
        elif sums is not None:
            total.absorb(sums)
    if total is None:
        raise no_rows()
    x, y = total.x, total.y
    return CrossGaussian(total.n, x.mean, y.mean, x.scatter, total.cross, y.scatter, x.quartic, y.quartic)


def _blocks(x: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    for start in range(0, len(x), _ROWS):
        yield x[start : start + _ROWS], y[start : start + _ROWS]


def _one_place(x: Array, y: Array) -> tuple[Array, Array]:
    """Both sides where they are if that is one namespace and device, else both on the host."""
    if is_torch(x) and is_torch(y) and x.device == y.device and x.device.type != "mps":
        return x, y
    left: npt.NDArray[Any] = to_numpy(x)
    return left, to_numpy(y)
