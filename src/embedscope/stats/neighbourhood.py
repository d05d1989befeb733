"""Rows with their nearest neighbours: held in memory up to a limit, beyond it a sample of queries against all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, Rows, row_norms, to_numpy, unit_rows
from embedscope.core.block import RowBlock
from embedscope.core.errors import InputError
from embedscope.core.tables import Index
from embedscope.stats._neighbours import Matrix, without_copies
from embedscope.stats._neighbours_kept import LIMIT, KeptRows
from embedscope.stats.neighbour_index import ROOM, HeldUnitRows, IndexedNeighbours, Search, indexed_neighbours
from embedscope.stats.neighbours import Neighbours, k_occurrences, top_k
from embedscope.stats.sample import SampledRows
from embedscope.stats.statistic import Statistic, check_width, no_rows

K = 10
QUERIES = 4096


@dataclass(frozen=True, eq=False)
class RowSet:
    """Some rows (n, d) ready for neighbour search; what was found is kept, so that several metrics share it.

    With ``search`` "faiss" occurrences are those of an approximate index; all else stays exact.

    ``units`` (n,) number units of evidence where some hold several rows: rows of one unit are then no neighbours of
    each other for ``occurrences``.
    """

    x: Matrix
    search: Search = "exact"
    units: Index | None = None
    _found: dict[Any, Any] = field(default_factory=dict)

    @property
    def others(self) -> int:
        """Fewest rows of other units that a row has."""
        return len(self.x) - (1 if self.units is None else int(np.bincount(self.units).max(initial=0)))

    def occurrences(self, k: int) -> Index:
        """N_k (n,): how often each row is among the k nearest of the others, by inner product, itself left out.

        Raises
        ------
        InputError
            where a unit leaves fewer than ``k`` rows to the others.
        """
        if self.search == "faiss":
            return self.indexed(k).occurrences()
        if ("N", k) not in self._found:
            units, n = self.units, len(self.x)
            found = self.nearest(k, n) if units is None else nearest_of_others(self.x, self.x, k, (units, units))
            self._found["N", k] = k_occurrences(found, n)
        return np.asarray(self._found["N", k])

    def indexed(self, k: int) -> IndexedNeighbours:
        """The ``k`` nearest others of all rows from a FAISS index, with its recall."""
        if ("index", k) not in self._found:
            self._found["index", k] = indexed_neighbours(self.x, k)
        found: IndexedNeighbours = self._found["index", k]
        return found

    def nearest(self, k: int, asked: int) -> Neighbours:
        """The ``k`` nearest others of the first ``asked`` rows, by inner product; the longest list is kept."""
        asked = min(asked, len(self.x))
        found: Neighbours | None = self._found.get(("nearest", k))
        if found is None or len(found.indices) < asked:
            q = self.x[:asked]
            found = top_k(q, self.x, k, exclude=np.arange(len(q)), distinct=self._found.get("distinct") is self.x)
            self._found["nearest", k] = found
        return found if len(found.indices) == asked else Neighbours(found.indices[:asked], found.scores[:asked])

    def part(self, members: npt.NDArray[np.bool_]) -> RowSet:
        """The rows that are ``members`` (n,); of distinct rows they are distinct."""
        x = self.x[members]
        units = None if self.units is None else self.units[members]
        return RowSet(x, units=units, _found={"distinct": x} if self.distinct is self.x else {})

    @property
    def distinct(self) -> Matrix:
        """The rows without duplicates of earlier ones."""
        if "distinct" not in self._found:
            rows = without_copies(self.x, 1)
            self._found["distinct"] = self.x if rows is None else self.x[rows]
        return np.asarray(self._found["distinct"])

    def distances(self, k: int) -> Floats:
        """Euclidean distances (m, k) of each distinct row to its k nearest others, ascending."""
        if ("r", k) not in self._found:
            self._found["r", k] = nearest_others(self.distinct, k)[1]
        return np.asarray(self._found["r", k])


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
        row, col = np.nonzero(s >= kth[:, None])
        order = np.lexsort((col, -s[row, col], row))
        row, col = row[order], col[order]
        first = np.arange(len(row)) - np.searchsorted(row, row) < k
        indices[here], scores[here] = col[first].reshape(-1, k), s[row[first], col[first]].reshape(-1, k)
    return Neighbours(indices, scores)


_QUERY_ROWS = 512


def nearest_others(x: Array, k: int) -> tuple[Index, Floats]:
    """The ``k`` nearest other rows of each row of ``x`` (n, d) by Euclidean distance, and the distances, ascending.

    |x - y|^2 is smallest where <x, y> - |y|^2 / 2 is largest: an inner product of rows one wider, around the mean.

    Returns
    -------
    indices, distances : (n, k) each

    >>> nearest_others(np.array([[0.0], [1.0], [3.0]]), 1)[1].ravel().tolist()
    [1.0, 1.0, 2.0]
    """
    x64 = np.asarray(to_numpy(x), dtype=np.float64)
    centred = x64 - x64.mean(axis=0)
    half = row_norms(centred)[:, None] ** 2 / -2
    found = top_k(np.hstack([centred, np.ones_like(half)]), np.hstack([centred, half]), k, exclude=np.arange(len(x64)))
    distances = np.empty(found.indices.shape)
    for start in range(0, len(x64), 512):
        part = slice(start, start + 512)
        distances[part] = np.linalg.norm(x64[part, None, :] - x64[found.indices[part]], axis=2)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(found.indices, order, axis=1), np.take_along_axis(distances, order, axis=1)


@dataclass(frozen=True, eq=False)
class Neighbourhood(Statistic):
    """Rows held, and the neighbours among all rows of those that were asked.

    Attributes
    ----------
    n : rows seen, zero rows left out where ``rows`` is ``unit``
    kept : rows held, all or a sample
    seen : places in ``kept`` of the rows that were fed; a group left out lacks its own
    rows : ``raw`` or ``unit``
    asked : places in ``kept`` of the queries, none where all rows are held
    ids, scores : (m, k) identities and cosines of the queries' neighbours among all rows
    search : ``exact``, or ``faiss`` where occurrences come from an index over the rows held
    """

    n: int
    kept: SampledRows
    seen: Index
    rows: Rows
    zero_rows: int
    asked: Index
    ids: Hashes
    scores: Floats
    search: Search = "exact"

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return self.kept.dim

    @property
    def sampled(self) -> bool:
        """Whether not all rows are held."""
        return self.kept.n > len(self.kept.x)

    @cached_property
    def places(self) -> Index:
        """Places in ``kept`` of the rows of ``all``: in order of their hash, without zero rows where unit."""
        return np.flatnonzero((self.kept.x != 0).any(axis=1)) if self.rows == "unit" else np.arange(len(self.kept.x))

    @cached_property
    def all(self) -> RowSet:
        """Every row held."""
        if self.search == "faiss":  # at unit length already
            whole = len(self.places) == len(self.kept.x)
            return RowSet(self.kept.x if whole else self.kept.x[self.places], self.search)
        x = self.kept.x[self.places]
        return RowSet(np.asarray(unit_rows(x)[0]) if self.rows == "unit" and len(x) else x, units=self._units)

    @cached_property
    def _units(self) -> Index | None:
        """Number (m,) of the unit of each row of ``all``, None where each is one by itself."""
        if self.kept.units is None:
            return None
        names, place = np.unique(self.kept.units[self.places], return_inverse=True)
        return None if len(names) == len(place) else np.asarray(place, dtype=np.intp)

    @cached_property
    def _parts(self) -> dict[bytes, RowSet]:
        return {}

    def part(self, members: npt.NDArray[np.bool_]) -> RowSet:
        """The rows of ``all`` that are ``members`` (m,); asked again, the same object."""
        return self._parts.setdefault(np.packbits(members).tobytes(), self.all.part(members))


@dataclass(frozen=True)
class NeighbourRows(Need[Neighbourhood]):
    """Rows held up to ``limit``; of more rows, a sample is held and ``queries`` of it are asked against all rows.

    With ``search`` "faiss" unit rows are held up to ``room`` bytes of float32, whatever the limit, and none is asked.
    """

    rows: Rows = "unit"
    limit: int = LIMIT
    queries: int = QUERIES
    seed: int = 0
    search: Search = "exact"
    room: int = ROOM

    @property
    def depends(self) -> tuple[Need[Any], ...]:
        """The rows held."""
        return (KeptRows(self.limit, self.seed) if self.search == "exact" else HeldUnitRows(self.room, self.seed),)

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[Neighbourhood]:
        """A new accumulator."""
        kept: SampledRows = results[self.depends[0]]
        asks = self.rows == "unit" and self.search == "exact" and kept.n > len(kept.x)
        return _Asking(self.rows, kept, self.queries if asks else 0, self.search)


class _Asking(Accumulator[Neighbourhood]):
    def __init__(self, rows: Rows, kept: SampledRows, queries: int, search: Search) -> None:
        self.rows, self.kept, self.search = rows, kept, search
        filled = (kept.x != 0).any(axis=1)
        self.asked = np.flatnonzero(filled)[:queries]
        self.order = np.argsort(kept.ids, kind="stable")
        self.n = self.zero_rows = 0
        self.seen: list[Index] = []
        self.ids = np.zeros((len(self.asked), 0), dtype=np.uint64)
        self.scores = np.zeros((len(self.asked), 0))

    def take(self, block: RowBlock) -> Self:
        return self._add(block.x, block.ids, block.units)

    def update(self, x: Array, ids: Hashes) -> Self:
        return self._add(x, ids, None)

    def _add(self, x: Array, ids: Hashes, units: Hashes | None) -> Self:
        check_width(self.kept.dim, int(x.shape[1]))
        rows = to_numpy(x)
        zero = len(rows) - int((rows != 0).any(axis=1).sum())
        self.n += len(rows) - (zero if self.rows == "unit" else 0)
        self.zero_rows += zero
        places = np.searchsorted(self.kept.ids, ids, sorter=self.order)
        places = self.order[np.minimum(places, len(self.order) - 1)]
        self.seen.append(places[self.kept.ids[places] == ids])
        if len(self.asked):
            unit, filled = unit_rows(rows)
            self._ask(np.asarray(unit), ids[filled], None if units is None else units[filled])
        return self

    def merge(self, other: Self) -> Self:
        self.n += other.n
        self.zero_rows += other.zero_rows
        self.seen = [*self.seen, *other.seen]
        self._best(other.ids, other.scores)
        return self

    def result(self) -> Neighbourhood:
        if not self.n and not self.zero_rows:
            raise no_rows()
        seen = np.unique(np.concatenate(self.seen)) if self.seen else np.empty(0, dtype=np.intp)
        asked = self.asked, self.ids, self.scores
        return Neighbourhood(self.n, self.kept, seen, self.rows, self.zero_rows, *asked, self.search)

    def _ask(self, unit: Matrix, ids: Hashes, units: Hashes | None) -> None:
        queries = np.asarray(unit_rows(self.kept.x[self.asked])[0])
        order = np.argsort(ids, kind="stable")
        own = self.kept.ids[self.asked]
        if units is not None and self.kept.units is not None and len(ids):
            mine = self.kept.units[self.asked]
            beside = np.isin(mine, units)
            if beside.any():
                return self._ask_beside(queries, unit, ids, beside, (mine, units))
        at = order[np.minimum(np.searchsorted(ids, own, sorter=order), len(ids) - 1)] if len(ids) else own
        if len(ids) < 2:
            return self._few(queries, unit, ids, own)
        exclude = np.where(ids[at] == own, at, -1)
        found = top_k(queries, unit, min(K, len(unit) - 1), exclude=exclude)
        return self._best(ids[found.indices], found.scores)

    def _ask_beside(
        self, queries: Matrix, unit: Matrix, ids: Hashes, beside: npt.NDArray[np.bool_], units: tuple[Hashes, Hashes]
    ) -> None:
        """Rows of which some are of the unit of a query ``beside`` (m,) them: those are no neighbours of it."""
        k = min(K, len(unit))
        scores = np.full((len(queries), k), -np.inf)
        found = np.broadcast_to(self.kept.ids[self.asked][:, None], scores.shape).copy()
        far = ~beside
        if far.any():
            best = top_k(queries[far], unit, k)
            found[far], scores[far] = ids[best.indices], best.scores
        products = np.asarray(queries[beside], dtype=np.float64) @ unit.T
        products[units[0][beside][:, None] == units[1][None, :]] = -np.inf
        order = np.lexsort((np.broadcast_to(ids, products.shape), -products), axis=1)[:, :k]
        found[beside], scores[beside] = ids[order], np.take_along_axis(products, order, axis=1)
        self._best(found, scores)

    def _few(self, queries: Matrix, unit: Matrix, ids: Hashes, own: Hashes) -> None:
        if len(ids):
            scores = np.einsum("ij,j->i", queries, unit[0])[:, None]
            self._best(np.repeat(ids[None], len(own), axis=0), np.where(own[:, None] == ids, -np.inf, scores))

    def _best(self, ids: Hashes, scores: Floats) -> None:
        """Keep the best of what was there and what came; ties go to the lower identity, in any order of coming."""
        ids, scores = np.hstack([self.ids, ids]), np.hstack([self.scores, scores])
        order = np.lexsort((ids, -scores), axis=1)[:, :K]
        self.ids = np.take_along_axis(ids, order, axis=1)
        self.scores = np.take_along_axis(scores, order, axis=1)
