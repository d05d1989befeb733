"""Cosine, dot product and Euclidean distance as inner products, so that one exact search ranks by any of them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.tasks._means import directions

Similarity = Literal["cosine", "dot", "euclidean"]
SIMILARITIES: tuple[str, ...] = get_args(Similarity)


def rankable(queries: Any, corpus: Any, score: Similarity) -> tuple[Floats, Floats]:
    """Rows whose inner product orders the rows of ``corpus`` (n, d) for each of ``queries`` (m, d) as ``score`` does.

    cosine: q/|q| . c/|c|. dot: q . c, both sides divided by their largest norm. euclidean: 2 q . c - |c|^2, which is
    |q|^2 - |q - c|^2, with one more coordinate, about the mean of the corpus and divided by the largest norm.

    Returns
    -------
    (m, d) and (n, d), or (m, d + 1) and (n, d + 1) for euclidean

    Raises
    ------
    InputError
        for an unknown score or matrices that are not finite.

    >>> q, c = rankable([[1.0]], [[0.0], [1.5], [3.0]], "euclidean")
    >>> (q @ c.T).argmax()
    1
    """
    if score == "cosine":
        return directions(queries, "queries"), directions(corpus, "corpus")
    if score not in SIMILARITIES:
        raise InputError(f"score must be one of {', '.join(SIMILARITIES)}, got '{score}'")
    q, c = (
        np.asarray(to_numpy(as_matrix(x, n)), dtype=np.float64) for x, n in ((queries, "queries"), (corpus, "corpus"))
    )
    if q.shape[1] != c.shape[1]:
        return q, c
    if score == "dot":
        return q / _largest(q), c / _largest(c)
    middle = c.mean(axis=0)
    q, c = q - middle, c - middle
    scale = max(_largest(q), _largest(c))
    q, c = q / scale, c / scale
    return np.column_stack([q, np.ones(len(q))]), np.column_stack([2.0 * c, -np.einsum("ij,ij->i", c, c)])


def _largest(x: Floats) -> float:
    """The largest norm of a row, 1 where all are zero."""
    return float(np.sqrt(np.einsum("ij,ij->i", x, x).max())) or 1.0
