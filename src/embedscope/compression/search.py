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
"""Nearest rows in float32 that are kept of each query, for the same rows in a code that changes them little."""

_CELLS, _COUNTS = 1 << 24, 1 << 22
"""Scores that are held at once, as float32 and as counts of bits: products are faster for many queries at once."""

_ROWS, _QUERIES = 1024, 32
"""Rows whose changes are taken at once, and queries whose own rows are: what a cache holds."""

_TOGETHER = 32
"""Scores of which one maximum is taken, so that a partition sees fewer numbers."""

CLOSE = ("float16", "int8")
"""Codes that change rows so little that the best are most often among the nearest in float32."""

_MOVED = 256
"""Rows that a code changes most, as where int8 clips them, which are scored for every query."""

_ROUNDING = 1e-5
"""By how much two float32 inner products of rows of at most unit length may be apart at most by rounding."""

_MOST_OF_INT16 = (1 << 15) - 1

_SAME = 1e-6
"""Difference of cosines up to which two results are the same one, as where documents are equal."""


class Searches:
    """Searches of some queries, one candidate after the other; candidates of one cut share what they can.

    The best by bits are the same with and without rescoring. The score of a row in float16 or int8 differs from that in
    float32 by at most the length of its change, so only rows that are so near in float32 are scored again.

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
        self._scores = np.empty(0, dtype=np.float32)  # written anew by each product: new memory costs as much as it

    def search(self, fitted: Fitted, stored: Rows32, mapped: Rows32 | None = None) -> Index:
        """The ten best documents (m, 10) of each query, as the index of ``fitted`` ranks them.

        By inner product of the query with what is read back; ``binary`` by the bits that differ (Hamming distance),
        with ``rescore`` the best forty by bits are ordered by the inner product of the query with the bits. Equal
        scores go to the lower row.

        Parameters
        ----------
        stored : (n, k) of ``fitted.documents``
        mapped : (n, k) the same documents before they were coded, where the caller holds them
        """
        q, plan = fitted.queries(self.queries), fitted.plan
        k = min(K, len(stored) - (self.own is not None))
        if plan.code == "binary":
            return self._bits(fitted, q, stored, k)
        if plan.code == NONE:
            if plan.cut not in self._near:
                self._near[plan.cut] = self._full(q, stored, NEAR)
            return self._near[plan.cut][0][:, :k]
        if plan.code in CLOSE and plan.cut in self._near and mapped is not None:
            return self._again(q, stored, *self._near[plan.cut], k, _lengths(mapped, stored))
        return self._full(q, stored, k)[0]

    def _full(self, q: Rows32, stored: Rows32, k: int, rows: Index | None = None) -> tuple[Index, Rows32]:
        """The ``k`` best of all documents for the queries ``q``, and their scores; ``rows`` numbers the queries."""
        rows = np.arange(len(q)) if rows is None else rows
        k = min(k, len(stored) - (self.own is not None))
        nearest, best = np.empty((len(q), k), dtype=np.intp), np.empty((len(q), k), dtype=np.float32)
        step = min(len(q), max(1, _CELLS // len(stored)))
        if self._scores.size < step * len(stored):
            self._scores = np.empty(step * len(stored), dtype=np.float32)
        for lo in range(0, len(q), step):
            part = slice(lo, lo + step)
            cells = len(q[part]) * len(stored)
            scores = np.matmul(q[part], stored.T, out=self._scores[:cells].reshape(-1, len(stored)))
            if self.own is not None:
                scores[np.arange(len(scores)), self.own[rows[part]]] = -np.inf
            nearest[part] = _best(scores, k)
            best[part] = np.take_along_axis(scores, nearest[part], axis=1)
        return nearest, best

    def _bits(self, fitted: Fitted, q: Rows32, stored: Rows32, k: int) -> Index:
        cut = fitted.plan.cut
        if cut not in self._by_bits:
            self._by_bits[cut] = self._most_alike(q, stored)
        near = self._by_bits[cut]
        if not fitted.plan.rescore:
            return near[:, :k]
        again = _products(q, stored, near)
        order = np.argsort(-again, axis=1, kind="stable")[:, :k]
        return np.asarray(np.take_along_axis(near, order, axis=1))

    def _most_alike(self, q: Rows32, stored: Rows32) -> Index:
        """The forty documents (m, 40) whose bits differ least from those of each query, of equal ones the lower."""
        k = min(OVERSAMPLED * K, len(stored) - (self.own is not None))
        words, asked = np.ascontiguousarray(_words(stored).T), _words(q)
        nearest = np.empty((len(q), k), dtype=np.intp)
        step = min(len(q), max(1, _COUNTS // len(stored)))
        alike = np.empty((step, len(stored)), dtype=np.int32 if q.shape[1] > _MOST_OF_INT16 else np.int16)
        for lo in range(0, len(q), step):
            part = slice(lo, lo + step)
            scores = alike[: len(q[part])]
            for out, bits in zip(scores, asked[part], strict=True):
                np.negative(np.bitwise_count(words ^ bits[:, None]).sum(axis=0, dtype=scores.dtype), out=out)
            if self.own is not None:
                scores[np.arange(len(scores)), self.own[part]] = np.iinfo(scores.dtype).min
            nearest[part] = _best(scores, k)
        return nearest

    def _again(self, q: Rows32, stored: Rows32, near: Index, scores: Rows32, k: int, changes: Rows32) -> Index:
        """The ``k`` best of coded rows from the ``near`` ones in float32; from all where another may be among them.

        ``changes`` (n,) are the lengths by which the code moves rows. The few that it moves most are scored.
        """
        n = len(stored)
        coded = _products(q, stored, near)
        order = np.lexsort((near, -coded), axis=1)[:, :k]
        nearest = np.take_along_axis(near, order, axis=1)
        least = np.take_along_axis(coded, order[:, -1:], axis=1)
        moved = np.argpartition(changes, max(0, n - _MOVED))[-_MOVED:]
        others = float(np.delete(changes, moved).max(initial=0.0))
        query, place = np.nonzero(q @ stored[moved].T + _ROUNDING >= least)
        new = (near[query] != moved[place, None]).all(axis=1)
        if self.own is not None:
            new &= self.own[query] != moved[place]
        crowded = scores[:, -1] + others + _ROUNDING >= least[:, 0]
        crowded[query[new]] = True
        again = np.flatnonzero(crowded)
        if len(again) and near.shape[1] < n - (self.own is not None):
            nearest[again] = self._full(q[again], stored, k, again)[0]
        return np.asarray(nearest)


def _products(q: Rows32, stored: Rows32, rows: Index) -> Rows32:
    """Inner products (m, k) of each query with its own ``rows`` (m, k), in blocks that a cache holds."""
    out = np.empty(rows.shape, dtype=np.float32)
    for lo in range(0, len(q), _QUERIES):
        part = slice(lo, lo + _QUERIES)
        out[part] = np.einsum("ij,ikj->ik", q[part], stored[rows[part]])
    return out


def _words(rows: Rows32) -> npt.NDArray[np.uint64]:
    """Whether each number of ``rows`` (n, d) is above 0, as bits, 64 to a word, the last filled with 0."""
    bits = np.packbits(rows > 0, axis=1)
    return np.ascontiguousarray(np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))).view(np.uint64)


def _lengths(mapped: Rows32, stored: Rows32) -> Rows32:
    """Euclidean distance (n,) of each row of ``mapped`` (n, k) from that of ``stored``."""
    lengths = np.empty(len(mapped), dtype=np.float32)
    for lo in range(0, len(mapped), _ROWS):
        part = slice(lo, lo + _ROWS)
        change = mapped[part] - stored[part]
        lengths[part] = np.sqrt(np.einsum("ij,ij->i", change, change))
    return lengths


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
    distinct : whether it is known that no two documents are equal
    """

    queries: Floats
    documents: Floats
    own: Index | None
    best: tuple[Index, Floats]
    near: Index
    judged: tuple[Index, Index, Floats] | None
    distinct: bool = False

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
        return self._judge(nearest) | out

    def _judge(self, nearest: Index) -> dict[str, Floats]:
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
    queries: Floats,
    documents: Floats,
    own: Index | None,
    judged: tuple[Index, Index, Floats] | None,
    distinct: bool = False,
) -> Truth:
    """The full index searched; rows (m, d) and (n, d) have unit length; ``distinct``: no two documents are equal.

    >>> x = np.eye(3)
    >>> truth_of(x, x, None, None).best[1].tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    from embedscope.stats.neighbours import top_k

    n, most = len(documents), len(documents) - (own is not None)
    best = top_k(queries, documents, min(NEAR, most), exclude=own, distinct=distinct)
    threshold = best.scores[:, min(K, most) - 1]
    near = best.scores >= threshold[:, None] - _SAME
    query, place = np.nonzero(near)
    keys = [query * n + best.indices[query, place]]
    for i in np.flatnonzero(near.all(axis=1)) if best.scores.shape[1] < most else ():  # as in a crowd of equal rows
        keys.append(i * n + np.flatnonzero(documents @ queries[i] >= threshold[i] - _SAME))
    nearest = best.indices, best.scores
    return Truth(queries, documents, own, nearest, np.unique(np.concatenate(keys)), judged, distinct)
