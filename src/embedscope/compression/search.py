"""What a search of a compressed index finds, and how good it is: nDCG, recall, overlap with the full index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.compression.candidates import NONE, OVERSAMPLED
from embedscope.compression.fitting import Fitted
from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.transforms.codes import Rows32

K = 10
NEAR = 20
"""Nearest rows in float32 that are kept of each query, for the same rows in float16."""

_CELLS = 1 << 22
_TOGETHER = 32
"""Scores of which one maximum is taken, so that a partition sees fewer numbers."""

FLOAT16 = 2 * 2.0**-11 + 1e-5
"""By how much two inner products may change places at most where rows of at most unit length are rounded to float16."""

_SAME = 1e-6
"""Difference of cosines up to which two results are the same one, as where documents are equal."""


class Searches:
    """Searches of some queries, one candidate after the other; candidates of one cut share what they can.

    The best by bits are the same with and without rescoring. Scores of rows in float16 differ from those of float32 by
    at most the longest change of a row, so only rows that are so near in float32 are scored again.

    Parameters
    ----------
    queries : (m, d)
    own : (m,) row that is no result of a query (itself), None where queries are no documents
    known : the nearest of all rows as they came, where that is known
    """

    def __init__(
        self,
        queries: npt.NDArray[np.floating],
        own: Index | None,
        known: tuple[Index, npt.NDArray[np.floating]] | None = None,
    ) -> None:
        self.queries, self.own = queries, own
        self._near = {} if known is None else {"": known}
        self._by_bits: dict[str, Index] = {}

    def search(self, fitted: Fitted, stored: Rows32) -> Index:
        """The ten best documents (m, 10) of each query, as the index of ``fitted`` ranks them.

        By inner product of the query with what is read back; ``binary`` by the bits that differ (Hamming distance),
        with ``rescore`` the best forty by bits are ordered by the inner product of the query with the bits. Equal
        scores go to the lower row.

        Parameters
        ----------
        stored : (n, k) of ``fitted.documents``
        """
        q, plan = fitted.queries(self.queries), fitted.plan
        k = min(K, len(stored) - (self.own is not None))
        if plan.code == "binary":
            return self._bits(fitted, q, stored, k)
        if plan.code == NONE:
            if plan.cut not in self._near:
                self._near[plan.cut] = self._full(q, stored, NEAR)
            return self._near[plan.cut][0][:, :k]
        if plan.code == "float16" and plan.cut in self._near:
            return self._again(q, stored, *self._near[plan.cut], k)
        return self._full(q, stored, k)[0]

    def _full(self, q: Rows32, stored: Rows32, k: int, rows: Index | None = None) -> tuple[Index, Rows32]:
        """The ``k`` best of all documents for the queries ``q``, and their scores; ``rows`` numbers the queries."""
        rows = np.arange(len(q)) if rows is None else rows
        k = min(k, len(stored) - (self.own is not None))
        nearest, best = np.empty((len(q), k), dtype=np.intp), np.empty((len(q), k), dtype=np.float32)
        step = max(1, _CELLS // len(stored))
        for lo in range(0, len(q), step):
            part = slice(lo, lo + step)
            scores = q[part] @ stored.T
            if self.own is not None:
                scores[np.arange(len(scores)), self.own[rows[part]]] = -np.inf
            nearest[part] = _best(scores, k)
            best[part] = np.take_along_axis(scores, nearest[part], axis=1)
        return nearest, best

    def _bits(self, fitted: Fitted, q: Rows32, stored: Rows32, k: int) -> Index:
        cut = fitted.plan.cut
        if cut not in self._by_bits:  # inner products of signs are whole numbers, so equal distances tie exactly
            signs = np.where(q > 0, np.float32(1), np.float32(-1))
            self._by_bits[cut] = self._full(signs, stored, OVERSAMPLED * K)[0]
        near = self._by_bits[cut]
        if not fitted.plan.rescore:
            return near[:, :k]
        again = np.einsum("ij,ikj->ik", q, stored[near])
        order = np.argsort(-again, axis=1, kind="stable")[:, :k]
        return np.asarray(np.take_along_axis(near, order, axis=1))

    def _again(self, q: Rows32, stored: Rows32, near: Index, scores: Rows32, k: int) -> Index:
        """The ``k`` best in float16 from the ``near`` ones in float32; from all where these may not hold them."""
        least = scores[:, k - 1] - FLOAT16
        wide = min(near.shape[1], int((scores >= least[:, None]).sum(axis=1).max()) + 1)
        rows = np.sort(near[:, :wide], axis=1)
        nearest = np.take_along_axis(rows, _best(np.einsum("ij,ikj->ik", q, stored[rows]), k), axis=1)
        crowded = np.flatnonzero(scores[:, wide - 1] >= least)
        if len(crowded) and wide < len(stored) - (self.own is not None):
            nearest[crowded] = self._full(q[crowded], stored, k, crowded)[0]
        return nearest


def _best(scores: npt.NDArray[Any], k: int) -> Index:
    """Columns of the k largest of each row, best first, of equal ones the lower.

    >>> _best(np.array([[1.0, 3.0, 2.0, 3.0, 1.0]]), 4).tolist()
    [[1, 3, 2, 0]]
    """
    m, n = scores.shape
    k = min(k, n)
    width = n // _TOGETHER  # the k-th of so many maxima is no larger than the k-th score
    some = scores[:, : width * _TOGETHER].reshape(m, _TOGETHER, width).max(axis=1) if width >= 2 * k else scores
    least = np.partition(some, some.shape[1] - k, axis=1)[:, -k]
    row, column = np.divmod(np.flatnonzero(scores >= least[:, None]), n)
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
    best : (m, 20) results of the full index, and their cosines
    near : (p,) in ascending order: query times n, plus a document that is as near to it as that, or nearer
    judged : (query, document, grade), each (p,), or None without judgements
    """

    queries: Floats
    documents: Floats
    own: Index | None
    best: tuple[Index, Floats]
    near: Index
    judged: tuple[Index, Index, Floats] | None

    @property
    def main(self) -> str:
        """The score that decides."""
        return f"overlap@{K}" if self.judged is None else f"ndcg@{K}"

    def items(self, nearest: Index) -> dict[str, Floats]:
        """Scores (m,) of each query for the results ``nearest`` (m, 10).

        ``overlap@10``: share of the ten best of the full index among the ten found; a result as near as the tenth of
        them counts as one of them. ``ndcg@10``, ``recall@10``: of the judgements, nan for queries without one.
        """
        keys = np.arange(len(nearest))[:, None] * len(self.documents) + nearest
        place = np.minimum(np.searchsorted(self.near, keys), len(self.near) - 1)
        out = {f"overlap@{K}": np.asarray((self.near[place] == keys).mean(axis=1))}
        if self.judged is None:
            return out
        return self._judged(nearest) | out

    def _judged(self, nearest: Index) -> dict[str, Floats]:
        assert self.judged is not None
        query, document, grade = self.judged
        m, n = len(self.queries), len(self.documents)
        positive = grade > 0
        keys = query[positive] * n + document[positive]
        order = np.argsort(keys, kind="stable")
        keys, gains = keys[order], grade[positive][order]
        wanted = np.arange(m)[:, None] * n + nearest
        place = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
        got = np.where(keys[place] == wanted, gains[place], 0.0) if len(keys) else np.zeros(nearest.shape)
        weights = 1 / np.log2(2.0 + np.arange(K))
        ideal = _ideal(query[positive], grade[positive], m, weights)
        counts = np.bincount(query[positive], minlength=m)
        asked = np.bincount(query, minlength=m) > 0
        ndcg = np.divide(got @ weights[: nearest.shape[1]], ideal, out=np.zeros(m), where=ideal > 0)
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
    >>> truth_of(x, x, None, None).best[1].tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    from embedscope.stats.neighbours import top_k

    n, most = len(documents), len(documents) - (own is not None)
    best = top_k(queries, documents, min(NEAR, most), exclude=own)
    threshold = best.scores[:, min(K, most) - 1]
    near = best.scores >= threshold[:, None] - _SAME
    query, place = np.nonzero(near)
    keys = [query * n + best.indices[query, place]]
    for i in np.flatnonzero(near.all(axis=1)) if best.scores.shape[1] < most else ():  # as in a crowd of equal rows
        keys.append(i * n + np.flatnonzero(documents @ queries[i] >= threshold[i] - _SAME))
    return Truth(queries, documents, own, (best.indices, best.scores), np.unique(np.concatenate(keys)), judged)
