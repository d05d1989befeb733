"""What a search of a compressed index finds, and how good it is: nDCG, recall, overlap with the full index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.compression.candidates import OVERSAMPLED
from embedscope.compression.fitting import Fitted
from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.transforms.codes import Rows32

K = 10
_CELLS = 1 << 23
_SAME = 1e-6
"""Difference of cosines up to which two results are the same one, as where documents are equal."""


def search(fitted: Fitted, queries: npt.NDArray[np.floating], stored: Rows32, own: Index | None) -> Index:
    """The ten best documents (m, 10) of each query, as the index of ``fitted`` ranks them.

    Parameters
    ----------
    queries : (m, d)
    stored : (n, k) of ``fitted.documents``
    own : (m,) row that is no result of a query (itself), None where queries are no documents

    By inner product of the query with what is read back; ``binary`` by the bits that differ (Hamming distance), with
    ``rescore`` the best forty by bits are ordered by the inner product of the query with the bits. Equal scores go to
    the lower row.
    """
    q = fitted.queries(queries)
    k = min(K, len(stored) - (own is not None))
    found = np.empty((len(q), k), dtype=np.intp)
    step = max(1, _CELLS // len(stored))
    by_bits = fitted.plan.code == "binary"
    for lo in range(0, len(q), step):
        rows = slice(lo, lo + step)
        block = np.where(q[rows] > 0, np.float32(1), np.float32(-1)) if by_bits else q[rows]
        scores = block @ stored.T
        if own is not None:
            scores[np.arange(len(scores)), own[rows]] = -np.inf
        if not fitted.plan.rescore:  # inner products of signs are whole numbers, so equal distances tie exactly
            found[rows] = _best(scores, k)
            continue
        near = _best(scores, min(OVERSAMPLED * K, len(stored) - (own is not None)))
        again = np.einsum("ij,ikj->ik", q[rows], stored[near])
        order = np.argsort(-again, axis=1, kind="stable")[:, :k]
        found[rows] = np.take_along_axis(near, order, axis=1)
    return found


def _best(scores: npt.NDArray[Any], k: int) -> Index:
    """Columns of the k largest of each row, best first, of equal ones the lower.

    >>> _best(np.array([[1.0, 3.0, 2.0, 3.0, 1.0]]), 4).tolist()
    [[1, 3, 2, 0]]
    """
    m, n = scores.shape
    k = min(k, n)
    least = np.partition(scores, n - k, axis=1)[:, n - k]
    row, column = np.nonzero(scores >= least[:, None])
    order = np.lexsort((column, -scores[row, column], row))
    starts = np.searchsorted(row, np.arange(m))
    return np.asarray(column[order][starts[:, None] + np.arange(k)], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Truth:
    """What the full index finds, and what is relevant.

    Attributes
    ----------
    queries, documents : (m, d) and (n, d) of unit length
    own : (m,) row that is no result of a query, or None
    threshold : (m,) cosine of the tenth result of the full index
    judged : (query, document, grade), each (p,), or None without judgements
    """

    queries: Floats
    documents: Floats
    own: Index | None
    threshold: Floats
    judged: tuple[Index, Index, Floats] | None

    @property
    def main(self) -> str:
        """The score that decides."""
        return f"overlap@{K}" if self.judged is None else f"ndcg@{K}"

    def items(self, found: Index) -> dict[str, Floats]:
        """Scores (m,) of each query for the results ``found`` (m, 10).

        ``overlap@10``: share of the ten best of the full index among the ten found; a result as near as the tenth of
        them counts as one of them. ``ndcg@10``, ``recall@10``: of the judgements, nan for queries without one.
        """
        cosines = np.einsum("ij,ikj->ik", self.queries, self.documents[found])
        out = {f"overlap@{K}": np.asarray((cosines >= self.threshold[:, None] - _SAME).mean(axis=1))}
        if self.judged is None:
            return out
        return self._judged(found) | out

    def _judged(self, found: Index) -> dict[str, Floats]:
        assert self.judged is not None
        query, document, grade = self.judged
        m, n = len(self.queries), len(self.documents)
        positive = grade > 0
        keys = query[positive] * n + document[positive]
        order = np.argsort(keys, kind="stable")
        keys, gains = keys[order], grade[positive][order]
        wanted = np.arange(m)[:, None] * n + found
        place = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
        got = np.where(keys[place] == wanted, gains[place], 0.0) if len(keys) else np.zeros(found.shape)
        weights = 1 / np.log2(2.0 + np.arange(K))
        ideal = _ideal(query[positive], grade[positive], m, weights)
        counts = np.bincount(query[positive], minlength=m)
        asked = np.bincount(query, minlength=m) > 0
        ndcg = np.divide(got @ weights[: found.shape[1]], ideal, out=np.zeros(m), where=ideal > 0)
        recall = np.divide((got > 0).sum(axis=1), counts, out=np.zeros(m), where=counts > 0)
        return {f"ndcg@{K}": np.where(asked, ndcg, np.nan), f"recall@{K}": np.where(asked, recall, np.nan)}


def _ideal(query: Index, grade: Floats, m: int, weights: Floats) -> Floats:
    """Discounted gain (m,) of the best order of the judged documents of each query."""
    order = np.lexsort((-grade, query))
    place = np.arange(len(query)) - np.searchsorted(query[order], query[order])
    kept = place < len(weights)
    return np.asarray(
        np.bincount(query[order][kept], weights=grade[order][kept] * weights[place[kept]], minlength=m),
        dtype=np.float64,
    )


def truth_of(
    queries: Floats, documents: Floats, own: Index | None, judged: tuple[Index, Index, Floats] | None
) -> Truth:
    """The full index searched; rows (m, d) and (n, d) have unit length.

    >>> x = np.eye(3)
    >>> truth_of(x, x, None, None).threshold.tolist()
    [0.0, 0.0, 0.0]
    """
    from embedscope.stats.neighbours import top_k

    k = min(K, len(documents) - (own is not None))
    best = top_k(queries, documents, k, exclude=own)
    return Truth(queries, documents, own, best.scores[:, -1], judged)
