"""Scores of matched rows: pure retrieval in both directions, and one index that holds both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.certification.pair_rows import PairRows
from embedscope.core.arrays import Floats
from embedscope.core.tables import Index, Score
from embedscope.stats.correlation import DECIMALS
from embedscope.stats.neighbours import match_ranks, top_k
from embedscope.tasks.means import directions, mean_score
from embedscope.transforms.scorers import parse_scorer
from embedscope.transforms.scorers.scorer import Scorer

K = 10
WEIGHTED = "weighted"
_CELLS = 1 << 22


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows of both sides as they are scored; ``scorer`` with its bank (rows of each side), or plain cosines.

    ``asking`` are the rows as queries, where they differ from the rows that are found.
    """

    x: Floats
    y: Floats
    scorer: str | None = None
    bank: tuple[Floats, Floats] | None = None
    asking: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, eq=False)
class PairScores:
    """Scores by id; rank of the best match (n + m,) of every row, nDCG@10 (n + m,) of every row in the mixed index."""

    scores: dict[str, Score]
    ranks: Floats
    gains: Floats


def pair_scores(
    mapped: Mapped, rows: PairRows, names: tuple[str, str], seed: int, weight: float | None = None
) -> PairScores:
    """``recall@1`` of both directions, ``mixed_ndcg@10`` and ``same_modality_share`` of the mixed index.

    In the mixed index every row of either side is a query once, excluded from its own results; its matches on the other
    side are what is relevant. Means are of the two ways. The bootstrap draws clusters, so both ways and all candidates
    rest on the same draws. With a ``weight`` w also ``weighted``: (1 - w) recall@1 + w mixed_ndcg@10.
    """
    u, v = directions(mapped.x, names[0]), directions(mapped.y, names[1])
    groups = np.concatenate([rows.cluster_x, rows.cluster_y])
    ranks = np.concatenate(_both_ranks(u, v, mapped, rows)).astype(np.float64)
    ranks[ranks == 0] = np.nan
    gains, own = _score_mixed(u, v, mapped, rows)
    asks = np.arange(len(ranks)) < len(u)
    a, b = names
    scores = {}
    for k in (1, K):
        hits = np.where(np.isfinite(ranks), (ranks <= k).astype(np.float64), np.nan)
        ways = _ways(hits, asks, seed, groups)
        scores[f"recall@{k}"] = _mean_of(ways)
        if k == 1:
            scores |= {f"recall@1.{a}_to_{b}": ways[0], f"recall@1.{b}_to_{a}": ways[1]}
    gains = np.where(np.isfinite(ranks), gains, np.nan)
    scores["mixed_ndcg@10"] = _mean_of(_ways(gains, asks, seed, groups))
    scores["same_modality_share"] = _mean_of(_ways(own, asks, seed, groups))
    if weight is not None:
        first = np.where(np.isfinite(ranks), (ranks <= 1).astype(np.float64), np.nan)
        scores[WEIGHTED] = _mean_of(_ways((1 - weight) * first + weight * gains, asks, seed, groups))
    return PairScores(scores, ranks, gains)


def both_ways(items: Floats, rows: PairRows, seed: int) -> Score:
    """Mean of both ways of ``items`` (n + m,), nan where a row is left out."""
    asks = np.arange(len(items)) < len(rows.x)
    return _mean_of(_ways(items, asks, seed, np.concatenate([rows.cluster_x, rows.cluster_y])))


def _ways(items: Floats, asks: npt.NDArray[np.bool_], seed: int, groups: Index) -> tuple[Score, Score]:
    there = mean_score(np.where(asks, items, np.nan), seed, (), groups)
    return there, mean_score(np.where(asks, np.nan, items), seed, (), groups)


