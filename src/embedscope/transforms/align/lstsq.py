"""Map one space to the other by least squares, with or without a ridge."""

from __future__ import annotations

from typing import Self

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian
from embedscope.stats.spectra import single_thread_eigh
from embedscope.transforms.align._aligner import Aligner
from embedscope.transforms.align.sides import Side

IDS = ("lstsq",)


class LeastSquares(Aligner):
    """W with the least |X W - Y|_F^2 + a |W|_F^2, a = ridge * mean eigenvalue of X'X; minimum norm where ridge is 0.

    Uncentred and without intercept as in tyshchuk2023; ``center=True`` maps x -> (x - mean_x) W + mean_y. The ridge is
    relative to the data, so its meaning does not depend on their scale or number.

    Parameters
    ----------
    ridge : 0 or more
    center : fit with an intercept
    rcond : eigenvalues of X'X up to rcond times the largest count as zero where ridge is 0; by default d eps, the
        least that a float64 Gram can tell from zero
    renormalise : divide the rows that come out by their norms

    Attributes
    ----------
    left_, right_ : maps of the sides; the right one is the identity
    rank_ : eigenvalues that were used
    rcond_ : relative cutoff that was used, on eigenvalues of X'X
    penalty_ : a

    >>> LeastSquares().fit([[1.0], [2.0]], [[2.0], [4.0]]).transform([[3.0]]).round(12).tolist()
    [[6.0]]
    """

    name = "lstsq"
    usage = "lstsq, lstsq:RIDGE, lstsq:center or lstsq:RIDGE:center"
    min_pairs = 1
    rank_: int
    rcond_: float
    penalty_: float

    def __init__(
        self, ridge: float = 0.0, center: bool = False, rcond: float | None = None, renormalise: bool = False
    ) -> None:
        self.ridge = ridge
        self.center = center
        self.rcond = rcond
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``lstsq``, with a ridge and ``center`` after it."""
        numbers = [word for word in words if word != "center"]
        if len(numbers) > 1 or len(words) - len(numbers) > 1:
            raise InputError(f"'lstsq:{':'.join(words)}' is not understood; write {cls.usage}")
        return cls(fraction(numbers[0], "lstsq:0.1") if numbers else 0.0, "center" in words)

    @property
    def text(self) -> str:
        """``lstsq``, with its options."""
        return ":".join(["lstsq", *([f"{self.ridge:g}"] if self.ridge else []), *["center"] * self.center])

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        if not self.ridge >= 0:
            raise InputError(f"lstsq needs a ridge of 0 or more, got {self.ridge!r}")
        gram, product = (cross.cxx, cross.cxy) if self.center else (cross.gram_xx, cross.gram_xy)
        dx, dy = cross.widths
        self.rcond_ = float(dx * np.finfo(np.float64).eps if self.rcond is None else self.rcond)
        self.penalty_ = float(self.ridge * np.trace(gram) / dx)
        matrix = self._ridge(gram, product) if self.penalty_ > 0 else self._least(gram, product, cross.n)
        if self.rank_ < dx and not self.penalty_:
            self._note(
                f"{cross.n} pairs determine {self.rank_} of {dx} directions; the map of least norm was taken "
                f"(cutoff {self.rcond_:.1e} of the largest eigenvalue); a ridge (lstsq:0.1) is safer"
            )
        left = Side(dx, cross.mean_x, matrix, cross.mean_y) if self.center else Side(dx, None, matrix)
        return left, Side(dy)

    def _ridge(self, gram: Floats, product: Floats) -> Floats:
        from scipy.linalg import solve

        self.rank_ = len(gram)
        return np.asarray(solve(gram + self.penalty_ * np.eye(len(gram)), product, assume_a="pos"))

    def _least(self, gram: Floats, product: Floats, n: int) -> Floats:
        values, vectors = single_thread_eigh(gram)
        kept = values > self.rcond_ * max(values[-1], 0.0)
        kept[: max(len(values) - n, 0)] = False
        self.rank_ = int(kept.sum())
        basis = vectors[:, kept]
        return np.asarray((basis / values[kept]) @ (basis.T @ product))


def fraction(word: str, example: str) -> float:
    """The number of 0 or more that ``word`` of a text is, else ``InputError`` with an ``example``."""
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value < np.inf:
        raise InputError(f"'{example.partition(':')[0]}:{word}' needs a number of 0 or more, as in {example}")
    return value


ENTRIES = {"lstsq": LeastSquares}
