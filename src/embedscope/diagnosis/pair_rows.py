"""Rows behind findings of two sides, and the share of pairs that match no better than chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, Hashes
from embedscope.core.ids import GROUPS, hash_order, hash_rows, hash_texts
from embedscope.core.records import Record
from embedscope.core.tables import Index
from embedscope.diagnosis._query_metrics import QueryNeighbours, directions
from embedscope.diagnosis.space_rows import Listed
from embedscope.metrics.pairs import Paired
from embedscope.metrics.pairs.metric import jackknife_interval
from embedscope.stats.neighbours import top_k
from embedscope.stats.row_sets import K

OTHERS = 1000
"""Rows of the other side that a pair is compared with, at most."""

ASKED = 2000

Lists = dict[str, tuple[str, Listed]]


def mismatch(paired: Paired) -> tuple[float, Floats, Index, Index]:
    """Share of pairs that match no better than chance; rank p of each pair; its rows of either side.

    p is the share of other rows of the other side that are at least as near as the match, (pairs,), the mean of both
    directions. Where a pair is none, either p is even on 0 to 1, so twice the share of ranks above 1/2 is their share
    (storey2002).
    """
    unit = paired.unit
    left, right = unit.matches
    if len(left) < 2:
        return float("nan"), np.zeros(0), left, right
    cosines = np.einsum("ij,ij->i", unit.x[left], unit.y[right])
    ranks = []
    for own, other, mine, matching in ((unit.x, unit.y, left, right), (unit.y, unit.x, right, left)):
        drawn = hash_order(hash_rows(0, len(other)), 1)[:OTHERS]
        above = np.empty(len(mine))
        for start in range(0, len(mine), ASKED):
            part = slice(start, start + ASKED)
            near = own[mine[part]] @ other[drawn].T >= cosines[part, None]
            itself = drawn == matching[part, None]
            above[part] = (near & ~itself).sum(axis=1) / np.maximum((~itself).sum(axis=1), 1)
        ranks.append(above)
    shares = [min(1.0, 2 * float((p > _HALF).mean())) for p in ranks]
    return float(np.mean(shares)), np.asarray((ranks[0] + ranks[1]) / 2), left, right


_HALF = 0.5


def pair_rows(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    ids: Sequence[Hashes] | None,
    names: tuple[str, str],
    label: str,
) -> tuple[list[Record], Lists]:
    """``mismatched_pairs`` with its interval, and the rows of the findings across two sides of equal dimensions."""
    if x.shape[1] != y.shape[1]:
        return [], {}
    paired = Paired.of(x, y, None if ids is None else (ids[0], ids[1]), names)
    share, ranks, left, _ = mismatch(paired)
    if not len(ranks):
        return [], {}
    groups = paired.unit.groups[0][left]

    def without(g: int) -> float:
        return min(1.0, 2 * float((ranks[groups != g] > _HALF).mean()))

    bars = jackknife_interval(share, without, np.bincount(groups, minlength=GROUPS).tolist())
    record = Record(
        source=label, metric="mismatched_pairs", value=share, space="|".join(names), stderr=bars.stderr,
        ci_low=bars.low, ci_high=bars.high, n=len(left), dim=int(x.shape[1]), rows="unit",
    )  # fmt: skip
    return [record], dict(_across(paired.unit, _hash_nonzero(x), _hash_nonzero(y), ranks, left, names))


def _hash_nonzero(x: npt.NDArray[Any]) -> Hashes:
    """Hashes of the numbers of the rows that are not zero, as ``Paired.unit`` keeps them."""
    kept: npt.NDArray[np.bool_] = (x != 0).any(axis=1)
    return hash_rows(0, len(x))[kept]


def _across(
    unit: Paired, x_ids: Hashes, y_ids: Hashes, ranks: Floats, left: Index, names: tuple[str, str]
) -> Iterator[tuple[str, tuple[str, Listed]]]:
    bad = np.flatnonzero(ranks > _HALF)
    bad = bad[np.argsort(-ranks[bad], kind="stable")]
    why = "{percent} of the other side is nearer to it than its match"
    for rule in ("mismatched_pairs", "pairs_match"):
        yield rule, (names[0], Listed(x_ids[left[bad]], ranks[bad], why))
    gap = unit.x.mean(axis=0) - unit.y.mean(axis=0)
    length = max(float(np.linalg.norm(gap)), 1e-12)
    place = (unit.x - (unit.x.mean(axis=0) + unit.y.mean(axis=0)) / 2) @ (gap / length)
    order = np.argsort(-place, kind="stable")
    order = order[place[order] > 0]
    yield "modality_gap", (names[0], Listed(x_ids[order], place[order], "{value:.3f} from the middle of the gap"))
    if len(unit.x) + len(unit.y) <= K:
        return
    asked = min(ASKED, len(unit.x))
    pool = np.concatenate([unit.x, unit.y])
    neighbours = top_k(unit.x[:asked], pool, K, exclude=np.arange(asked)).indices
    own = (neighbours < len(unit.x)).sum(axis=1).astype(np.float64)
    order = np.argsort(-own, kind="stable")
    order = order[own[order] == K]
    yield (
        "mixed_index",
        (names[0], Listed(x_ids[order], own[order], f"{{value:.0f}} of its {K} nearest are of its side")),
    )


def query_rows(
    queries: npt.NDArray[Any], sides: Mapping[str, npt.NDArray[Any]], texts: Sequence[str] | None = None
) -> Lists:
    """Rows of the findings of queries: the queries themselves (side ``query``), or documents.

    ``texts`` are those of the documents of a model, whose rows are known by their texts.
    """
    q = directions(queries, "query")
    units = {name: directions(x, name) for name, x in sides.items()}
    own = hash_rows(0, len(queries))[(queries != 0).any(axis=1)]
    documents = {
        name: (hash_rows(0, len(x)) if texts is None else hash_texts(texts))[(x != 0).any(axis=1)]
        for name, x in sides.items()
    }
    hits = QueryNeighbours.of(q, np.concatenate(list(units.values())))
    kind = np.repeat(np.arange(len(units)), [len(x) for x in units.values()])
    names = list(units)
    lists: Lists = {}
    counts = np.bincount(hits.nearest.ravel(), minlength=len(kind)).astype(np.float64)
    top = np.argsort(-counts, kind="stable")[:5]
    side = int(kind[top[0]])
    here = top[kind[top] == side]
    place = here - int((kind < side).sum())
    lists["query_hubs"] = (
        names[side],
        Listed(documents[names[side]][place], counts[here], "in the answers to {value:,.0f} queries"),
    )
    contrast = hits.cosines[:, 0] - q @ hits.documents.mean(axis=0)
    order = np.argsort(contrast, kind="stable")
    order = order[contrast[order] < 0.1]
    why = "its best document is {value:.3f} nearer in cosine than any"
    lists["query_contrast"] = ("query", Listed(own[order], contrast[order], why))
    first = next(iter(units.values()))
    shift = q.mean(axis=0) - first.mean(axis=0)
    along = (q - (q.mean(axis=0) + first.mean(axis=0)) / 2) @ (shift / max(float(np.linalg.norm(shift)), 1e-12))
    order = np.argsort(-along, kind="stable")
    order = order[along[order] > 0]
    lists["query_shift"] = ("query", Listed(own[order], along[order], "{value:.3f} from the middle of the two clouds"))
    if len(units) > 1:
        shares = np.stack([(kind[hits.nearest] == i).mean(axis=1) for i in range(len(units))], axis=1)
        rarest = int((shares.mean(axis=0) / np.bincount(kind)).argmin())
        none = np.flatnonzero(shares[:, rarest] == 0)
        lists["query_kinds"] = ("query", Listed(own[none], shares[none, rarest], f"finds no {names[rarest]}"))
    return lists
