"""Numbers of queries against documents: how far apart they lie, who crowds the answers, whether the best stands out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS, groups_of, hash_rows
from embedscope.core.records import Record
from embedscope.core.tables import Index
from embedscope.metrics.neighbourhood import top_share_of
from embedscope.metrics.pairs.metric import jackknife_interval
from embedscope.readers.facts import SEARCH_CODES
from embedscope.stats.neighbours import top_k

K = 10


@dataclass(frozen=True, eq=False)
class QueryNeighbours:
    """Queries (m, d) and their nearest documents among (n, d), all L2-normalised, zero rows left out.

    Attributes
    ----------
    nearest : (m, k) documents, best first, with their cosines
    groups : (m,) jackknife group of each query
    """

    queries: Floats
    documents: Floats
    nearest: Index
    cosines: Floats
    groups: Index

    @classmethod
    def of(cls, queries: Floats, documents: Floats) -> QueryNeighbours:
        """Search; L2-normalised rows come in."""
        best = top_k(queries, documents, min(K, len(documents)))
        groups = groups_of(hash_rows(0, len(queries)))
        return cls(queries, documents, best.indices, best.scores, np.asarray(groups))

    @property
    def sizes(self) -> list[int]:
        """Queries in each group."""
        return [int(v) for v in np.bincount(self.groups, minlength=GROUPS)]


def directions(x: npt.NDArray[np.generic], name: str) -> Floats:
    """Rows of ``x`` at unit length, zero rows left out; ``InputError`` where nothing is left."""
    wide = np.asarray(x, dtype=np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    kept = lengths > 0
    if not kept.any():
        raise InputError(f"all {len(x)} {name} rows are zero, so none has a direction; check the file")
    return np.asarray(wide[kept] / lengths[kept, None])


def query_records(
    queries: npt.NDArray[np.generic], sides: Mapping[str, npt.NDArray[np.generic]], source: str
) -> Iterator[Record]:
    """Records of ``queries`` (m, d) against all documents of ``sides`` in one pool, and of the kinds where several.

    ``query_shift`` for each side, ``query_hub_share``, ``query_nearest_cosine``, ``query_random_cosine``,
    ``query_contrast``; ``query_kind_share.KIND`` is the share of a kind among the 10 best over its share of the pool.

    Raises
    ------
    InputError
        if the dimensions differ, or all rows of a side are zero.
    """
    q = directions(queries, "query")
    units = {name: directions(x, name) for name, x in sides.items()}
    for name, x in units.items():
        if x.shape[1] != q.shape[1]:
            raise InputError(
                f"queries have {q.shape[1]} dimensions, {name} rows {x.shape[1]}; give vectors of one model"
                f"{'' if sides[name].dtype.kind not in 'iu' else f' ({SEARCH_CODES})'}"
            )
    for name, x in units.items():
        yield _shift(q, x, {"source": source, "space": f"query|{name}", "dim": q.shape[1], "rows": "unit"})
    pool = "document" if len(units) == 1 else "pool"
    hits = QueryNeighbours.of(q, np.concatenate(list(units.values())))
    common = {"source": source, "space": f"query|{pool}", "dim": q.shape[1], "rows": "unit", "n": len(q)}
    yield from _answers(hits, common)
    if len(units) > 1:
        yield from _kinds(hits, units, common)


def _shift(q: Floats, x: Floats, common: Mapping[str, Any]) -> Record:
    gq, gx = groups_of(hash_rows(0, len(q))), groups_of(hash_rows(0, len(x)))
    value = float(np.linalg.norm(q.mean(axis=0) - x.mean(axis=0)))
    sums = [np.stack([v[g == i].sum(axis=0) for i in range(GROUPS)]) for v, g in ((q, gq), (x, gx))]
    counts = [np.bincount(g, minlength=GROUPS) for g in (gq, gx)]

    def without(g: int) -> float:
        means = [(s.sum(axis=0) - s[g]) / max(c.sum() - c[g], 1) for s, c in zip(sums, counts, strict=True)]
        return float(np.linalg.norm(means[0] - means[1]))

    return _record("query_shift", value, without, counts[0].tolist(), {**common, "n": len(q)})


def _answers(hits: QueryNeighbours, common: Mapping[str, Any]) -> Iterator[Record]:
    sizes, groups = hits.sizes, hits.groups
    n = len(hits.documents)

    def hubs(kept: npt.NDArray[np.bool_]) -> float:
        nearest = hits.nearest[kept]
        return top_share_of(np.bincount(nearest.ravel(), minlength=n), nearest.size)

    centre = hits.documents.mean(axis=0)
    items = {"query_nearest_cosine": hits.cosines[:, 0], "query_random_cosine": hits.queries @ centre}
    items["query_contrast"] = items["query_nearest_cosine"] - items["query_random_cosine"]
    everyone = np.ones(len(groups), dtype=bool)
    yield _record("query_hub_share", hubs(everyone), lambda g: hubs(groups != g), sizes, common)
    for metric, values in items.items():
        yield _mean(metric, values, hits, common)


def _kinds(hits: QueryNeighbours, units: Mapping[str, Floats], common: Mapping[str, Any]) -> Iterator[Record]:
    of = np.repeat(np.arange(len(units)), [len(x) for x in units.values()])
    for i, name in enumerate(units):
        fair = float((of == i).mean())
        yield _mean(f"query_kind_share.{name}", (of[hits.nearest] == i).mean(axis=1) / fair, hits, common)


def _mean(metric: str, values: Floats, hits: QueryNeighbours, common: Mapping[str, Any]) -> Record:
    groups = hits.groups
    return _record(metric, float(values.mean()), lambda g: float(values[groups != g].mean()), hits.sizes, common)


def _record(
    metric: str, value: float, without: Callable[[int], float], sizes: Sequence[int], common: Mapping[str, Any]
) -> Record:
    bars = jackknife_interval(value, without, sizes)
    return Record(metric=metric, value=value, stderr=bars.stderr, ci_low=bars.low, ci_high=bars.high, **common)
