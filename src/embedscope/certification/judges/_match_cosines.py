"""Cosines of rows that match, and of rows drawn by hash that do not."""

from __future__ import annotations

import numpy as np

from embedscope.certification.pair_rows import PairRows
from embedscope.core.arrays import Floats
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index

N_OTHERS = 20
"""Pairs that do not match, for each that does."""

ENOUGH_JUDGED = 5
"""Documents judged not relevant, for each query, from which these stand for what does not match."""

Cosines = tuple[Floats, Floats]


def pair_cosines(u: Floats, v: Floats, rows: PairRows, seed: int) -> Cosines:
    """Cosines of the pairs of ``rows``, and of each with 20 rows of other units, drawn by hash; unit rows come in."""
    others = []
    for i in range(N_OTHERS):
        other = _draw(len(rows.left), seed + i, len(v))
        apart = rows.cluster_x[rows.left] != rows.cluster_y[other]
        others.append(_cosines(u, v, rows.left[apart], other[apart]))
    return _cosines(u, v, rows.left, rows.right), np.concatenate(others)


def judged_cosines(u: Floats, v: Floats, judged: tuple[Index, Index, Floats], seed: int, *, drawn: bool) -> Cosines:
    """Cosines of queries ``u`` with relevant documents of ``v``, and with others: judged 0, or ``drawn`` unjudged."""
    query, document, grade = judged
    relevant = grade > 0
    matching = _cosines(u, v, query[relevant], document[relevant])
    if not drawn:
        return matching, _cosines(u, v, query[~relevant], document[~relevant])
    taken, asking, others = query * len(v) + document, query[relevant], []
    for i in range(N_OTHERS):
        other = _draw(len(asking), seed + i, len(v))
        fresh = ~np.isin(asking * len(v) + other, taken)
        others.append(_cosines(u, v, asking[fresh], other[fresh]))
    return matching, np.concatenate(others)


def few_judged(query: Index, grade: Floats) -> bool:
    """Whether documents judged not relevant are too few to stand for what does not match."""
    return int((grade <= 0).sum()) < ENOUGH_JUDGED * len(np.unique(query))


def _draw(n: int, seed: int, among: int) -> Index:
    return (combine(hash_rows(0, n), seed) % np.uint64(among)).astype(np.intp)


def _cosines(u: Floats, v: Floats, left: Index, right: Index) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", u[left], v[right]))
