"""Queries from a sample, asked against all rows as these come: what may be among their nearest is kept.

The sample itself says how good a row must be: the 10 nearest of a query among the rows held are rows of the whole too,
so a row of the whole that is worse than the tenth of them is no neighbour. That leaves 10 n / held rows a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, Hashes, unit_rows
from embedscope.core.tables import Index
from embedscope.stats._neighbours import QUERY_ROWS, Matrix, ScaledRows, error_bound, pair_scores
from embedscope.stats.neighbours import nearest_of_others, top_k
from embedscope.stats.sample import SampledRows

NEAREST = 10
_SLACK = 1e-6
"""Of unit rows in float32, whose lengths may be rounded otherwise in another block."""

_lock = Lock()

Hits = tuple[Index, Hashes, Floats]
"""Queries, identities of rows, and cosines, each (p,)."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Queries, and the least cosine of a row that may be among the nearest of each.

    Attributes
    ----------
    ids : (h,) identities of the rows held
    order : (h,) order of these
    asked : (m,) places of the queries among them
    queries : (m, d) at unit length
    floor : (m,)
    units : (m,) hashes of the units of evidence of the queries, None where no unit of several rows is known
    """

    ids: Hashes
    order: Index
    asked: Index
    queries: ScaledRows
    floor: Floats
    units: Hashes | None = None

    @classmethod
    def of(cls, kept: SampledRows, queries: int) -> Questions:
        """The first ``queries`` rows of ``kept`` that are not zero; made once for a sample."""
        with _lock:
            questions: dict[int, Questions] = kept.__dict__.setdefault("questions", {})
            if queries not in questions:
                questions[queries] = cls._from_kept(kept, queries)
            return questions[queries]

    @classmethod
    def _from_kept(cls, kept: SampledRows, queries: int) -> Questions:
        filled = np.flatnonzero((kept.x != 0).any(axis=1))
        asked = filled[:queries]
        order = np.argsort(kept.ids, kind="stable")
        unit = np.asarray(unit_rows(kept.x[asked])[0]) if len(asked) else np.empty((0, kept.dim))
        floor = np.full(len(asked), -np.inf)
        if len(asked) and len(filled) > NEAREST:
            held = np.asarray(unit_rows(kept.x[filled])[0])
            if kept.units is None:
                floor = top_k(unit, held, NEAREST, exclude=np.arange(len(asked))).scores[:, -1] - _SLACK
            elif len(filled) - np.unique(kept.units[filled], return_counts=True)[1].max() >= NEAREST:
                units = kept.units[asked], kept.units[filled]
                floor = nearest_of_others(unit, held, NEAREST, units).scores[:, -1] - _SLACK
        scaled = ScaledRows.each(unit) if len(asked) else ScaledRows(unit, np.zeros(0, dtype=np.intc))
        return cls(kept.ids, order, asked, scaled, floor, None if kept.units is None else kept.units[asked])

    def places(self, ids: Hashes) -> Index:
        """Places among the rows held of those of ``ids`` (n,) that are."""
        nearest = self.order[np.minimum(np.searchsorted(self.ids, ids, sorter=self.order), len(self.order) - 1)]
        return np.asarray(nearest[self.ids[nearest] == ids])

    def hits(self, unit: Matrix, ids: Hashes, units: Hashes | None = None) -> Hits:
        """Rows ``unit`` (n, d) that may be among the nearest of a query, itself and rows of its unit left out."""
        if not len(unit):
            return _together([])
        corpus, parts = ScaledRows.together(unit), []
        rows = corpus.block(0, len(unit), np.float32)
        bound = error_bound(unit.shape[1], np.float32)
        goal = np.ldexp(self.floor, -(self.queries.exponents + corpus.exponents[0])) - bound
        low = np.nextafter(goal.astype(np.float32), np.float32(-np.inf))
        own = self.ids[self.asked]
        for start in range(0, len(own), QUERY_ROWS):
            stop = min(start + QUERY_ROWS, len(own))
            s = self.queries.block(start, stop, np.float32) @ rows.T
            query, row = np.divmod(np.flatnonzero(s >= low[start:stop, None]), len(unit))
            query += start
            other = own[query] != ids[row]
            if units is not None and self.units is not None:
                other &= self.units[query] != units[row]
            query, row = query[other], row[other]
            parts.append((query, ids[row], pair_scores(self.queries.x, unit, query, row)))
        return _together(parts)


def best_hits(hits: Sequence[Hits]) -> Hits:
    """The 10 best of each query, best first, ties to the lower identity."""
    query, ids, scores = _together(hits)
    order = np.lexsort((ids, -scores, query))
    query = query[order]
    first = np.arange(len(query)) - np.searchsorted(query, query) < NEAREST
    return query[first], ids[order][first], scores[order][first]


def _together(hits: Sequence[Hits]) -> Hits:
    empty: Hits = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.uint64), np.empty(0)
    parts = [empty, *hits]
    columns: list[npt.NDArray[np.generic]] = [np.concatenate([part[i] for part in parts]) for i in range(3)]
    return columns[0], columns[1], columns[2]  # type: ignore[return-value]
