"""Queries and documents prepared so that a larger inner product, or a smaller distance, means a better match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.tasks.means import directions

SCORES = ("cosine", "dot", "euclidean", "manhattan")

Compare = Callable[[Floats, Floats], Floats]
"""(m, d), (n, d) -> (m, n) scores, higher is better, at most about 1 in size."""


def prepare(queries: Any, corpus: Any, score: str) -> tuple[Floats, Floats, Compare]:
    """Rows of ``queries`` (m, d) and ``corpus`` (n, d) as float64 and the function that compares blocks of them.

    cosine: q.d / (|q||d|). dot: q.d. euclidean: -|q - d|. manhattan: -sum |q_i - d_i|. Rows are scaled by one number
    where a score depends on their length, which keeps every order and makes rounding mean the same for all.

    Raises
    ------
    InputError
        for another score, or rows that are not finite.
    """
    if score not in SCORES:
        raise InputError(f"score must be one of {', '.join(SCORES)}, got '{score}'")
    if score == "cosine":
        return directions(queries, "queries"), directions(corpus, "corpus"), _dot
    q, c = (
        np.asarray(to_numpy(as_matrix(x, name)), dtype=np.float64)
        for x, name in ((queries, "queries"), (corpus, "corpus"))
    )
    largest = max(float(np.abs(x).max(initial=0.0)) for x in (q, c)) * max(1, q.shape[1]) ** 0.5
    if largest > 0:
        q, c = q / largest, c / largest
    return q, c, {"dot": _dot, "euclidean": _euclidean, "manhattan": _manhattan}[score]


def _dot(queries: Floats, corpus: Floats) -> Floats:
    return np.asarray(queries @ corpus.T)


def _euclidean(queries: Floats, corpus: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    return np.asarray(-cdist(queries, corpus))


def _manhattan(queries: Floats, corpus: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    return np.asarray(-cdist(queries, corpus, "cityblock"))
