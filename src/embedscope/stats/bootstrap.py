"""Bootstrap over items: seeded draws shared by every space and model, intervals, paired differences, maxima.

A draw is a vector of counts: how often each item was drawn. Ranks within a draw follow from cumulative counts over the
order of the full sample, so nothing is sorted again. Efron & Tibshirani (1993) [efron1993].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.correlation import FLAT, tie_groups

N_DRAWS = 1000
LEVEL = 0.95
_BLOCK = 64  # rows of counts handled at once: they stay in the processor's cache
_EXACT_FLOAT32 = 2**24

Counts = npt.NDArray[np.uint16]


@lru_cache(maxsize=32)
def item_counts(n: int, seed: int, n_draws: int = N_DRAWS) -> Counts:
    """How often each of ``n`` items occurs in each draw: (n, n_draws), columns sum to n.

    The draws depend on ``n``, ``seed`` and ``n_draws`` alone.

    >>> item_counts(5, seed=0).sum(axis=0).tolist() == [5] * 1000
    True
    """
    rng = np.random.default_rng([seed, n])
    counts = np.zeros((n, n_draws), dtype=np.uint16)
    for draw in range(n_draws):
        counts[:, draw] = np.bincount(rng.integers(0, n, size=n), minlength=n)
    counts.flags.writeable = False
    return counts


def pair_counts(left: Index, right: Index, seed: int, n_draws: int = N_DRAWS) -> Counts:
    """Counts (n, n_draws) of pairs when the things paired are drawn: c_left c_right for each pair, c inside one thing.

    ``left`` and ``right`` (n,) number the things (documents) from 0; pairs that share one are not independent, so the
    things are drawn, not the pairs.
    """
    counts = item_counts(int(max(left.max(), right.max())) + 1, seed, n_draws)
    inside = (left == right)[:, None]
    return np.asarray(np.where(inside, counts[left], counts[left] * counts[right]), dtype=np.uint16)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What every score against one gold standard shares."""

    counts: Counts  # (m, b) of the items that are scored
    total: Floats  # (b,) sum of the counts
    centred: npt.NDArray[Any]  # (m, b) count * (2 rank - total - 1) of the gold standard, integers
    spread: Floats  # (b,) sum of count * (2 rank - total - 1)^2


def _spread(group_counts: npt.NDArray[Any], total: Floats) -> Floats:
    """Sum of squared doubled centred mid-ranks in each draw: (N^3 - sum of cubes of tie groups) / 3."""
    cubes = np.zeros(len(total))
    for lo in range(0, len(group_counts), _BLOCK):
        cubes += (group_counts[lo : lo + _BLOCK].astype(np.float64) ** 3).sum(axis=0)
    return np.asarray((total**3 - cubes) / 3)


def _centred_ranks(gold: Floats, counts: Counts, total: Floats) -> npt.NDArray[Any]:
    order, starts = tie_groups(gold)
    sizes = np.diff(np.append(starts, len(gold)))
    small = 2.0 * float(counts.max(initial=0)) * float(total.max(initial=0)) < _EXACT_FLOAT32
    centred = np.empty(counts.shape, dtype=np.float32 if small else np.float64)
    before = np.zeros(counts.shape[1])
    for start, size in zip(starts, sizes, strict=True):
        rows = order[start : start + size]
        weights = counts[rows].astype(np.float64)
        group = weights.sum(axis=0)
        centred[rows] = weights * (2 * before + group - total)
        before += group
    return centred


@lru_cache(maxsize=24)
def _plan(gold: bytes, kept: bytes, ends: bytes, seed: int, n_draws: int) -> _Plan:
    keep = np.frombuffer(kept, dtype=bool)
    if ends:
        left, right = np.frombuffer(ends, dtype=np.intp).reshape(2, -1)
        counts = pair_counts(left, right, seed, n_draws)
    else:
        counts = item_counts(len(keep), seed, n_draws)
    counts = counts if keep.all() else np.ascontiguousarray(counts[keep])
    total = counts.sum(axis=0, dtype=np.float64)
    values = np.frombuffer(gold, dtype=np.float64)[keep]
    order, starts = tie_groups(values)
    groups = np.add.reduceat(counts[order], starts, axis=0, dtype=np.uint32)
    return _Plan(counts, total, _centred_ranks(values, counts, total), _spread(groups, total))


def _planned(x: Floats, gold: Floats, ends: tuple[Index, Index] | None, seed: int, n_draws: int) -> _Plan | None:
    if x.shape != gold.shape or x.ndim != 1:
        raise InputError(f"x and gold must have the same shape (n,), got {x.shape} and {gold.shape}")
    keep = np.isfinite(x)
    if not keep.any():
        return None
    joined = np.concatenate(ends).astype(np.intp).tobytes() if ends else b""
    return _plan(np.asarray(gold, dtype=np.float64).tobytes(), keep.tobytes(), joined, seed, n_draws)


