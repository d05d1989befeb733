"""Thresholds with a finite-sample guarantee: exact tests of a rate, walked through in a fixed order.

A promise is a rate of loss that must not exceed ``alpha``: false ones among the pairs above a threshold (precision,
false merges), or matches below it (recall). Each threshold is tested by itself; fixed-sequence testing walks from the
threshold that looks safest to riskier ones and stops at the first that is not certified, so that the whole walk errs
with probability at most 1 - confidence [angelopoulos2025]. No assumption is made but that units are independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index
from embedscope.core.wording import count, percent
from embedscope.transforms.calibration import Threshold

ONE_OF_EACH = "exact binomial test (Clopper-Pearson) on one pair of every unit"

BETS = 6
"""Sizes of bets that are mixed, from a tenth of the largest that cannot ruin to all of it."""

STEPS = 200
"""Thresholds that are tried, at quantiles of the cosines of matches."""

COARSE = 4
"""Of these, each fourth is looked at for the start of the walk."""


def binomial_p(failures: int, n: int, alpha: float) -> float:
    """P-value of "the rate of failures is at least ``alpha``" for ``n`` independent trials (clopper1934).

    >>> round(binomial_p(0, 59, 0.05), 3)
    0.048
    """
    from scipy.special import bdtr

    return float(bdtr(failures, n, alpha)) if n else 1.0


def betting_p(losses: Floats, alpha: float) -> float:
    """P-value of "the mean of the losses is at least ``alpha``", for independent losses (n,) from 0 to 1.

    Wealth = mean over bets b of the product over losses of (1 - b (loss - alpha)): its expectation is at most 1 where
    the statement is true, so it ever exceeds 1 / p with probability at most p, however often one looks (waudby2024).
    The bets are fixed, so the order of the losses does not matter.

    >>> betting_p(np.zeros(100), 0.05) < 0.05 < betting_p(np.zeros(40), 0.05)
    True
    """
    bets = np.geomspace(0.1, 0.999, BETS) / (1 - alpha)
    log = np.log1p(bets[:, None] * (alpha - np.asarray(losses, dtype=np.float64))[None]).sum(axis=1)
    top = float(log.max())
    wealth = top + math.log(float(np.exp(log - top).mean()))
    return math.exp(-wealth) if wealth > 0 else 1.0


@dataclass(frozen=True, eq=False)
class Judged:
    """Judged pairs of a population, with the unit of evidence of each.

    Attributes
    ----------
    cosines, match : (p,), (p,) bool
    unit : (p,) numbers
    """

    cosines: Floats
    match: npt.NDArray[np.bool_]
    unit: Index

    def of(self, chosen: npt.NDArray[np.bool_]) -> Judged:
        """Those of some pairs (p,)."""
        return Judged(self.cosines[chosen], self.match[chosen], self.unit[chosen])


def one_of_each(unit: Index, seed: int) -> Index:
    """Position of one of the pairs of every unit, drawn by hash: it is false with the chance of its unit's share.

    >>> one_of_each(np.array([0, 0, 1]), 0)[-1].tolist()
    2
    """
    order = np.lexsort((combine(hash_rows(0, len(unit)), seed), unit))
    return np.sort(order[np.unique(unit[order], return_index=True)[1]])


class DrawnPairs:
    """One pair of every unit among those at or above a threshold: the first in an order by hash."""

    def __init__(self, judged: Judged, seed: int) -> None:
        order = np.lexsort((combine(hash_rows(0, len(judged.unit)), seed), judged.unit))
        self._cosines, self._match, self._unit = judged.cosines[order], judged.match[order], judged.unit[order]

    def false_units(self, threshold: float) -> tuple[int, int]:
        """Units whose drawn pair at or above ``threshold`` is false, and units that have a pair there."""
        above = np.flatnonzero(self._cosines >= threshold)
        unit = self._unit[above]
        first = above[np.concatenate([[True], unit[1:] != unit[:-1]])] if len(above) else above
        return int((~self._match[first]).sum()), len(first)


def certify_false_share(
    judged: Judged,
    fits: npt.NDArray[np.bool_],
    promise: str,
    target: float,
    *,
    confidence: float,
    seed: int = 0,
) -> Threshold:
    """The lowest threshold above which at most a share of pairs is false, by the pairs that do not fit.

    The share is the mean over units (queries) of the share of a unit's pairs. One pair of every unit is drawn, whose
    failure has just this probability, so that the exact binomial test applies to units of any size. Pairs that ``fits``
    (p,) choose where the walk starts: at the threshold that they certify best. From there it goes down while the others
    certify each step.

    Parameters
    ----------
    target : the precision, or with the promise "max_false_merge" the share that may be false
    """
    alpha = target if promise == "max_false_merge" else 1 - target
    limit = 1 - confidence
    first, rest = judged.of(fits), judged.of(~fits)
    n = len(np.unique(rest.unit))
    if not first.match.any():
        why = "no pair of the part that fits is a match; add labels"
        return Threshold(promise, target, None, confidence, None, n, ONE_OF_EACH, why)
    steps = np.unique(np.quantile(first.cosines[first.match], np.linspace(0, 1, STEPS)))
    fit, held = DrawnPairs(first, seed), DrawnPairs(rest, seed)
    looks = range(0, len(steps), COARSE)
    at = COARSE * int(np.argmin([binomial_p(*fit.false_units(float(steps[i])), alpha) for i in looks]))
    best = None
    for place in range(at, -1, -1):
        if binomial_p(*held.false_units(float(steps[place])), alpha) > limit:
            break
        best = place
    if best is None:
        why, needed = _refusal(judged, rest, float(steps[at]), promise, alpha, confidence)
        return Threshold(promise, target, None, confidence, None, n, ONE_OF_EACH, why, None, needed)
    cut = float(steps[best])
    false = false_share(rest, cut)
    observed = false if promise == "max_false_merge" else 1 - false
    matches = rest.cosines[rest.match]
    share = float((matches >= cut).mean()) if len(matches) else None
    used = held.false_units(cut)[1]
    return Threshold(promise, target, cut, confidence, observed, used, ONE_OF_EACH, None, share)


def false_share(judged: Judged, threshold: float) -> float:
    """Mean over units with a pair at or above ``threshold`` of the share of these that is false; nan without any."""
    above = judged.cosines >= threshold
    if not above.any():
        return math.nan
    kept = np.bincount(judged.unit[above])
    wrong = np.bincount(judged.unit[above & ~judged.match], minlength=len(kept))
    return float((wrong[kept > 0] / kept[kept > 0]).mean())


def needed_trials(rate: float, alpha: float, confidence: float, power: float = 0.5) -> int | None:
    """Fewest independent trials of failure ``rate`` that certify at most ``alpha`` with this ``power``; None: never.

    >>> needed_trials(0.0, 0.05, 0.95), needed_trials(0.0, 0.001, 0.95)
    (59, 2995)
    """
    from scipy.special import bdtr
    from scipy.stats import binom

    if rate >= alpha:
        return None

    def passes(n: int) -> bool:
        return bool(bdtr(int(binom.ppf(power, n, rate)), n, alpha) <= 1 - confidence)

    n = math.ceil(math.log(1 - confidence) / math.log1p(-alpha))
    high = n
    while not passes(high):
        high *= 2
        if high > 10**9:
            return None
    low = max(n, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle + 1, high)
    return high


def _refusal(
    judged: Judged, rest: Judged, start: float, promise: str, alpha: float, confidence: float
) -> tuple[str, int | None]:
    """Why nothing is certified, and how many units it would take."""
    rate = false_share(judged, start)
    units = len(np.unique(judged.unit))
    kept = len(np.unique(judged.unit[judged.cosines >= start]))
    trials = needed_trials(rate, alpha, confidence)
    what = "false merges" if promise == "max_false_merge" else "false pairs"
    said = f"at cosine {start:.4f}, where it looks best, the share of {what} is {rate:.4f} in {count(kept, 'unit')}"
    if trials is None:
        return f"{said}, not below the {alpha:g} that is allowed: more labels would not help, other vectors might", None
    tested = len(np.unique(rest.unit[rest.cosines >= start]))
    if trials <= tested:
        return (
            f"{said}; the half that certifies does not bear out {alpha:g} there: {false_share(rest, start):.4f} in "
            f"{count(tested, 'unit')}",
            None,
        )
    needed = math.ceil(trials * units / max(tested, 1))
    return (
        f"{said}; to certify at most {alpha:g} with {percent(confidence, 0)} confidence takes about {trials:,} units "
        f"with a pair "
        f"above it in the half that certifies (there are {tested:,}), about {needed:,} labelled units in all "
        f"(there are "
        f"{units:,})",
        needed,
    )


def certify_recall(
    cosines: Floats, unit: Index, target: float, *, confidence: float, grid: Floats, seed: int = 0
) -> tuple[Threshold, float | None]:
    """The highest threshold that keeps a share ``target`` of the matches, and that of conformal risk control.

    The loss of a unit is the share of its matches below the threshold; one match of every unit is drawn, whose loss has
    just this probability, and the exact binomial test walks up ``grid`` until it no longer certifies. Conformal risk
    control promises the mean over repetitions instead, with all matches: the largest t with (sum of losses + 1) /
    (n + 1) <= 1 - target (angelopoulos2024).

    Parameters
    ----------
    cosines, unit : (p,) of the pairs that match
    grid : (k,) thresholds, rising, that do not depend on the labels
    """
    from scipy.special import bdtr

    alpha, limit = 1 - target, 1 - confidence
    number = np.unique(unit, return_inverse=True)[1]
    sizes = np.bincount(number)
    n = len(sizes)
    drawn = np.sort(cosines[one_of_each(number, seed)])
    misses = np.searchsorted(drawn, grid, side="left")
    cut = _last_passed(grid, bdtr(misses, n, alpha) <= limit)
    order = np.argsort(cosines, kind="stable")
    losses = np.concatenate([[0.0], np.cumsum(1 / sizes[number[order]])])
    sums = losses[np.searchsorted(cosines[order], grid, side="left")]
    conformal = _last_passed(grid, (sums + 1) / (n + 1) <= alpha)
    method = "exact binomial test (Clopper-Pearson) on one match of every unit"
    if cut is None:
        needed = math.ceil(math.log(limit) / math.log1p(-alpha))
        why = (
            f"{n:,} units with a match cannot certify a recall of {target:g} with {percent(confidence, 0)} confidence "
            f"at any threshold: at least {needed:,} are needed"
        )
        return Threshold("recall", target, None, confidence, None, n, method, why, None, needed), conformal
    observed = 1 - float(sums[int(np.searchsorted(grid, cut))]) / n
    return Threshold("recall", target, cut, confidence, observed, n, method, None, observed), conformal


def _last_passed(grid: Floats, passed: npt.NDArray[np.bool_]) -> float | None:
    """The last value of ``grid`` before the first that does not pass."""
    stop = int(np.argmin(passed)) if not passed.all() else len(passed)
    return float(grid[stop - 1]) if stop else None
