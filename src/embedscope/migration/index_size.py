"""What is kept in an index larger than the rows that were searched.

Overlap: ten among N rows lie as close as the 10 m / N nearest of the m that were searched, so that many are compared.
So few are a little harder than ten at the same distance. How much is measured in the other direction, ten among all
that were searched against 10 m / N among parts of them. Half of that is added: on captions and STS sentences by four
models, at twice and four times the rows, none of it came out .010 and .024 too low on average, all of it .006 and .009
too high, half of it within .008 but for three of ten (.013, .016 and .017 too low). That is about a fifth of what is
carried on, whose square is added to the variance: on 16 maps between spaces of captions of Flickr the differences from
the truth were 1.24 times what the intervals said without it (24 draws of class names: 0.99 times).

nDCG: relevant rows stay the same, and more others come in front of them. With a smaller index that can be computed
without drawing: where c others are in front, each stays with the probability p, so their number is binomial.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index, Score
from embedscope.migration.overlap import in_common
from embedscope.stats.neighbours import top_k

K = 10
_PARTITIONS = 4
HARDER = 0.5
"""How much of what fewer neighbours are harder is added."""

UNSURE = 0.2
"""Standard error of what is carried on to the size of the index, as a share of it."""

_CELLS = 1 << 23


def overlap_between(near: Index, truth: Index, k: float) -> Floats:
    """Share (m,) of the ``k`` nearest in common, between two whole numbers by interpolation."""
    low, share = int(k), k - int(k)
    items = in_common(near, truth, low)
    return items if not share else np.asarray((1 - share) * items + share * in_common(near, truth, low + 1))


def extrapolate(score: Score, measured: Score) -> Score:
    """``score`` in a larger index with the error of carrying ``measured`` on to it: draws are stretched around it."""
    if score.value is None or score.draws is None or measured.value is None:
        return score
    variance = float(np.nanvar(score.draws))
    if variance == 0:
        return score
    more = (UNSURE * (score.value - measured.value)) ** 2
    return replace(score, draws=score.value + np.sqrt(1 + more / variance) * (score.draws - score.value))


def overlap_in_parts(
    truth: tuple[Floats, Floats], answer: tuple[Floats, Floats], own: Index, pool_units: Index, parts: int, seed: int
) -> Floats | None:
    """Share (m,) of the 10 / ``parts`` nearest in common among a part of the rows, the mean over four partitions.

    Parameters
    ----------
    truth, answer : queries (m, d) and rows (n, d) of the full re-embedding, and of the bridge
    own : (m,) row that a query is itself, -1 for none; a query searches the part that holds its own row
    pool_units : (n,) rows of one unit stay in one part

    Returns
    -------
    None where a part holds too few rows
    """
    k = K / parts
    wide, m = int(k) + 1, len(own)
    units, rng = int(pool_units.max()) + 1, np.random.default_rng([seed, parts])
    total = np.zeros(m)
    for _ in range(_PARTITIONS):
        part = (rng.permutation(units) % parts)[pool_units]
        asked_in = np.where(own >= 0, part[own], np.arange(m) % parts)
        for number in range(parts):
            rows, asks = np.flatnonzero(part == number), np.flatnonzero(asked_in == number)
            if len(rows) <= wide + 1:
                return None
            if not len(asks):
                continue
            mine = np.where(own[asks] >= 0, np.searchsorted(rows, own[asks]), -1)
            lists = [top_k(q[asks], x[rows], wide, exclude=mine).indices for q, x in (answer, truth)]
            total[asks] += overlap_between(lists[0], lists[1], k)
    return total / _PARTITIONS


def thinned_ndcg(
    queries: Floats, rows: Floats, judged: tuple[Index, Index, Floats], own: Index, shares: tuple[float, ...]
) -> list[Floats]:
    """Expected nDCG@10 (m,) of each query where every row that is not relevant stays with the probability ``share``.

    Others of the same score come first. Nan where a query has no relevant row.

    >>> x = np.eye(3)
    >>> whole, half = thinned_ndcg(x[:1], x, (np.array([0]), np.array([1]), np.ones(1)), np.array([0]), (1.0, 0.5))
    >>> round(float(whole[0]), 3), round(float(half[0]), 3)  # one other in front: 1 / log2(3), or 1 where it is gone
    (0.631, 0.815)
    """
    from scipy.stats import binom

    positive = np.flatnonzero(judged[2] > 0)
    positive = positive[np.argsort(judged[0][positive], kind="stable")]
    query, row, grade = judged[0][positive], judged[1][positive], judged[2][positive]
    m = len(queries)
    before, others = np.zeros(len(query), dtype=np.intp), np.zeros(len(query), dtype=np.intp)
    step = max(1, _CELLS // len(rows))
    starts = np.searchsorted(query, np.arange(m + 1))
    for lo in range(0, m, step):
        scores = queries[lo : lo + step] @ rows.T
        for i in range(lo, min(lo + step, m)):
            mine = slice(starts[i], starts[i + 1])
            if starts[i] == starts[i + 1]:
                continue
            own_scores = scores[i - lo]
            if own[i] >= 0:
                own_scores[own[i]] = -np.inf
            relevant = own_scores[row[mine]]
            rest = np.sort(np.delete(own_scores, row[mine]))
            others[mine] = len(rest) - np.searchsorted(rest, relevant, side="left")
            before[mine] = (relevant[None, :] > relevant[:, None]).sum(axis=1)
    weights = 1 / np.log2(2.0 + np.arange(K))
    place = np.concatenate([np.arange(n) for n in np.diff(starts)]) if len(query) else before
    best = np.lexsort((-grade, query))
    ideal = np.bincount(query[best], grade[best] * np.where(place < K, weights[np.minimum(place, K - 1)], 0.0), m)
    values = []
    for share in shares:
        at = before[:, None] + np.arange(K)
        chance = binom.pmf(np.arange(K), others[:, None], share)
        gains = (chance * np.where(at < K, weights[np.minimum(at, K - 1)], 0.0)).sum(axis=1) * grade
        total = np.bincount(query, gains, m)
        values.append(np.divide(total, ideal, out=np.full(m, np.nan), where=ideal > 0))
    return values
