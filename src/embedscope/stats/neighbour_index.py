"""Approximate nearest neighbours of all rows from a FAISS index, with the share of the true ones that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, as_matrix, row_norms, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.ids import combine
from embedscope.core.tables import Index
from embedscope.core.threads import one_blas_thread, one_faiss_thread
from embedscope.stats._neighbours import Matrix, pair_scores
from embedscope.stats._neighbours_kept import Kept
from embedscope.stats.neighbours import top_k
from embedscope.stats.sample import SampledRows
from embedscope.stats.statistic import check_width

ROOM = 2 << 30
"""Bytes of rows in float32 that are held for an index, which takes as much once more."""

QUERIES = 1000
AIM = 0.99

_LINKS = 32
_BUILD_DEPTH = 40
_DEPTHS = (16, 32, 64, 128, 256, 512)
_TRIED = 250
_BLOCK = 16_384


@dataclass(frozen=True, eq=False)
class IndexedNeighbours:
    """Neighbours as an index found them, and how good that is.

    Attributes
    ----------
    indices : (n, k) rows, best first; -1 where the index found fewer
    recall, stderr : mean share of the true k nearest among those found, over ``queries`` rows, and its standard error
    queries : rows whose true neighbours were searched
    index : kind of index and how deep it was searched
    """

    indices: Index
    recall: float
    stderr: float
    queries: int
    index: str

    def occurrences(self) -> Index:
        """How often each row is among the neighbours found: N_k (n,)."""
        rows = self.indices[self.indices >= 0]
        return np.bincount(rows, minlength=len(self.indices))

    def __str__(self) -> str:
        k = self.indices.shape[1]
        shown = f"{self.recall:.4f} ± {self.stderr:.4f}"
        return f"FAISS {self.index}, recall@{k} {shown} of {self.queries:,} queries searched exactly"


def indexed_neighbours(x: Array, k: int, *, queries: int = QUERIES, seed: int = 0) -> IndexedNeighbours:
    """The ``k`` nearest others of every row of ``x`` by inner product, from a FAISS index, with its recall.

    An HNSW graph of 32 links, built on one thread so that it is the same every time. It is searched to the least depth
    (16, 32, ... 512) that finds .99 of the true neighbours of 250 rows; the recall is then measured on ``queries``
    other rows against :func:`top_k`. What scores as well as the last true neighbour is true too, so copies do not
    count against the index. Beside ``x`` it holds a float32 copy and 272 bytes per row. Source: malkov2020, douze2024.

    Parameters
    ----------
    x : (n, d), rows of unit length
    k : 1 to n - 1
    queries : rows, chosen with ``seed``, that the recall is measured on; all where there are no more

    Raises
    ------
    InputError
        if ``k`` is out of range.
    MissingExtraError
        without the extra ``faiss``.
    """
    rows = to_numpy(as_matrix(x))
    if not 1 <= k < len(rows):
        raise InputError(f"k must be from 1 to {len(rows) - 1} for {len(rows)} rows, got {k}; add rows or lower k")
    order = np.random.default_rng(seed).permutation(len(rows))
    asked, tried = order[:queries], order[-_TRIED:]
    with one_blas_thread():
        graph = _graph(rows)
        depth = _depth(graph, rows, tried, k)
        others = _others(graph, rows, np.arange(len(rows)), k)
    shares = _shares(rows, asked, others[asked], _last_true(rows, asked, k))
    stderr = float(shares.std(ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else 0.0
    return IndexedNeighbours(others, float(shares.mean()), stderr, len(asked), f"HNSW{_LINKS}, depth {depth}")


def _graph(rows: Matrix) -> Any:
    faiss = require("faiss", "faiss", "an index for neighbours")
    graph = faiss.IndexHNSWFlat(rows.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = _BUILD_DEPTH
    with one_faiss_thread():
        for start in range(0, len(rows), _BLOCK):
            graph.add(np.ascontiguousarray(rows[start : start + _BLOCK], dtype=np.float32))
    return graph


def _depth(graph: Any, rows: Matrix, tried: Index, k: int) -> int:
    """Set the least depth that reaches the aim on the rows ``tried``, or the last."""
    last = _last_true(rows, tried, k)
    for depth in _DEPTHS:
        graph.hnsw.efSearch = max(depth, k + 1)
        if _shares(rows, tried, _others(graph, rows, tried, k), last).mean() >= AIM:
            break
    return int(graph.hnsw.efSearch)


def _others(graph: Any, rows: Matrix, asked: Index, k: int) -> Index:
    """Neighbours (m, k) of the rows ``asked`` without themselves."""
    out = np.empty((len(asked), k), dtype=np.intp)
    for start in range(0, len(asked), _BLOCK):
        own = asked[start : start + _BLOCK]
        _, nearest = graph.search(np.ascontiguousarray(rows[own], dtype=np.float32), k + 1)
        others = np.argsort(nearest == own[:, None], axis=1, kind="stable")[:, :k]
        out[start : start + _BLOCK] = np.take_along_axis(nearest, others, axis=1)
    return out


def _last_true(rows: Matrix, asked: Index, k: int) -> Floats:
    """Inner product (m,) of each row ``asked`` with its k-th nearest other."""
    return np.asarray(top_k(rows[asked], rows, k, exclude=asked).scores[:, -1])


def _shares(rows: Matrix, asked: Index, nearest: Index, last: Floats) -> Floats:
    """Share of the k neighbours that are among the ``nearest`` (m, k) of each row ``asked``."""
    m, k = nearest.shape
    scores = pair_scores(rows, rows, np.repeat(asked, k), np.maximum(nearest, 0).ravel()).reshape(m, k)
    return np.asarray(((scores >= last[:, None]) & (nearest >= 0)).mean(axis=1))


@dataclass(frozen=True)
class HeldUnitRows(Need[SampledRows]):
    """Rows at unit length in float32, as many as ``room`` bytes hold; of more rows those with the smallest hash.

    Rows of length 0 stay as they are. Up to twice the room is taken while they come.
    """

    room: int = ROOM
    seed: int = 0

    def size(self, dim: int) -> int:
        """Bytes of its state, at most."""
        return 2 * self.room

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[SampledRows]:
        """A new accumulator."""
        return _Units(0, self.seed, room=self.room)


@dataclass(eq=False)
class _Units(Kept):
    room: int = ROOM

    def _add(self, x: Array, ids: Hashes, units: Hashes | None) -> Self:
        self._widen(int(x.shape[1]))
        norms = to_numpy(row_norms(x))
        filled = norms > 0
        rows = np.zeros(tuple(x.shape), dtype=np.float32)
        rows[...] = to_numpy(x) / np.where(filled, norms, 1)[:, None]
        self.n += len(rows)
        self.zero_rows += len(rows) - int(filled.sum())
        self._take(combine(ids, self.seed), ids, rows, units)
        return self

    def merge(self, other: Self) -> Self:
        """Take in ``other``, which stays untouched."""
        if other.parts:
            self._widen(other.parts[0][2].shape[1])
        return super().merge(other)

    def _widen(self, dim: int) -> None:
        if self.parts:
            check_width(self.parts[0][2].shape[1], dim)
        self.limit = max(1, self.room // (4 * dim))
