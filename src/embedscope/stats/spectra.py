"""Eigendecompositions that give the same bits on any number of threads."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.threads import one_blas_thread


def single_thread_eigh(matrix: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (d,) ascending and eigenvectors (d, d) of a symmetric ``matrix``, with one BLAS thread."""
    with one_blas_thread():
        values, vectors = np.linalg.eigh(matrix)
    return values, vectors


def single_thread_eigvalsh(matrix: Floats) -> Floats:
    """Eigenvalues (d,) ascending of a symmetric ``matrix``, with one BLAS thread, in a third of the time."""
    with one_blas_thread():
        return np.asarray(np.linalg.eigvalsh(matrix))


def diagonal_in(vectors: Floats, matrix: Floats) -> Floats:
    """diag(V' M V), shape (d,): eigenvalues of M to first order where V (d, d) are those of a near matrix."""
    product = matrix @ vectors
    product *= vectors
    return np.asarray(np.ones(len(product)) @ product)


def without_rounding(values: Floats, rank: int) -> Floats:
    """Eigenvalues with those that are rounding alone set to 0.

    These are the ones beyond the ``rank`` largest (n rows span at most n directions) and those below d eps times the
    largest, which a float64 Gram cannot tell from zero.
    """
    kept = np.where(values > len(values) * np.finfo(np.float64).eps * values.max(initial=0.0), values, 0.0)
    if rank < len(values):
        kept[np.argsort(kept)[: len(values) - max(rank, 0)]] = 0.0
    return kept
