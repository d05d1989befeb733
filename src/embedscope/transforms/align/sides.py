"""What an alignment does to one side: x -> (x - mean) A + shift, any of the three left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.short_repr import short_repr
from embedscope.stats.cross import CrossGaussian

Real = TypeVar("Real", bound=np.floating[Any])

PARTS = ("mean", "matrix", "shift")


@short_repr
@dataclass(frozen=True, eq=False)
class Side:
    """An affine map of rows (n, width).

    Attributes
    ----------
    width : width of the rows that go in
    mean : (width,) subtracted first, or None
    matrix : (width, k), or None for the identity
    shift : (k,) added last, or None
    """

    width: int
    mean: Floats | None = None
    matrix: Floats | None = None
    shift: Floats | None = None

    @property
    def width_out(self) -> int:
        """Width of the rows that come out."""
        return self.width if self.matrix is None else int(self.matrix.shape[1])

    def apply(self, x: Floats) -> Floats:
        """The rows ``x`` (n, width) mapped, (n, width_out); unchecked."""
        y = x if self.mean is None else x - self.mean
        y = y if self.matrix is None else y @ self.matrix
        return y if self.shift is None else y + self.shift

    def then(self, other: Side) -> Side:
        """Both maps, this one and ``other`` after it, as one."""
        gap = _plus(self.shift, None if other.mean is None else -other.mean)
        if self.matrix is None:
            return Side(self.width, _plus(self.mean, None if gap is None else -gap), other.matrix, other.shift)
        if other.matrix is None:
            return Side(self.width, self.mean, self.matrix, _plus(gap, other.shift))
        shift = _plus(None if gap is None else gap @ other.matrix, other.shift)
        return Side(self.width, self.mean, self.matrix @ other.matrix, shift)


def push_moments(cross: CrossGaussian, left: Side, right: Side) -> CrossGaussian:
    """Moments of the pairs after ``left`` and ``right``, in closed form; fourth moments survive a shift alone."""
    a, b = left.matrix, right.matrix
    cxx = cross.cxx if a is None else a.T @ cross.cxx @ a
    cyy = cross.cyy if b is None else b.T @ cross.cyy @ b
    cxy = cross.cxy if a is None else a.T @ cross.cxy
    cxy = cxy if b is None else cxy @ b
    means = left.apply(cross.mean_x[None])[0], right.apply(cross.mean_y[None])[0]
    quartics = (cross.quartic_x if a is None else None), (cross.quartic_y if b is None else None)
    return CrossGaussian(cross.n, *means, cxx, cxy, cyy, *quartics)


def unit(x: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Rows of ``x`` (n, d) divided by their norms; rows of length zero stay as they are."""
    norms = np.sqrt(np.einsum("ij,ij->i", x, x))
    return np.asarray(x / np.where(norms > 0, norms, 1.0)[:, None])


def _plus(a: Floats | None, b: Floats | None) -> Floats | None:
    """A + b, where None is zero."""
    if a is None or b is None:
        return b if a is None else a
    return a + b
