"""Means over questions with bootstrap draws of the word pairs that the questions are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import item_counts

Ends = tuple[Index, Index]
"""Numbers (m,) of the pair a : b and of the pair c : d of each question."""

_FULL = 16  # entries a question up to which a full matrix of pairs is faster than a sparse one
_DRAWS = 128  # draws whose counts are in float64 at once


def mean_scores(columns: Mapping[str, Floats], seed: int, ends: Ends) -> dict[str, Score]:
    """Mean of each column of items (m,), one a question and nan where left out, with paired draws.

    Questions that share a pair are not independent, so pairs are drawn, not questions: a question counts in a draw as
    often as its first pair times as often as its second, sum_q n(a:b) n(c:d) x_q / sum_q n(a:b) n(c:d) [owen2007]. A
    draw is nan where it has no question. Draws are decided by the number of pairs and the seed.

    >>> ends = np.array([0, 0]), np.array([1, 2])
    >>> mean_scores({"": np.array([1.0, 0.0])}, 0, ends)[""].value
    0.5
    """
    items = np.stack(list(columns.values()))
    known = np.isfinite(items)
    masks, which = np.unique(known, axis=0, return_inverse=True)
    sums = _pair_sums(np.concatenate([np.where(known, items, 0.0), masks]), ends, seed)
    total, weight = sums[: len(items)], sums[len(items) :][which.reshape(-1)]
    draws = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    return {name: _mean(row, drawn) for name, row, drawn in zip(columns, items, draws, strict=True)}


def _pair_sums(rows: npt.NDArray[np.float64], ends: Ends, seed: int) -> Floats:
    """Sum (k, n_draws) over questions of each of ``rows`` (k, m) times the counts of both pairs."""
    from scipy.sparse import csr_array

    left, right = ends
    n = int(max(left.max(initial=0), right.max(initial=0))) + 1
    counts = item_counts(n, seed)
    sparse = [csr_array((row, (left, right)), shape=(n, n)) for row in rows]
    between = [x.toarray() for x in sparse] if n * n <= _FULL * len(left) else sparse
    out = np.zeros((len(rows), counts.shape[1]))
    for lo in range(0, counts.shape[1], _DRAWS):
        part = counts[:, lo : lo + _DRAWS].astype(np.float64)
        for i, matrix in enumerate(between):
            out[i, lo : lo + _DRAWS] = np.einsum("ij,ij->j", part, matrix @ part)
    return out


def _mean(items: Floats, draws: Floats) -> Score:
    known = np.isfinite(items)
    if not known.any():
        return Score(None, 0, None, items, "undefined: no question has vectors for all its words")
    return Score(float(items[known].mean()), int(known.sum()), draws, items)
