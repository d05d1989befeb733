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
from embedscope.core.choices import Search
from embedscope.core.tables import Index
from embedscope.stats._neighbours import Matrix, without_copies
from embedscope.stats._neighbours_kept import LIMIT, KeptRows
from embedscope.stats._questions import NEAREST, Questions, best_hits
from embedscope.stats.neighbour_index import ROOM, HeldUnitRows, IndexedNeighbours, indexed_neighbours
from embedscope.stats.neighbours import Neighbours, k_occurrences, nearest_of_others, top_k
from embedscope.stats.sample import SampledRows
from embedscope.stats.statistic import Statistic, check_width, no_rows

K = NEAREST
QUERIES = 4096
_HITS = 64
"""Hits a query on average beyond which all but the best are let go."""


_LONG = 40, 64
_LARGE = 8000
"""Lists of the whole that hold the 10 nearest of a part of it: parts are halves below so many rows, then quarters, and
from twice as many on so small that a search in each costs less than longer lists."""


@dataclass(frozen=True, eq=False)
class RowSet:
    """Some rows (n, d) ready for neighbour search; what was found is kept, so that several metrics share it.

    With ``search`` "faiss" occurrences are those of an approximate index; all else stays exact.

    ``units`` (n,) number units of evidence where some hold several rows: rows of one unit are then no neighbours of
    each other for ``occurrences``.

    Attributes
    ----------
    found : what was found, by the name of what it is; for metrics to put theirs too
    """

    x: Matrix
    search: Search = "exact"
    units: Index | None = None
    found: dict[Any, Any] = field(default_factory=dict)
    _whole: tuple[RowSet, Index] | None = None

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
        if ("N", k) not in self.found:
            units, n = self.units, len(self.x)
            found = self.nearest(k, n) if units is None else nearest_of_others(self.x, self.x, k, (units, units))
            self.found["N", k] = k_occurrences(found, n)
        return np.asarray(self.found["N", k])

    def indexed(self, k: int) -> IndexedNeighbours:
        """The ``k`` nearest others of all rows from a FAISS index, with its recall."""
        if ("index", k) not in self.found:
            self.found["index", k] = indexed_neighbours(self.x, k)
        found: IndexedNeighbours = self.found["index", k]
        return found

    def nearest(self, k: int, asked: int) -> Neighbours:
        """The ``k`` nearest others of the first ``asked`` rows, by inner product; the longest list is kept."""
        asked = min(asked, len(self.x))
        found: Neighbours | None = self.found.get(("nearest", k))
        if found is None or len(found.indices) < asked:
            found = self._within(k, asked) if self._whole is not None else None
            found = self._searched(k, np.arange(asked)) if found is None else found
            self.found["nearest", k] = found
        return found if len(found.indices) == asked else Neighbours(found.indices[:asked], found.scores[:asked])

    def part(self, members: npt.NDArray[np.bool_]) -> RowSet:
        """The rows that are ``members`` (n,); of distinct rows they are distinct."""
        x = self.x[members]
        units = None if self.units is None else self.units[members]
        known = {"distinct": x} if self.distinct is self.x else {}
        return RowSet(x, units=units, found=known, _whole=(self, np.flatnonzero(members)))

    def _searched(self, k: int, rows: Index) -> Neighbours:
        """The ``k`` nearest others of ``rows``; of all rows of a set with large parts longer lists, kept for these."""
        long = _LONG[0] if len(self.x) < _LARGE else _LONG[1]
        lists = k == K and self._whole is None and len(rows) == len(self.x) and long < len(self.x) < 2 * _LARGE
        distinct = self.found.get("distinct") is self.x
        q = self.x if len(rows) == len(self.x) else self.x[rows]
        found = top_k(q, self.x, long if lists else k, exclude=rows, distinct=distinct)
        if lists:
            if distinct or without_copies(self.x, long + 1) is None:
                self.found["long"] = found
            found = Neighbours(found.indices[:, :k].copy(), found.scores[:, :k].copy())
        return found

    def _within(self, k: int, asked: int) -> Neighbours | None:
        """The ``k`` nearest from the long lists of the whole; None where there are none.

        Members of this set stand there in their order here; rows with too few of them in their list are searched for.
        """
        assert self._whole is not None
        whole, places = self._whole
        lists: Neighbours | None = whole.found.get("long")
        if lists is None:
            return None
        own = np.full(len(whole.x), -1)
        own[places] = np.arange(len(places))
        indices, scores = own[lists.indices[places[:asked]]], lists.scores[places[:asked]]
        rank = np.cumsum(indices >= 0, axis=1)
        short = rank[:, -1] < k
        first = (indices >= 0) & (rank <= k) & ~short[:, None]
        made = Neighbours(np.empty((len(indices), k), dtype=np.intp), np.empty((len(indices), k)))
        made.indices[~short], made.scores[~short] = indices[first].reshape(-1, k), scores[first].reshape(-1, k)
        if short.any():
            found = self._searched(k, np.flatnonzero(short))
            made.indices[short], made.scores[short] = found.indices, found.scores
        return made

    @property
    def distinct(self) -> Matrix:
        """The rows without duplicates of earlier ones."""
        if "distinct" not in self.found:
            rows = without_copies(self.x, 1)
            self.found["distinct"] = self.x if rows is None else self.x[rows]
        return np.asarray(self.found["distinct"])

    def distances(self, k: int) -> Floats:
        """Euclidean distances (m, k) of each distinct row to its k nearest others, ascending."""
        if ("r", k) not in self.found:
            self.found["r", k] = nearest_others(self.distinct, k)[1]
        return np.asarray(self.found["r", k])


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
    """Rows that were fed, by their places among those held, and hits: rows that may be among a query's nearest."""

    def __init__(self, rows: Rows, kept: SampledRows, queries: int, search: Search) -> None:
        self.rows, self.kept, self.search = rows, kept, search
        self.questions = Questions.of(kept, queries)
        self.n = self.zero_rows = 0
        self.seen: list[Index] = []
        self.hits: list[tuple[Index, Hashes, Floats]] = []

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
        self.seen.append(self.questions.places(ids))
        if len(self.questions.asked):
            unit, filled = unit_rows(rows)
            beside = None if units is None else units[filled]
            self.hits.append(self.questions.hits(np.asarray(unit), ids[filled], beside))
            self._shrink()
        return self

    def merge(self, other: Self) -> Self:
        self.n += other.n
        self.zero_rows += other.zero_rows
        self.seen = [*self.seen, *other.seen]
        self.hits = [*self.hits, *other.hits]
        self._shrink()
        return self

    def result(self) -> Neighbourhood:
        if not self.n and not self.zero_rows:
            raise no_rows()
        seen = np.unique(np.concatenate(self.seen)) if self.seen else np.empty(0, dtype=np.intp)
        asked = self.questions.asked
        query, ids, scores = best_hits(self.hits)
        place = np.arange(len(query)) - np.searchsorted(query, query)
        width = int(place.max(initial=-1)) + 1
        found = np.zeros((len(asked), width), dtype=np.uint64), np.full((len(asked), width), -np.inf)
        found[0][query, place], found[1][query, place] = ids, scores
        return Neighbourhood(self.n, self.kept, seen, self.rows, self.zero_rows, asked, *found, self.search)

    def _shrink(self) -> None:
        if sum(len(hit[0]) for hit in self.hits) > _HITS * len(self.questions.asked):
            self.hits = [best_hits(self.hits)]
