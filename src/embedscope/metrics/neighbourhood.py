"""Hubs: rows that are neighbours of far too many others, from N_k, how often each row is among the 10 nearest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.metrics._subsampled import neighbour_metric
from embedscope.metrics.metric import UndefinedError
from embedscope.stats.neighbourhood import Neighbourhood, NeighbourRows
from embedscope.stats.row_sets import K, RowSet

IDS = ("hubness_skew", "antihub_share", "robin_hood", "hub_share")

HUBS = 5
COSINE = {"rotation", "scale", "row_scale"}


def _counts(rows: RowSet) -> Floats:
    if rows.n <= K:
        raise UndefinedError(f"undefined: {K} neighbours need at least {K + 1} non-zero rows, got {rows.n}")
    if rows.others < K:
        raise UndefinedError(f"undefined: the largest unit leaves {rows.others} of {rows.n} rows, {K} are needed")
    return rows.occurrences(K).astype(np.float64)


def _copies(s: Neighbourhood) -> str | None:
    copies = s.all.n - s.all.unequal.n
    return f"{copies} rows are duplicates of others in direction, which makes hubs of no meaning" if copies else None


def _skew(mean: float, square: float, cube: float) -> float:
    variance = square - mean**2
    if variance <= 1e-12 * square:
        raise UndefinedError("undefined: every row is a neighbour equally often, so the counts have no skewness")
    return float((cube - 3 * mean * square + 2 * mean**3) / variance**1.5)


def _skew_of_queries(ids: npt.NDArray[np.uint64], n: int) -> float:
    """Skewness of N_k over all n rows, from m queries chosen at random among them.

    The factorial moments sum N (N - 1)... of the counts over all queries are those over the sampled ones times
    (n)_r / (m)_r, without bias.
    """
    m, counts = len(ids), np.unique(ids, return_counts=True)[1].astype(np.float64)
    first = float(ids.shape[1])
    second = float((counts * (counts - 1)).sum()) / n * (n / m) * ((n - 1) / (m - 1))
    third = float((counts * (counts - 1) * (counts - 2)).sum()) / n
    third *= (n / m) * ((n - 1) / (m - 1)) * ((n - 2) / (m - 2))
    return _skew(first, second + first, third + 3 * second + first)


@neighbour_metric(
    NeighbourRows("unit"),
    rows="unit",
    invariant=COSINE,
    bounds=(None, None),
    ideal=0.0,
    units="skewness",
    cite="radovanovic2010",
    fixed_rows=True,
    warning=_copies,
    indexed=True,
    across_units=True,
    of_queries=_skew_of_queries,
)
def hubness_skew(rows: RowSet) -> float:
    """Skewness of N_10, the number of rows that have a row among their 10 nearest by cosine.

    mean((N - 10)^3) / std(N)^3 over rows (n, d), ddof 0, itself left out, ties to the row of lower hash. Zero rows are
    left out, and so are neighbours in the row's own unit of evidence, declared or found in the order of the file, here
    and in the other shares of occurrences. Source: radovanovic2010.

    Raises
    ------
    UndefinedError
        with fewer than 11 non-zero rows, or where all rows occur equally often.
    """
    counts = _counts(rows)
    return _skew(float(counts.mean()), float((counts**2).mean()), float((counts**3).mean()))


@neighbour_metric(
    NeighbourRows("unit"),
    rows="unit",
    invariant=COSINE,
    bounds=(0.0, 1.0),
    ideal=math.exp(-K),
    units="share of rows",
    cite="radovanovic2010",
    fixed_rows=True,
    warning=_copies,
    indexed=True,
    across_units=True,
    share=True,
)
def antihub_share(rows: RowSet) -> float:
    """Share of rows that are among the 10 nearest of no other row, by cosine.

    Without structure N_10 would be Poisson and the share e^-10. Source: radovanovic2010.

    Raises
    ------
    UndefinedError
        with fewer than 11 non-zero rows.
    """
    return float((_counts(rows) == 0).mean())


@neighbour_metric(
    NeighbourRows("unit"),
    rows="unit",
    invariant=COSINE,
    bounds=(0.0, 1.0),
    ideal=0.0,
    units="share of neighbours",
    cite="feldbauer2018",
    fixed_rows=True,
    warning=_copies,
    indexed=True,
    across_units=True,
)
def robin_hood(rows: RowSet) -> float:
    """Share of all neighbour places that would have to be handed on for every row to occur equally often.

    sum |N - 10| / (2 n 10), N the N_10 of rows (n, d). Between 0 and 1. Source: feldbauer2018.

    Raises
    ------
    UndefinedError
        with fewer than 11 non-zero rows.
    """
    return float(np.abs(_counts(rows) - K).sum() / (2 * K * rows.n))


def _share_of_queries(ids: npt.NDArray[np.uint64], n: int) -> float:
    """Share of the places in the lists of all n rows that hubs take, from m sampled queries, half of them at a time.

    The HUBS rows that are most frequent in one half of the lists are counted in the other, both ways: rows that were
    chosen and counted by the same lists would seem more frequent than they are.
    """
    return float(np.mean([_frequencies(ids[a::2], ids[1 - a :: 2]).sum() / K for a in (0, 1)]))


def _frequencies(choosing: npt.NDArray[np.uint64], counting: npt.NDArray[np.uint64]) -> Floats:
    """Shares of the lists ``counting`` that hold each of the HUBS most frequent identities of ``choosing``."""
    names, counts = np.unique(choosing, return_counts=True)
    hubs = names[np.argsort(-counts, kind="stable")[:HUBS]]
    return np.array([(counting == hub).any(axis=1).mean() for hub in hubs])


def _share_interval(ids: npt.NDArray[np.uint64], n: int) -> tuple[float, float]:
    """An interval that holds the hub share of all n rows with at least 95 %, whatever they are.

    The queries are a simple random sample of the rows, so a row is in the lists of X ~ hypergeometric of them, and its
    share of all lists has exact bounds (clopper1934, by the binomial, which is wider). The lower end adds those of
    the rows that the other half of the lists chose; the upper end those of the most frequent rows, at a level divided
    by n, so that they hold for all rows at once.
    """
    low = max(
        sum(
            _exact_low(share, len(ids[1 - a :: 2]), _TAIL / 2 / HUBS)
            for share in _frequencies(ids[a::2], ids[1 - a :: 2])
        )
        for a in (0, 1)
    )
    counts = np.sort(np.unique(ids, return_counts=True)[1])[::-1][:HUBS]
    counts = np.pad(counts, (0, HUBS - len(counts)))
    high = sum(_exact_high(int(count), len(ids), _TAIL / n) for count in counts)
    return low / K, min(high / K, 1.0)


_TAIL = 0.025


def _exact_low(share: float, m: int, level: float) -> float:
    from scipy.special import betaincinv

    count = round(share * m)
    return float(betaincinv(count, m - count + 1, level)) if count else 0.0


def _exact_high(count: int, m: int, level: float) -> float:
    from scipy.special import betainccinv

    return float(betainccinv(count + 1, m - count, level)) if count < m else 1.0


def top_share_of(counts: npt.NDArray[Any], places: int) -> float:
    """Share of ``places`` that the HUBS largest ``counts`` take.

    >>> top_share_of(np.array([4, 1, 1, 1, 1, 1, 1]), 10)
    0.8
    """
    return float(np.sort(counts)[-HUBS:].sum() / places)


@neighbour_metric(
    NeighbourRows("unit"),
    rows="unit",
    invariant=COSINE,
    bounds=(0.0, 1.0),
    ideal=None,
    units="share of neighbour places",
    cite="radovanovic2010",
    fixed_rows=True,
    warning=_copies,
    indexed=True,
    across_units=True,
    of_queries=_share_of_queries,
    certify=_share_interval,
)
def hub_share(rows: RowSet) -> float:
    """Share of all neighbour places that the 5 most frequent neighbours take, by cosine.

    Sum of the 5 largest N_10 over 10 n, rows (n, d). At least 5 / n, where all rows occur equally often. Of more than
    50,000 rows it comes from 4,096 sampled queries against all rows: hubs that one half of the lists chooses are
    counted in the other, and the interval holds the share of all rows with 95 %, by exact bounds. Source:
    radovanovic2010.

    Raises
    ------
    UndefinedError
        with fewer than 11 non-zero rows.
    """
    counts = _counts(rows)
    return top_share_of(counts, K * len(counts))


ENTRIES = {
    "hubness_skew": hubness_skew,
    "antihub_share": antihub_share,
    "robin_hood": robin_hood,
    "hub_share": hub_share,
}
