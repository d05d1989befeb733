"""Linear maps of one space into another, in closed form from the cross moments of rows that belong together.

The sides have unit rows; a map is x -> (x - mean_x) A + mean_y, and the other side stays as it is.
"""

from __future__ import annotations

import numpy as np

from embedscope.stats.cross import CrossGaussian
from embedscope.stats.spectra import single_thread_eigh
from embedscope.transforms.align import Side

RIDGES = (1e-3, 1e-2, 0.1, 1.0)
"""Penalties that are tried, as multiples of the mean variance of a coordinate."""

_LOWRANK_RIDGE = 0.01
_ROUNDS = 3


def procrustes_side(cross: CrossGaussian) -> Side:
    """Each side about its mean, then the (semi-)orthogonal A with the least squared error (schonemann1966)."""
    from embedscope.transforms.align.procrustes import nearest_rotation

    dx, dy = cross.widths
    size = float(np.sqrt(np.trace(cross.cxx) * np.trace(cross.cyy)))
    rotation, _ = nearest_rotation(cross.cxy, size, "nearest")
    return Side(dx, cross.mean_x, rotation[:, :dy], cross.mean_y)


def ridge_side(cross: CrossGaussian, ridge: float) -> Side:
    """Ridge regression with intercept; the penalty is ``ridge`` times the mean variance of a coordinate (hoerl1970)."""
    from embedscope.transforms.align import LeastSquares

    return LeastSquares(ridge, center=True).fit_cross(cross).left_


def lowrank_side(cross: CrossGaussian, rank: int) -> Side:
    """A diagonal plus a matrix of ``rank``, by turns: each the ridge regression of what the other leaves.

    The low rank part is reduced-rank regression (izenman1975). Sides of different dimensions have no diagonal.
    """
    from scipy.linalg import cho_factor, cho_solve

    dx, dy = cross.widths
    rank = min(rank, dx, dy)
    gram = cross.cxx + _LOWRANK_RIDGE * np.trace(cross.cxx) / dx * np.eye(dx)
    factor = cho_factor(gram)
    diagonal, low = np.zeros(dx), np.zeros((dx, dy))
    for _ in range(_ROUNDS if dx == dy else 1):
        left = cross.cxy - cross.cxx * diagonal if dx == dy else cross.cxy
        full = cho_solve(factor, left)
        _, vectors = single_thread_eigh(left.T @ full)
        kept = vectors[:, dy - rank :]
        low = (full @ kept) @ kept.T
        if dx == dy:
            rest = np.diagonal(cross.cxy) - np.einsum("ij,ji->i", cross.cxx, low)
            diagonal = rest / np.diagonal(gram)
    return Side(dx, cross.mean_x, low + np.diag(diagonal) if dx == dy else low, cross.mean_y)


def cca_side(cross: CrossGaussian, k: int) -> Side:
    """The target predicted from k canonical variables: A = W_x U_k S_k V_k' W_y^+ (hotelling1936).

    W_x and W_y whiten covariances shrunk by Ledoit and Wolf's rule, U S V' is the decomposition of their product.
    """
    from embedscope.transforms.align.whitening import whitener

    wx, _ = whitener(cross.x, None, "ledoit-wolf", "cca")
    wy, _ = whitener(cross.y, None, "ledoit-wolf", "cca")
    left, values, right = np.linalg.svd(wx.T @ cross.cxy @ wy / (cross.n - 1), full_matrices=False)
    k = min(k, len(values))
    back = (wy / (wy**2).sum(axis=0)).T  # columns of W_y are orthogonal
    matrix = (wx @ (left[:, :k] * values[:k])) @ (right[:k] @ back)
    return Side(len(wx), cross.mean_x, matrix, cross.mean_y)
