"""Bootstrap over items: seeded draws shared by every space and model, intervals, paired differences.

A draw is a vector of counts: how often each item was drawn. Ranks within a draw follow from cumulative counts over the
order of the full sample, so nothing is sorted again. Efron & Tibshirani (1993) [efron1993].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.correlation import FLAT, tie_groups
from embedscope.stats.file_order import LEAST_UNITS
from embedscope.stats.uncertainty import student_interval
from embedscope.stats.units import join

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
    """Weights (n, n_draws) of pairs when the things paired are drawn: c_left + c_right, or c of a pair's one cluster.

    ``left`` and ``right`` (n,) number the things (words, documents, clusters) from 0; pairs that share one are not
    independent, so the things are drawn, not the pairs. The weight c_left + c_right has half the relative deviation of
    a drawn count, so replicates of it are stretched by two around the estimate (``spearman_draws``): a pair's own noise
    then counts twice, which is wide by at most a factor 1.41, where the product c_left c_right counts it three times.
    """
    counts = item_counts(int(max(left.max(), right.max())) + 1, seed, n_draws)
    if np.array_equal(left, right):
        return np.asarray(counts[left], dtype=np.uint16)
    return np.asarray(counts[left] + counts[right], dtype=np.uint16)


def shared_ends(left: Index, right: Index) -> tuple[Index, Index] | None:
    """What the bootstrap of pairs ``left``, ``right`` (n,) draws: None for the pairs, where no thing is in two of them.

    Where pairs fall into many small connected components (each at most a tenth of the pairs), the components are drawn;
    else the things at the two ends.

    >>> shared_ends(np.array([0, 2]), np.array([1, 3])) is None
    True
    """
    return _shared_ends(*(np.asarray(side, dtype=np.intp).tobytes() for side in (left, right)))


@lru_cache(maxsize=16)  # the same pairs are scored layer by layer
def _shared_ends(left_bytes: bytes, right_bytes: bytes) -> tuple[Index, Index] | None:
    left, right = (np.frombuffer(side, dtype=np.intp) for side in (left_bytes, right_bytes))
    ends = np.concatenate([left, right])
    if len(np.unique(ends)) == len(ends):
        return None
    names, place = np.unique(ends, return_inverse=True)
    n = len(left)
    component = join(len(names), links=[(place[:n], place[n:])])[place[:n]]
    _, number = np.unique(component, return_inverse=True)
    sizes = np.bincount(number)
    if len(sizes) >= LEAST_UNITS and _LARGEST_SHARE * sizes.max() <= n:
        return number.astype(np.intp), number.astype(np.intp)
    return np.asarray(place[:n], dtype=np.intp), np.asarray(place[n:], dtype=np.intp)


_LARGEST_SHARE = 10


@dataclass(frozen=True, eq=False)
class _Plan:
    """What every score against one gold standard shares."""

    counts: Counts  # (m, b) of the items that are scored
    total: Floats  # (b,) sum of the counts
    centred: npt.NDArray[Any]  # (m, b) count * (2 rank - total - 1) of the gold standard, integers
    spread: Floats  # (b,) sum of count * (2 rank - total - 1)^2
    doubled: bool = False  # the first column has weight 2 everywhere, the others are c_left + c_right


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
        if not np.array_equal(left, right):
            counts = np.hstack([np.full((len(counts), 1), 2, dtype=counts.dtype), counts])
    else:
        counts = item_counts(len(keep), seed, n_draws)
    counts = counts if keep.all() else np.ascontiguousarray(counts[keep])
    total = counts.sum(axis=0, dtype=np.float64)
    values = np.frombuffer(gold, dtype=np.float64)[keep]
    order, starts = tie_groups(values)
    groups = np.add.reduceat(counts[order], starts, axis=0, dtype=np.uint32)
    doubled = counts.shape[1] > n_draws
    return _Plan(counts, total, _centred_ranks(values, counts, total), _spread(groups, total), doubled)


def _plan_of(x: Floats, gold: Floats, ends: tuple[Index, Index] | None, seed: int, n_draws: int) -> _Plan | None:
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
    ends : (left, right) of pairs whose ends are drawn instead of the pairs themselves, see ``shared_ends``

    Returns
    -------
    (n_draws,)
    """
    plan = _plan_of(x, gold, ends, seed, n_draws)
    if plan is None:
        return np.full(n_draws, np.nan)
    order, starts = tie_groups(x[np.isfinite(x)])
    stops = np.append(starts, len(order))
    columns = plan.counts.shape[1]
    before = np.zeros(columns, dtype=np.float32 if plan.centred.dtype == np.float32 else np.float64)
    product, cubes = np.zeros(columns), np.zeros(columns)
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
    return _stretch(_ratio(product, (plan.total**3 - cubes) / 3, plan.spread), plan.doubled)