def _mean_of(scores: Sequence[Score]) -> Score:
    known = [s for s in scores if s.value is not None and s.draws is not None]
    if len(known) < len(scores):
        return Score(None, 0, note="undefined: one side has no row with a match")
    value = float(np.mean([s.value for s in known if s.value is not None]))
    items = np.stack([s.items for s in known if s.items is not None])
    first = np.where(np.isfinite(items[0]), items[0], items[-1])
    draws = np.mean([s.draws for s in known if s.draws is not None], axis=0)
    return Score(value, sum(s.n for s in known), draws, first, "mean of both directions")


def _both_ranks(u: Floats, v: Floats, mapped: Mapped, rows: PairRows) -> tuple[Index, Index]:
    if mapped.scorer is None or mapped.bank is None:
        a, b = (u, v) if mapped.asking is None else (directions(x) for x in mapped.asking)
        return match_ranks(a, v, rows.left, rows.right), match_ranks(b, u, rows.right, rows.left)
    bx, by = (directions(x) for x in mapped.bank)
    there = parse_scorer(mapped.scorer).fit(v, bx)
    back = parse_scorer(mapped.scorer).fit(u, by)
    return _scored_ranks(u, v, there, rows.left, rows.right), _scored_ranks(v, u, back, rows.right, rows.left)


def _scored_ranks(q: Floats, c: Floats, scorer: Scorer, query: Index, document: Index) -> Index:
    """Rank of each query's best match under ``scorer``, behind others of the same score; 0 without a match."""
    ranks = np.zeros(len(q), dtype=np.intp)
    step = max(1, _CELLS // len(c))
    for lo in range(0, len(q), step):
        scores = np.round(scorer.adjust(q[lo : lo + step] @ c.T), DECIMALS)
        here = (query >= lo) & (query < lo + step)
        matching = np.zeros(scores.shape, dtype=bool)
        matching[query[here] - lo, document[here]] = True
        best = np.where(matching, scores, -np.inf).max(axis=1, keepdims=True)
        rank = 1 + (~matching & (scores >= best)).sum(axis=1)
        ranks[lo : lo + step] = np.where(matching.any(axis=1), rank, 0)
    return ranks


def _score_mixed(u: Floats, v: Floats, mapped: Mapped, rows: PairRows) -> tuple[Floats, Floats]:
    """NDCG@10 of every row in the index of both sides, and the share of its top 10 that is of its own side."""
    pool = np.concatenate([u, v])
    n, k = len(pool), min(K, len(pool) - 1)
    nearest = _nearest(pool, k, mapped)
    of_left = np.arange(n) < len(u)
    own = (of_left[nearest] == of_left[:, None]).mean(axis=1)
    asked = np.concatenate([rows.left, rows.right + len(u)])
    answer = np.concatenate([rows.right + len(u), rows.left])
    hits = np.isin(np.arange(n)[:, None] * n + nearest, asked * n + answer)
    weights = 1 / np.log2(2.0 + np.arange(k))
    counts = np.minimum(np.bincount(asked, minlength=n), k)
    ideal = np.concatenate([[np.nan], np.cumsum(weights)])[counts]
    return np.asarray(hits @ weights / ideal), np.asarray(own, dtype=np.float64)


def _nearest(pool: Floats, k: int, mapped: Mapped) -> Index:
    """The k best of the pool for each of its rows (n, k), itself left out."""
    if mapped.scorer is None or mapped.bank is None:
        asking = pool if mapped.asking is None else np.concatenate([directions(x) for x in mapped.asking])
        return np.asarray(top_k(asking, pool, k, exclude=np.arange(len(pool))).indices)
    scorer = parse_scorer(mapped.scorer).fit(pool, np.concatenate([directions(x) for x in mapped.bank]))
    nearest = np.empty((len(pool), k), dtype=np.intp)
    step = max(1, _CELLS // len(pool))
    for lo in range(0, len(pool), step):
        scores = np.round(scorer.adjust(pool[lo : lo + step] @ pool.T), DECIMALS)
        here = np.arange(len(scores))
        scores[here, lo + here] = -np.inf
        nearest[lo : lo + step] = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return nearest
