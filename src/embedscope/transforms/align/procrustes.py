"""Turn one space into the other without changing a distance: orthogonal Procrustes."""

from __future__ import annotations

from typing import Self

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian
from embedscope.transforms.align._aligner import Aligner
from embedscope.transforms.align.sides import Side

IDS = ("procrustes",)

COMPLETIONS = ("nearest", "published")


class Procrustes(Aligner):
    """Orthogonal R with the least |X R - Y|_F: R = U V' of X'Y = U S V' (schonemann1966).

    Uncentred and without intercept as in tyshchuk2023; ``center=True`` maps x -> (x - mean_x) R + mean_y. Sides of
    different width are padded with zeros, so both keep all distances: a left side that is narrower goes through a
    semi-orthogonal map, a wider one is turned and the right side gets zeros.

    Where X'Y has a rank below the width, R is not determined. ``completion="nearest"`` takes the R nearest the
    identity, ``"published"`` what LAPACK's bases give; ``notes_`` says when this happened.

    Parameters
    ----------
    center : fit with an intercept
    completion : ``nearest`` or ``published``
    renormalise : divide the rows that come out by their norms

    Attributes
    ----------
    left_, right_ : maps of the sides; the right one is the identity, or zeros appended
    rank_ : numerical rank of X'Y

    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> x = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]])
    >>> np.abs(Procrustes().fit(x, x @ turn).left_.matrix - turn).max() < 1e-12
    np.True_
    """

    name = "procrustes"
    usage = "procrustes, procrustes:center or procrustes:published"
    min_pairs = 1
    rank_: int

    def __init__(self, center: bool = False, completion: str = "nearest", renormalise: bool = False) -> None:
        self.center = center
        self.completion = completion
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``procrustes``, with ``center`` and ``published`` after it."""
        if set(words) - {"center", "published"} or len(set(words)) < len(words):
            raise InputError(f"'procrustes:{':'.join(words)}' is not understood; write {cls.usage}")
        return cls("center" in words, "published" if "published" in words else "nearest")

    @property
    def text(self) -> str:
        """``procrustes``, with its options."""
        options = ["center"] * self.center + ["published"] * (self.completion == "published")
        return ":".join(["procrustes", *options])

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        if self.completion not in COMPLETIONS:
            raise InputError(f"procrustes knows the completions {', '.join(COMPLETIONS)}, got {self.completion!r}")
        (dx, dy), width = cross.widths, max(cross.widths)
        product = cross.cxy if self.center else cross.gram_xy
        squares = np.trace(cross.cxx) * np.trace(cross.cyy)
        if not self.center:
            squares = np.trace(cross.gram_xx) * np.trace(cross.gram_yy)
        rotation, self.rank_ = nearest_rotation(product, float(np.sqrt(squares)), self.completion)
        if self.rank_ < min(dx, dy):
            how = "the one nearest the identity" if self.completion == "nearest" else "LAPACK's, an arbitrary one,"
            self._note(
                f"{cross.n} pairs give a cross product of rank {self.rank_} in {min(dx, dy)} dimensions, so the "
                f"rotation is not determined; {how} was taken"
            )
        mean = np.pad(cross.mean_y, (0, width - dy))
        left = Side(dx, cross.mean_x, rotation, mean) if self.center else Side(dx, None, rotation)
        return left, Side(dy, None, None if dy == width else np.eye(dy, width))


def nearest_rotation(product: Floats, size: float, completion: str) -> tuple[Floats, int]:
    """Orthogonal R (d, d) with the largest trace(R' product), and the numerical rank of ``product`` (dx, dy).

    d is the larger width; the narrower side is taken with zeros beside it, and the first dx rows of R are given, which
    is all that rows of dx dimensions need. Singular values up to d eps ``size`` count
    as zero, ``size`` being what rounding of the product is relative to. Among equals the R nearest the identity is
    taken, or U V' as it comes where ``completion`` is "published".
    """
    (dx, dy), d = product.shape, max(product.shape)
    if completion == "published" or dx == dy:
        square = np.zeros((d, d))
        square[:dx, :dy] = product
        left, values, right = np.linalg.svd(square)
    else:
        left, values, right = np.linalg.svd(product, full_matrices=False)
    rank = int((values > d * np.finfo(np.float64).eps * size).sum())
    if completion == "published" or rank == d:
        return (left @ right)[:dx], rank
    if rank == dx:
        return left @ right, rank
    u, v = np.zeros((d, rank)), np.zeros((d, rank))
    u[: len(left)], v[: right.shape[1]] = left[:, :rank], right[:rank].T
    return _complete(u, v)[:dx], rank


def _complete(u: Floats, v: Floats) -> Floats:
    """The orthogonal R (d, d) nearest the identity with R v = u, for orthonormal columns ``u``, ``v`` (d, r).

    R is the identity on what is orthogonal to both, so the work is done in the 2 r dimensions that they span.
    """
    d, r = u.shape
    if 2 * r < d:
        basis, _ = np.linalg.qr(np.hstack([u, v]))
        return np.asarray(np.eye(d) + basis @ (_complete(basis.T @ u, basis.T @ v) - np.eye(2 * r)) @ basis.T)
    lost, free = (np.linalg.qr(side, mode="complete")[0][:, r:] for side in (u, v))
    a, _, b = np.linalg.svd(free.T @ lost)
    return np.asarray(u @ v.T + lost @ (b.T @ a.T) @ free.T)


ENTRIES = {"procrustes": Procrustes}