def pearson_draws(
    x: Floats, gold: Floats, seed: int, ends: tuple[Index, Index] | None = None, n_draws: int = N_DRAWS
) -> Floats:
    """Product-moment correlation of ``x`` and ``gold`` (n,) in each draw; arguments as of ``spearman_draws``."""
    plan = _plan_of(x, gold, ends, seed, n_draws)
    keep = np.isfinite(x)
    if plan is None or np.ptp(x[keep]) < FLAT or np.ptp(gold[keep]) < FLAT:
        return np.full(n_draws, np.nan)
    a, b = x[keep] - x[keep].mean(), gold[keep] - gold[keep].mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    sums = np.zeros((5, plan.counts.shape[1]))
    columns = np.stack([a, b, a * b, a * a, b * b])
    for lo in range(0, len(a), _BLOCK):  # blocks this small stay on one BLAS thread, which is faster here
        sums += columns[:, lo : lo + _BLOCK] @ plan.counts[lo : lo + _BLOCK].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ma, mb, mab, maa, mbb = sums / plan.total
    va, vb = maa - ma**2, mbb - mb**2  # below FLAT of the mean square they are rounding errors
    draws = _ratio(mab - ma * mb, np.where(va > FLAT * maa, va, 0.0), np.where(vb > FLAT * mbb, vb, 0.0))
    return _stretch(draws, plan.doubled)


def _stretch(draws: Floats, doubled: bool) -> Floats:
    """Replicates of weights c_left + c_right, stretched by two around the first, the estimate, on Fisher's scale."""
    if not doubled:
        return draws
    z = np.arctanh(np.clip(draws, -_NEAR_ONE, _NEAR_ONE))
    return np.asarray(np.tanh(2 * z[1:] - z[0]))


_NEAR_ONE = 1.0 - 1e-9


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


def paired_difference(a: Score, b: Score, units: int | None = None) -> Difference:
    """Difference of two scores on the same items, from the same draws.

    p = 2 min(share of draws <= 0, share >= 0), each with one draw added, at most 1. With ``units``, how many items (or
    units of them) were drawn, the percentiles are expanded for few of them: those at which a normal distribution lies
    sqrt(n / (n - 1)) t away, t the quantile of Student's t with n - 1 degrees of freedom [hesterberg2015].

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
    stderr, low, high = interval(value, draws, LEVEL if units is None else expanded_level(units))
    return Difference(value, stderr, low, high, None if stderr is None else p)


def units_of_score(score: Score) -> int:
    """How many units of one size the bootstrap of ``score`` is worth: groups of items where it says so, else items."""
    return int(score.facts.get("effective_units", score.facts.get("units", score.n)))


def effective_units(units: Index) -> int:
    """How many units of one size the ``units`` (n,) of items are worth, (sum m)^2 / sum m^2 of m items each [kish1965].

    >>> effective_units(np.array([0, 0, 1, 1, 2, 2])), effective_units(np.array([0, 0, 0, 0, 0, 1, 2]))
    (3, 2)
    """
    sizes = np.unique(units, return_counts=True)[1].astype(np.float64)
    return max(1, round(float(sizes.sum() ** 2 / (sizes**2).sum()))) if len(sizes) else 0


def unit_facts(units: Index, drawn: str = "groups of items") -> dict[str, Any]:
    """Facts of a score whose bootstrap draws ``units`` (n,) of its items: how many, and what unequal ones are worth."""
    n, worth = len(np.unique(units)), effective_units(units)
    return {"resampled": drawn, "units": n} | ({} if worth == n else {"effective_units": worth})


def expanded_level(n: int, level: float = LEVEL) -> float:
    """Level of the percentile interval of ``n`` drawn units that covers ``level`` for a mean: more where n is small.

    >>> [round(expanded_level(n), 4) for n in (8, 50, 1000)]
    [0.9885, 0.9576, 0.9504]
    """
    if n < 2:
        return 1.0
    return math.erf(expansion(n) * _NORMAL / 2**0.5)


_NORMAL = 1.959963984540054


def expansion(n: int) -> float:
    """By how much 95 % of ``n`` units reach further than a normal distribution: sqrt(n / (n - 1)) t_(n-1) / 1.96.

    >>> round(expansion(8), 3)
    1.29
    """
    return math.sqrt(n / (n - 1)) * float(student_interval(0.0, 1.0, n - 1).high or 0.0) / _NORMAL


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
