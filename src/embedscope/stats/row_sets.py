"""Some rows ready for neighbour search, and parts of them whose neighbours are read from the lists of the whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array, Floats, row_norms, to_numpy
from embedscope.core.choices import Search
from embedscope.core.tables import Index
from embedscope.stats._neighbours import Matrix
from embedscope.stats._questions import NEAREST
from embedscope.stats.copies import first_alike, without_copies
from embedscope.stats.neighbour_index import IndexedNeighbours, indexed_neighbours
from embedscope.stats.neighbours import Neighbours, Products, Taken, k_occurrences, nearest_of_others, top_k

K = NEAREST
LISTED = 16_000
"""Rows below which parts are halves of the whole, whose neighbours stand in lists of 48 of the whole: of such a list
a half holds fewer than 10 for one row in 10^5. Of more rows a search in small parts costs less."""

_LONG = 48


class RowSet:
    """Some rows (n, d); what was found is kept, so that several metrics share it.

    With ``search`` "faiss" occurrences are those of an approximate index; all else stays exact.

    Attributes
    ----------
    n : rows
    units : (n,) numbers of units of evidence where some hold several rows, which are then no neighbours of each other
        for ``occurrences``; None where each row is one
    largest : what :func:`top_k` takes as such
    results : what was computed, by name; metrics keep theirs here too
    """

    def __init__(
        self,
        x: Matrix | None,
        search: Search = "exact",
        units: Index | None = None,
        largest: float | None = None,
        part_of: tuple[RowSet, Index] | None = None,
    ) -> None:
        self.search, self.units, self.largest = search, units, largest
        self.results: dict[Any, Any] = {}
        self._rows, self._part_of = x, part_of
        self.n = len(part_of[1]) if part_of is not None else 0 if x is None else len(x)

    @property
    def x(self) -> Matrix:
        """The rows; those of a part are copied when they are asked for."""
        if self._rows is None:
            assert self._part_of is not None
            whole, places = self._part_of
            self._rows = whole.x[places]
        return self._rows

    @property
    def others(self) -> int:
        """Fewest rows of other units that a row has."""
        return self.n - (1 if self.units is None else int(np.bincount(self.units).max(initial=0)))

    @cached_property
    def total(self) -> Floats:
        """Sum (d,) of the rows."""
        if self._part_of is None:
            return np.asarray(self.x.sum(axis=0))
        whole, places = self._part_of
        members = np.zeros(whole.n, dtype=whole.x.dtype)
        members[places] = 1
        return np.asarray(members @ whole.x)

    def n_queries(self, most: int) -> int:
        """How many rows ask, the first ones: ``most``, and in a part those of them that are in it."""
        if self._part_of is None:
            return min(most, self.n)
        whole, places = self._part_of
        return max(1, int(np.searchsorted(places, whole.n_queries(most))))

    def occurrences(self, k: int) -> Index:
        """N_k (n,): how often each row is among the k nearest of the others, by inner product, itself left out.

        Raises
        ------
        InputError
            where a unit leaves fewer than ``k`` rows to the others.
        """
        if self.search == "faiss":
            return self.search_index(k).occurrences()
        if ("N", k) not in self.results:
            units, n = self.units, self.n
            neighbours = self.nearest(k, n) if units is None else nearest_of_others(self.x, self.x, k, (units, units))
            self.results["N", k] = k_occurrences(neighbours, n)
        return np.asarray(self.results["N", k])

    def search_index(self, k: int) -> IndexedNeighbours:
        """The ``k`` nearest others of all rows from a FAISS index, with its recall."""
        if ("index", k) not in self.results:
            self.results["index", k] = indexed_neighbours(self.x, k)
        neighbours: IndexedNeighbours = self.results["index", k]
        return neighbours

    def nearest(self, k: int, asked: int) -> Neighbours:
        """The ``k`` nearest others of the first ``asked`` rows, by inner product; lists are kept."""
        asked = min(asked, self.n)
        known: list[Neighbours] = self.results.setdefault("nearest", [])
        neighbours = next((f for f in known if len(f.indices) >= asked and f.indices.shape[1] >= k), None)
        if neighbours is None:
            neighbours = self._within(k, asked) if self._part_of is not None else None
            neighbours = self._search(k, np.arange(asked)) if neighbours is None else neighbours
            known.insert(0, neighbours)
        if neighbours.indices.shape != (asked, k):
            neighbours = neighbours.first(asked, k)
            known.insert(0, neighbours)
        return neighbours

    def map_rows(self, name: str, change: Callable[[Matrix], Matrix], largest: float | None = None) -> RowSet:
        """The rows of the whole as ``change`` makes them, and of these the rows that are here; kept under ``name``."""
        if name not in self.results:
            if self._part_of is None:
                self.results[name] = RowSet(change(self.x), largest=largest)
            else:
                whole, places = self._part_of
                members = np.zeros(whole.n, dtype=bool)
                members[places] = True
                self.results[name] = whole.map_rows(name, change, largest).part(members)
        rows: RowSet = self.results[name]
        return rows

    def part(self, members: npt.NDArray[np.bool_]) -> RowSet:
        """The rows that are ``members`` (n,); of distinct rows they are distinct."""
        units = None if self.units is None else self.units[members]
        rows = RowSet(None, units=units, largest=self.largest, part_of=(self, np.flatnonzero(members)))
        if self.first is None:
            rows.__dict__["first"] = None
        return rows

    @cached_property
    def first(self) -> Index | None:
        """Place (n,) of the first row that each is a duplicate of; None where all are distinct."""
        return first_alike(self.x)

    @property
    def unequal(self) -> RowSet:
        """The rows without duplicates of earlier ones; those of a part stand in the order of the whole's."""
        if self.first is None:
            return self
        if "unequal" not in self.results:
            self.results["unequal"] = self._without_copies(self.first)
        rows: RowSet = self.results["unequal"]
        return rows

    def _without_copies(self, first: Index) -> RowSet:
        if self._part_of is not None and self._part_of[0].first is not None:
            whole, places = self._part_of
            here = np.zeros(whole.n, dtype=bool)
            here[whole.first[places]] = True  # type: ignore[index]
            return whole.unequal.part(here[np.unique(whole.first)])  # type: ignore[arg-type]
        rows = RowSet(self.x[np.unique(first)])
        rows.__dict__["first"] = None
        return rows

    @property
    def distinct(self) -> Matrix:
        """The rows without duplicates of earlier ones."""
        return self.unequal.x

    def distances(self, k: int) -> Floats:
        """Euclidean distances (m, k) of each distinct row to its k nearest others, ascending."""
        if ("r", k) not in self.results:
            self.results["r", k] = nearest_others(self.distinct, k)[1]
        return np.asarray(self.results["r", k])

    def _search(self, k: int, rows: Index) -> Neighbours:
        """The ``k`` nearest others of ``rows``; of the first rows of a set whose parts are large, longer lists.

        The lists stand for parts where no row has so many copies that some of them are not searched.
        """
        lists = k == K and self._part_of is None and _LONG < self.n < LISTED
        kept = _LONG if lists else k
        q = self.x if len(rows) == self.n else self.x[rows]
        copies = self.first is not None and without_copies(self.x, kept + 1) is not None
        neighbours = top_k(q, self.x, kept, exclude=rows, distinct=not copies, largest=self.largest)
        if lists and not copies:
            self.results["lists"] = neighbours
        return neighbours

    def _within(self, k: int, asked: int) -> Neighbours | None:
        """The ``k`` nearest from the long lists of the whole; None where there are none.

        Members of this set stand there in their order here; rows with too few of them in their list are searched for.
        """
        assert self._part_of is not None
        whole, places = self._part_of
        lists: Neighbours | None = whole.results.get("lists")
        if lists is None or len(lists.indices) <= places[:asked].max(initial=-1):
            return None
        own = np.full(whole.n, -1)
        own[places] = np.arange(len(places))
        indices = own[lists.indices[places[:asked]]]
        rank = np.cumsum(indices >= 0, axis=1)
        short = rank[:, -1] < k
        first = (indices >= 0) & (rank <= k) & ~short[:, None]
        neighbours = np.empty((len(indices), k), dtype=np.intp)
        neighbours[~short] = indices[first].reshape(-1, k)
        if not short.any():
            return Neighbours(neighbours, Taken(lists, places[:asked], np.nonzero(first)[1].reshape(-1, k)))
        neighbours[short] = self._search(k, np.flatnonzero(short)).indices
        return Neighbours(neighbours, Products(whole.x, whole.x, places[:asked], places[neighbours]))


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
    neighbours = top_k(
        np.hstack([centred, np.ones_like(half)]), np.hstack([centred, half]), k, exclude=np.arange(len(x64))
    )
    return by_distance(x64, neighbours.indices)


def by_distance(x: Matrix, indices: Index) -> tuple[Index, Floats]:
    """Rows ``indices`` (n, k) of ``x`` (n, d) in the order of their distance from each row, and these distances."""
    distances = np.empty(indices.shape)
    for start in range(0, len(x), 512):
        part = slice(start, start + 512)
        rows = x[part].astype(np.float64)
        distances[part] = np.linalg.norm(rows[:, None, :] - x[indices[part]], axis=2)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)
