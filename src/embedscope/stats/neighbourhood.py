"""Rows with their nearest neighbours: held in memory up to a limit, beyond it a sample of queries against all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Floats, Hashes, Rows, to_numpy, unit_rows
from embedscope.core.block import RowBlock
from embedscope.core.choices import Search
from embedscope.core.tables import Index
from embedscope.stats._neighbours_kept import LIMIT, KeptRows
from embedscope.stats._questions import Questions, best_hits
from embedscope.stats.neighbour_index import ROOM, HeldUnitRows
from embedscope.stats.row_sets import RowSet
from embedscope.stats.sample import SampledRows
from embedscope.stats.statistic import Statistic, check_width, no_rows

QUERIES = 4096
_HITS = 64
"""Hits a query on average beyond which all but the best are let go."""


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
        key = np.packbits(members).tobytes()
        if key not in self._parts:
            self._parts[key] = self.all.part(members)
        return self._parts[key]


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
        nearest = np.zeros((len(asked), width), dtype=np.uint64), np.full((len(asked), width), -np.inf)
        nearest[0][query, place], nearest[1][query, place] = ids, scores
        return Neighbourhood(self.n, self.kept, seen, self.rows, self.zero_rows, asked, *nearest, self.search)

    def _shrink(self) -> None:
        if sum(len(hit[0]) for hit in self.hits) > _HITS * len(self.questions.asked):
            self.hits = [best_hits(self.hits)]