def spearman_draws(
    x: Floats, gold: Floats, seed: int, ends: tuple[Index, Index] | None = None, n_draws: int = N_DRAWS
) -> Floats:
    """Rank correlation of ``x`` and ``gold`` (n,) in each draw of items, average ranks; nan where it is undefined.

    Parameters
    ----------
    x : (n,) with nan for items left out; draws are over all n items, so scores with different gaps stay paired
    ends : (left, right) of pairs whose ends are drawn instead of the pairs themselves

    Returns
    -------
    (n_draws,)
    """
    plan = _planned(x, gold, ends, seed, n_draws)
    if plan is None:
        return np.full(n_draws, np.nan)
    order, starts = tie_groups(x[np.isfinite(x)])
    stops = np.append(starts, len(order))
    before = np.zeros(n_draws, dtype=np.float32 if plan.centred.dtype == np.float32 else np.float64)
    product, cubes = np.zeros(n_draws), np.zeros(n_draws)
    for lo in range(0, len(starts), _BLOCK):
        first = starts[lo : lo + _BLOCK]
        rows = order[first[0] : stops[lo + len(first)]]
        counts, centred = plan.counts[rows].astype(before.dtype), plan.centred[rows].astype(np.float64)
        if len(rows) > len(first):
            counts = np.add.reduceat(counts, first - first[0], axis=0)
            centred = np.add.reduceat(centred, first - first[0], axis=0)
        doubled = np.cumsum(counts, axis=0) + before
        before = doubled[-1].copy()
        doubled = 2 * doubled - counts  # 2 rank - 1
        product += np.einsum("ij,ij->j", centred, doubled.astype(np.float64))
        cubes += np.einsum("ij,ij,ij->j", counts, counts, counts, dtype=np.float64)
    return _ratio(product, (plan.total**3 - cubes) / 3, plan.spread)


def pearson_draws(
    x: Floats, gold: Floats, seed: int, ends: tuple[Index, Index] | None = None, n_draws: int = N_DRAWS
) -> Floats:
    """Product-moment correlation of ``x`` and ``gold`` (n,) in each draw; arguments as of ``spearman_draws``."""
    plan = _planned(x, gold, ends, seed, n_draws)
    keep = np.isfinite(x)
    if plan is None or np.ptp(x[keep]) < FLAT or np.ptp(gold[keep]) < FLAT:
        return np.full(n_draws, np.nan)
    a, b = x[keep] - x[keep].mean(), gold[keep] - gold[keep].mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    sums = np.zeros((5, n_draws))
    columns = np.stack([a, b, a * b, a * a, b * b])
    for lo in range(0, len(a), _BLOCK):  # blocks this small stay on one BLAS thread, which is faster here
        sums += columns[:, lo : lo + _BLOCK] @ plan.counts[lo : lo + _BLOCK].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ma, mb, mab, maa, mbb = sums / plan.total
    va, vb = maa - ma**2, mbb - mb**2  # below FLAT of the mean square they are rounding errors
    return _ratio(mab - ma * mb, np.where(va > FLAT * maa, va, 0.0), np.where(vb > FLAT * mbb, vb, 0.0))


def _ratio(product: Floats, spread_x: Floats, spread_y: Floats) -> Floats:
    out = np.full(len(product), np.nan)
    defined = (spread_x > 0) & (spread_y > 0)
    out[defined] = product[defined] / np.sqrt(spread_x[defined] * spread_y[defined])
    return np.asarray(np.clip(out, -1.0, 1.0))


def interval(value: float, draws: Floats, level: float = LEVEL) -> tuple[float | None, float | None, float | None]:
    """Standard error and percentile interval of ``value`` from its replicates.

    Returns
    -------
    (stderr, low, high), all None where fewer than half of the replicates are defined

    >>> [round(v, 3) for v in interval(50.0, np.arange(101.0))]
    [29.3, 2.5, 97.5]
    """
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(known) < max(2, len(draws) / 2):
        return None, None, None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(known.std(ddof=1)), float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """``a - b`` of two scores with its interval and the two-sided p of no difference; None where undefined."""

    value: float | None
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


def paired_difference(a: Score, b: Score) -> Difference:
    """Difference of two scores on the same items, from the same draws.

    p = 2 min(share of draws <= 0, share >= 0), each with one draw added, at most 1.

    Raises
    ------
    InputError
        if the scores do not carry equally many draws.
    """
    if a.value is None or b.value is None:
        return Difference(None)
    if a.draws is None or b.draws is None or a.draws.shape != b.draws.shape:
        raise InputError("both scores need the same number of bootstrap draws; score them with the same settings")
    value, draws = a.value - b.value, a.draws - b.draws
    known = draws[np.isfinite(draws)]
    tail = min((known <= 0).sum(), (known >= 0).sum())
    p = min(1.0, 2.0 * (int(tail) + 1) / (len(known) + 1))
    stderr, low, high = interval(value, draws)
    return Difference(value, stderr, low, high, None if stderr is None else p)


@dataclass(frozen=True)
class Best:
    """The highest of several scores; ``low``..``high`` is the interval of the maximum, not of that score alone.

    ``share`` is the share of draws in which the same one is highest: how sure the choice is. ``draws`` are the maxima.
    """

    name: str
    value: float
    stderr: float | None
    low: float | None
    high: float | None
    share: float | None
    draws: Floats | None = None


def best_of(scores: Mapping[str, Score]) -> Best | None:
    """The highest score with the bootstrap of the maximum; None where no score is defined; ties go to the first.

    Raises
    ------
    InputError
        if the scores do not carry equally many draws.
    """
    known = {k: s for k, s in scores.items() if s.value is not None}
    if not known:
        return None
    name = max(known, key=lambda k: known[k].value or 0.0)
    value = float(known[name].value or 0.0)
    if len({None if s.draws is None else s.draws.shape for s in known.values()}) != 1:
        raise InputError("all scores need the same number of bootstrap draws; score them with the same settings")
    if known[name].draws is None:
        return Best(name, value, None, None, None, None)
    draws = np.stack([np.where(np.isfinite(s.draws), s.draws, -np.inf) for s in known.values() if s.draws is not None])
    top = draws.max(axis=0)
    share = float((draws.argmax(axis=0) == list(known).index(name)).mean())
    maxima = np.where(np.isfinite(top), top, np.nan)
    return Best(name, value, *interval(value, maxima), share, maxima)


def holm(pvalues: Sequence[float]) -> list[float]:
    """p values adjusted for their number by Holm's step-down rule (Holm 1979) [holm1979], in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(v) for v in adjusted]
