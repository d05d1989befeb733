"""Exact nearest neighbours by inner product, in blocks: memory does not grow with the number of pairs.

Candidates come from float32 matrix products with a proven error bound; what the bound cannot decide is computed again
in float64, pair by pair. So the order is that of float64 products, and equal rows tie exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array, Floats, Hashes, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.tables import Index
from embedscope.core.threads import in_threads
from embedscope.stats._candidates import CROWD, NONE, Candidates, kth_bound
from embedscope.stats._mutual import CrowdedError, MutualSearch
from embedscope.stats._neighbours import (
    CORPUS_ROWS,
    QUERY_ROWS,
    Matrix,
    ScaledRows,
    error_bound,
    pair_scores,
)
from embedscope.stats.copies import without_copies

_EXACT = 1 << 24


@dataclass(frozen=True, eq=False)
class Products:
    """Float64 inner products of pairs of rows, to be products when they are needed.

    Attributes
    ----------
    queries, corpus : (m', d), (n, d)
    rows : (m,) rows of ``queries``
    columns : (m, k) rows of ``corpus`` for each
    """

    queries: Matrix
    corpus: Matrix
    rows: Index
    columns: Index

    def products(self) -> Floats:
        """The products (m, k)."""
        k = self.columns.shape[1]

        def of(start: int) -> Floats:
            columns = self.columns[start : start + QUERY_ROWS]
            rows = np.repeat(self.rows[start : start + QUERY_ROWS], k)
            return pair_scores(self.queries, self.corpus, rows, columns.ravel()).reshape(columns.shape)

        return np.concatenate([np.empty((0, k)), *in_threads(of, range(0, len(self.rows), QUERY_ROWS))])

    def first(self, m: int, k: int) -> Products:
        """The first ``k`` of the first ``m`` rows."""
        return self.of(np.arange(m), k)

    def of(self, rows: Index, k: int) -> Products:
        """The first ``k`` of some ``rows`` (m,) of these."""
        return replace(self, rows=self.rows[rows], columns=self.columns[rows, :k])


@dataclass(frozen=True, eq=False)
class Taken:
    """Products that stand in the lists of other rows, to be taken from there when they are needed.

    Attributes
    ----------
    lists : lists of the whole
    rows : (m,) lists
    places : (m, k) places in each
    """

    lists: Neighbours
    rows: Index
    places: Index

    def products(self) -> Floats:
        """The products (m, k)."""
        return np.asarray(np.take_along_axis(self.lists.scores_of(self.rows), self.places, axis=1))

    def first(self, m: int, k: int) -> Taken:
        """The first ``k`` of the first ``m`` rows."""
        return replace(self, rows=self.rows[:m], places=self.places[:m, :k])


class Neighbours:
    """The k best rows of a corpus for each query, best first, ties to the lower index.

    Attributes
    ----------
    indices : (m, k) rows of the corpus
    scores : (m, k) float64 inner products; those that the search could do without are products when they are asked for
    """

    def __init__(self, indices: Index, scores: Floats | Products | Taken) -> None:
        self.indices, self._scores = indices, scores
        self._some: Floats | None = None

    @property
    def scores(self) -> Floats:
        """Float64 inner products (m, k)."""
        if not isinstance(self._scores, np.ndarray):
            self._scores = self._scores.products()
        return self._scores

    def scores_of(self, rows: Index) -> Floats:
        """Scores (m, k) of some queries ``rows`` (m,), each computed once."""
        if not isinstance(self._scores, Products):
            return self.scores[rows]
        if self._some is None:
            self._some = np.full(self.indices.shape, np.nan)
        new = rows[np.isnan(self._some[rows, 0])]
        self._some[new] = self._scores.of(new, self.indices.shape[1]).products()
        return self._some[rows]

    def first(self, m: int, k: int) -> Neighbours:
        """The ``k`` best of the first ``m`` queries."""
        known = self._scores
        scores = known[:m, :k].copy() if isinstance(known, np.ndarray) else known.first(m, k)
        return Neighbours(self.indices[:m, :k].copy(), scores)


def top_k(
    queries: Array,
    corpus: Array,
    k: int,
    *,
    exclude: Index | None = None,
    distinct: bool = False,
    largest: float | None = None,
) -> Neighbours:
    """The ``k`` rows of ``corpus`` with the largest inner product, for each query; exact in float64, blocked.

    Parameters
    ----------
    queries : (m, d), rows used as given; for cosines pass rows of unit length
    corpus : (n, d)
    k : 1 to n, or to n - 1 with ``exclude``
    exclude : (m,) row of the corpus that is never given for a query (itself), -1 for none
    distinct : the caller knows that no row of the corpus equals another, which is then not looked for
    largest : the caller knows that all values are whole numbers of at most this size: where d of their products add up
        to less than 2^24, float32 is exact and nothing is computed again

    Raises
    ------
    InputError
        if the widths differ, ``k`` is out of range, or ``exclude`` has another length.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> top_k(x, x, 1, exclude=np.arange(3)).indices.ravel().tolist()
    [1, 0, 1]
    """
    q, c = _check(queries, corpus)
    most = len(c) - (exclude is not None)
    if not 1 <= k <= most:
        raise InputError(f"k must be from 1 to {most} for a corpus of {len(c)} rows, got {k}; add rows or lower k")
    if exclude is not None and np.shape(exclude) != (len(q),):
        raise InputError(f"exclude must have shape ({len(q)},), got {np.shape(exclude)}; pass -1 for none")
    skip = np.full(len(q), -1) if exclude is None else np.asarray(exclude, dtype=np.intp)
    rows = None if distinct else without_copies(c, k + 1)
    if rows is not None:
        places = np.full(len(c) + 1, -1)
        places[rows] = np.arange(len(rows))
        c, skip = c[rows], places[skip]
    exact = largest is not None and c.shape[1] * largest**2 < _EXACT
    neighbours = (
        _mutual(c, k, exact) if rows is None and queries is corpus and np.array_equal(skip, np.arange(len(c))) else None
    )
    if neighbours is not None:
        return neighbours
    search = _Search(ScaledRows.each(q), ScaledRows.together(c), k, exact)
    starts = range(0, len(q), QUERY_ROWS)
    parts = list(in_threads(lambda a: search.best(a, min(a + QUERY_ROWS, len(q)), skip), starts))
    indices = np.concatenate([p.indices for p in parts])
    return Neighbours(indices if rows is None else rows[indices], np.concatenate([p.scores for p in parts]))


def match_ranks(queries: Array, corpus: Array, query: Index, document: Index) -> Index:
    """Rank of each query's best matching document among all of ``corpus``, from 1; 0 where a query has no match.

    Pessimistic under ties: documents that do not match and score the same come first. The share of ranks of at most k
    is the hit rate recall@k.

    Parameters
    ----------
    queries, corpus : (m, d), (n, d), rows used as given
    query, document : (p,) matching pairs, many to many

    Examples
    --------
    >>> match_ranks(np.eye(2), np.eye(2), np.array([0, 1]), np.array([0, 0])).tolist()
    [1, 2]
    """
    q, c = _check(queries, corpus)
    query, document = np.asarray(query, dtype=np.intp), np.asarray(document, dtype=np.intp)
    for name, rows, size in (("query", query, len(q)), ("document", document, len(c))):
        if rows.ndim != 1 or len(query) != len(document) or (len(rows) and not 0 <= rows.min() <= rows.max() < size):
            raise InputError(f"{name} must number {size} rows from 0, as the other side does; check the pairs")
    best = np.full(len(q), -np.inf)
    np.maximum.at(best, query, pair_scores(q, c, query, document))
    matches = np.unique(query * len(c) + document)
    scaled, corpus_rows = ScaledRows.each(q), ScaledRows.together(c)
    ranks = np.zeros(len(q), dtype=np.intp)
    asked = np.unique(query)
    blocks = [asked[a : a + QUERY_ROWS] for a in range(0, len(asked), QUERY_ROWS)]

    def better(rows: Index) -> Index:
        return _better(ScaledRows(q[rows], scaled.exponents[rows]), corpus_rows, best[rows], rows, matches)

    for rows, ahead in zip(blocks, in_threads(better, blocks), strict=True):
        ranks[rows] = 1 + ahead
    return ranks


def k_occurrences(neighbours: Neighbours, n: int) -> Index:
    """How often each of ``n`` rows of the corpus is among the neighbours: N_k (n,), which sum to m k.

    >>> k_occurrences(Neighbours(np.array([[1], [0], [1]]), np.ones((3, 1))), 3).tolist()
    [1, 2, 0]
    """
    return np.bincount(neighbours.indices.ravel(), minlength=n)


def _check(queries: Array, corpus: Array) -> tuple[Matrix, Matrix]:
    q, c = to_numpy(as_matrix(queries, "queries")), to_numpy(as_matrix(corpus, "corpus"))
    if q.shape[1] != c.shape[1]:
        raise InputError(
            f"queries and corpus must have the same number of dimensions, got {q.shape[1]} and {c.shape[1]}"
        )
    return tuple(x if x.dtype in (np.float32, np.float64) else x.astype(np.float64) for x in (q, c))  # type: ignore[return-value]


def _mutual(x: Matrix, k: int, exact: bool) -> Neighbours | None:
    """The ``k`` nearest others of every row from half of the products, None where all are needed."""
    search = MutualSearch.of(x, k, exact=exact)
    if search is None:
        return None
    try:
        indices, scores = search.best()
    except CrowdedError:
        return None
    return Neighbours(indices, Products(x, x, np.arange(len(x)), indices) if scores is None else scores)


@dataclass(frozen=True, eq=False)
class _Search:
    queries: ScaledRows
    corpus: ScaledRows
    k: int
    exact: bool = False

    def bound(self, dtype: npt.DTypeLike) -> float:
        """By how much the scores of two candidates may be in the wrong order."""
        return 0.0 if self.exact else 2 * error_bound(self.corpus.x.shape[1], dtype)

    def best(self, a: int, b: int, skip: Index) -> Neighbours:
        """Neighbours of the queries ``a .. b``."""
        dtype: npt.DTypeLike = np.float32
        candidates, floor = NONE, np.full(b - a, np.finfo(np.float32).min, dtype=np.float64)
        for start in range(0, len(self.corpus.x), CORPUS_ROWS):
            new = self._above(a, b, start, skip, floor, dtype)
            if dtype == np.float32 and len(new.row) > (b - a) * (CROWD + 4 * self.k):
                dtype, candidates = np.float64, self._exact(candidates, a)
                new = self._above(a, b, start, skip, floor, dtype)
            candidates = candidates.concat(new)
            candidates, floor = self._prune(candidates, floor, dtype)
            if len(candidates.row) > (b - a) * (CROWD + 4 * self.k):
                ordered, place = self._exact(candidates, a).sorted()
                candidates = ordered.where(place < self.k)
        ordered, place = self._exact(candidates, a).sorted()
        ordered = ordered.where(place < self.k)
        shape = (b - a, self.k)
        scores = np.ldexp(ordered.score, self._powers(ordered, a))  # a power of two, so the very products
        return Neighbours(ordered.col.reshape(shape), scores.reshape(shape))

    def _above(self, a: int, b: int, start: int, skip: Index, floor: Floats, dtype: npt.DTypeLike) -> Candidates:
        stop = min(start + CORPUS_ROWS, len(self.corpus.x))
        s = self.queries.block(a, b, dtype) @ self.corpus.block(start, stop, dtype).T
        mine = np.flatnonzero((skip[a:b] >= start) & (skip[a:b] < stop))
        s[mine, skip[a:b][mine] - start] = -np.inf
        if start == 0 and s.shape[1] > self.k:
            floor = np.maximum(floor, kth_bound(s, self.k) - self.bound(dtype))
        with np.errstate(over="ignore"):  # below the floor -inf there is nothing
            least = np.nextafter(floor.astype(s.dtype), s.dtype.type(-np.inf))
        hits = np.flatnonzero(s >= least[:, None])
        row, col = np.divmod(hits, s.shape[1])
        score = s.ravel()[hits].astype(np.float64)
        return Candidates(row, col + start, score).where(score > -np.inf)

    def _prune(self, candidates: Candidates, floor: Floats, dtype: npt.DTypeLike) -> tuple[Candidates, Floats]:
        kth = candidates.kth(len(floor), self.k) - self.bound(dtype)
        floor = np.maximum(floor, kth)
        return candidates.where(candidates.score >= floor[candidates.row]), floor

    def _exact(self, candidates: Candidates, a: int) -> Candidates:
        """The same candidates with their float64 products, scaled like the others."""
        if self.exact:
            return candidates
        scores = pair_scores(self.queries.x, self.corpus.x, candidates.row + a, candidates.col)
        return Candidates(candidates.row, candidates.col, np.ldexp(scores, -self._powers(candidates, a)))

    def _powers(self, candidates: Candidates, a: int) -> Index:
        """Powers of two that the products of candidates are divided by."""
        return np.asarray(self.queries.exponents[candidates.row + a] + self.corpus.exponents[0])


def _better(queries: ScaledRows, corpus: ScaledRows, best: Floats, rows: Index, matches: Index) -> Index:
    """Documents of no match that score at least ``best`` (m,), for each of the queries ``rows``."""
    d, n = corpus.x.shape[1], len(corpus.x)
    bound = 2 * error_bound(d, np.float32)
    goal = np.ldexp(best, -(queries.exponents + corpus.exponents[0]))
    low = np.nextafter((goal - bound).astype(np.float32), np.float32(-np.inf))
    high = np.nextafter((goal + bound).astype(np.float32), np.float32(np.inf))
    block = queries.block(0, len(rows), np.float32)
    count = np.zeros(len(rows), dtype=np.intp)
    for start in range(0, n, CORPUS_ROWS):
        s = block @ corpus.block(start, min(start + CORPUS_ROWS, n), np.float32).T
        above, row, col = _above_and_close(s, low, high)
        count += above
        col += start
        pairs = rows[row] * n + col
        other = matches[np.minimum(np.searchsorted(matches, pairs), len(matches) - 1)] != pairs
        row, col = row[other], col[other]
        reached = pair_scores(queries.x, corpus.x, row, col) >= best[row]
        count += np.bincount(row[reached], minlength=len(rows))
    return count


def _above_and_close(
    s: npt.NDArray[np.float32], low: npt.NDArray[np.float32], high: npt.NDArray[np.float32]
) -> tuple[Index, Index, Index]:
    """How many of each row of ``s`` (m, n) are over ``high`` (m,), and rows and columns of those from ``low`` on to it.

    A few rows at a time, while they are at hand.
    """
    above = np.empty(len(s), dtype=np.intp)
    rows, columns = [], []
    for start in range(0, len(s), _AT_HAND):
        here = slice(start, start + _AT_HAND)
        sure, reaching = s[here] > high[here, None], s[here] >= low[here, None]
        above[here] = over = _row_counts(sure)
        close = np.flatnonzero(_row_counts(reaching) != over)
        row, column = np.divmod(np.flatnonzero(reaching[close] ^ sure[close]), s.shape[1])
        rows.append(close[row] + start)
        columns.append(column)
    return above, np.concatenate(rows), np.concatenate(columns)


_AT_HAND = 128


def _row_counts(mask: npt.NDArray[np.bool_]) -> Index:
    """How many of each row of ``mask`` (m, n) are True, eight at a time."""
    if mask.shape[1] % 8:
        return np.asarray(np.count_nonzero(mask, axis=1))
    return np.asarray(np.bitwise_count(mask.view(np.uint64)).sum(axis=1, dtype=np.intp))


def nearest_of_others(q: Matrix, x: Matrix, k: int, units: tuple[Hashes, Hashes] | tuple[Index, Index]) -> Neighbours:
    """The ``k`` rows of ``x`` (n, d) of another unit with the largest inner product, for each row of ``q`` (m, d).

    ``units`` (m,), (n,) are those of the rows of both; products are float64, ties go to the lower row.

    Raises
    ------
    InputError
        where a unit leaves fewer than ``k`` rows to the others.

    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    >>> nearest_of_others(x, x, 1, (np.array([0, 0, 1]), np.array([0, 0, 1]))).indices.ravel().tolist()
    [2, 2, 1]
    """
    indices, scores = np.empty((len(q), k), dtype=np.intp), np.empty((len(q), k))
    corpus = np.asarray(x, dtype=np.float64)
    for start in range(0, len(q), _QUERY_ROWS):
        here = slice(start, start + _QUERY_ROWS)
        s = np.asarray(q[here], dtype=np.float64) @ corpus.T
        s[units[0][here, None] == units[1][None, :]] = -np.inf
        kth = np.partition(s, -k, axis=1)[:, -k] if k <= len(x) else np.full(len(s), -np.inf)
        if not np.isfinite(kth).all():
            raise InputError(f"a unit of evidence leaves fewer than {k} rows to the others; declare smaller --groups")
        row, col = np.divmod(np.flatnonzero(s >= kth[:, None]), s.shape[1])
        order = np.lexsort((col, -s[row, col], row))
        row, col = row[order], col[order]
        first = np.arange(len(row)) - np.searchsorted(row, row) < k
        indices[here], scores[here] = col[first].reshape(-1, k), s[row[first], col[first]].reshape(-1, k)
    return Neighbours(indices, scores)


_QUERY_ROWS = 512
