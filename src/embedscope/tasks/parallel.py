"""Parallel texts: do translations lie near each other, and do they find each other?"""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import N_DRAWS, item_counts
from embedscope.tasks.retrieval import recall_both_ways

_CELLS = 2**21
_BLOCK = 4096


def parallel_distance_ratio(x: Any, y: Any, *, seed: int = 0) -> dict[str, Score]:
    """Mean distance of parallel rows over the mean distance of all n^2 cross pairs, 0 upwards; 1 is no alignment.

    (1/n) sum_i |x_i - y_i| / ((1/n^2) sum_ij |x_i - y_j|), Euclidean, rows as given [tyshchuk2023].

    Parameters
    ----------
    x, y : (n, d), row i of one is the translation of row i of the other

    Returns
    -------
    ``ratio``, with ``pairs`` and ``overall``, the two means, in the units of the vectors; the draws resample parallel
    rows, the overall mean to first order (mean of each row's distances to all)

    Raises
    ------
    InputError
        if the shapes differ.

    >>> round(parallel_distance_ratio([[0.0], [2.0]], [[0.0], [2.0]])["overall"].value, 12)
    1.0
    """
    u, v = (np.asarray(to_numpy(as_matrix(z, name)), dtype=np.float64) for z, name in ((x, "x"), (y, "y")))
    if u.shape != v.shape:
        raise InputError(
            f"x and y must have the same shape (n, d), got {u.shape} and {v.shape}; one row per translation"
        )
    paired = np.sqrt(np.square(u - v).sum(axis=1))
    to_all = (_mean_distances(u, v) + _mean_distances(v, u)) / 2
    n, near, far = len(u), float(paired.mean()), float(to_all.mean())
    counts = item_counts(n, seed)
    sums = np.zeros((2, N_DRAWS))
    for lo in range(0, n, _BLOCK):
        sums += np.stack([paired, to_all])[:, lo : lo + _BLOCK] @ counts[lo : lo + _BLOCK].astype(np.float64)
    near_draws, far_draws = sums[0] / n, 2 * sums[1] / n - far
    means = {"pairs": Score(near, n, near_draws, paired), "overall": Score(far, n, far_draws, to_all)}
    if far == 0:
        return {"ratio": Score(None, n, note="undefined: all vectors are equal"), **means}
    ratios = np.divide(near_draws, far_draws, out=np.full(N_DRAWS, np.nan), where=far_draws > 0)
    return {"ratio": Score(near / far, n, ratios, paired / far), **means}


def parallel_retrieval(x: Any, y: Any, *, names: tuple[str, str] = ("x", "y"), seed: int = 0) -> dict[str, Score]:
    """``recall@1.x_to_y`` and ``recall@1.y_to_x`` of translations by cosine, ties counted as misses."""
    return recall_both_ways(x, y, ks=(1,), names=names, seed=seed)


def _mean_distances(u: Floats, v: Floats) -> Floats:
    """Mean distance (n,) of each row of ``u`` to all rows of ``v``."""
    middle = (u.mean(axis=0) + v.mean(axis=0)) / 2
    u, v = u - middle, v - middle
    own, squares = np.einsum("ij,ij->i", u, u), np.einsum("ij,ij->i", v, v)
    out = np.empty(len(u))
    step = max(1, _CELLS // len(v))
    for lo in range(0, len(u), step):
        block = own[lo : lo + step, None] + squares - 2 * (u[lo : lo + step] @ v.T)
        out[lo : lo + step] = np.sqrt(np.maximum(block, 0.0)).mean(axis=1)
    return out
