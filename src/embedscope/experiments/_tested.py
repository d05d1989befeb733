"""Sentences that follow from tested comparisons: each has three outcomes and its interval.

A statement is *supported* (status ``agrees``) where the whole 95 % interval of the number it rests on lies beyond a
bound, *contradicted* (``deviates``) where the whole interval lies on the other side, and *undecided* otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Status
from embedscope.core.records import Record
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import paired_difference, units_of_score
from embedscope.stats.score_records import score_bars

GROUPS_LEFT = 15
"""Degrees of freedom of the errors of records, jackknives over 16 groups."""

NO_ERROR = 1e-9
"""Standard error below which a number has no variation but rounding."""


@dataclass(frozen=True)
class Estimate:
    """A number with the two ends of its 95 % interval; all None where it is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def above(self, bound: float = 0.0) -> Status:
        """Outcome of the statement that the number is above ``bound``.

        >>> Estimate(0.3, 0.1, 0.5).above(), Estimate(0.3, -0.1, 0.7).above(), Estimate(-0.3, -0.5, -0.1).above()
        ('agrees', 'undecided', 'deviates')
        """
        if self.value is None or self.low is None or self.high is None:
            return "undecided"
        return "agrees" if self.low > bound else "deviates" if self.high < bound else "undecided"

    def below(self, bound: float = 0.0) -> Status:
        """Outcome of the statement that the number is below ``bound``."""
        return opposite(self.above(bound))

    def text(self, digits: int = 3, *, signed: bool = False) -> str:
        """``0.300 (0.100 to 0.500)``; with more digits where an end would round to 0."""
        if self.value is None:
            return "undefined"
        if self.low is None or self.high is None:
            return f"{self.value:{'+' if signed else ''}.{digits}f} (no interval)"
        while digits < 6 and any(0 < abs(v) < 0.5 * 10**-digits for v in (self.low, self.high)):
            digits += 1
        sign = "+" if signed else ""
        return f"{self.value:{sign}.{digits}f} ({self.low:{sign}.{digits}f} to {self.high:{sign}.{digits}f})"


def opposite(status: Status) -> Status:
    """The outcome of the opposite statement."""
    swapped: dict[Status, Status] = {"agrees": "deviates", "deviates": "agrees"}
    return swapped.get(status, status)


def sentence(status: Status, supported: str, contradicted: str, undecided: str) -> str:
    """The sentence that goes with an outcome."""
    return {"agrees": supported, "deviates": contradicted}.get(status, undecided)


def together(statuses: Sequence[Status]) -> Status:
    """Outcome of several statements that are to hold together: one that is contradicted contradicts them all.

    >>> together(["agrees", "agrees"]), together(["agrees", "undecided"]), together(["agrees", "deviates"])
    ('agrees', 'undecided', 'deviates')
    """
    if "deviates" in statuses:
        return "deviates"
    return "agrees" if statuses and all(s == "agrees" for s in statuses) else "undecided"


def of_record(record: Record | None) -> Estimate:
    """The number of a record with its interval."""
    return Estimate() if record is None else Estimate(record.value, record.ci_low, record.ci_high)


def of_score(score: Score) -> Estimate:
    """The number of a score with its bootstrap interval."""
    _, low, high = score_bars(score)
    return Estimate(score.value, low, high)


def difference(a: Score, b: Score) -> Estimate:
    """``a - b`` of two scores of the same items, with the paired bootstrap interval, expanded for few units."""
    if a.value is None or b.value is None or a.draws is None or b.draws is None:
        return Estimate()
    delta = paired_difference(a, b, min(units_of_score(a), units_of_score(b)))
    return Estimate(delta.value, delta.low, delta.high)


def independent_difference(a: Record | None, b: Record | None) -> Estimate:
    """``a - b`` of two records whose errors are taken as independent, which is wide where they share their rows."""
    if a is None or b is None or a.value is None or b.value is None:
        return Estimate()
    return normal_difference((a.value, a.stderr), (b.value, b.stderr))


def normal_difference(a: tuple[float, float | None], b: tuple[float, float | None]) -> Estimate:
    """``a - b`` of two numbers given as (value, standard error) with independent errors, of 15 degrees of freedom each.

    Welch's t, since errors are those of jackknives over 16 groups. There is no interval where an error is missing, or
    where both are 0: rows that do not vary say nothing of others.

    >>> normal_difference((0.5, 0.0), (0.1, 0.0)).above(), normal_difference((0.5, 0.1), (0.1, 0.0)).above()
    ('undecided', 'agrees')
    """
    if a[1] is None or b[1] is None or max(a[1], b[1]) < NO_ERROR:
        return Estimate(a[0] - b[0])
    spread = float(np.hypot(a[1], b[1]))
    reach = _t(0.975, GROUPS_LEFT * spread**4 / (a[1] ** 4 + b[1] ** 4)) * spread
    return Estimate(a[0] - b[0], a[0] - b[0] - reach, a[0] - b[0] + reach)


def largest(estimates: Sequence[tuple[float, float | None]]) -> Estimate:
    """The largest of several numbers, given as (value, standard error), with an interval valid for that maximum.

    All true values lie in value -+ t stderr together, where t, of 15 degrees of freedom, is that of 95 % divided among
    them (Bonferroni), so the largest one lies between the largest lower and the largest upper end. No interval where an
    error is missing.

    >>> largest([(0.1, 0.01), (0.3, 0.01)]).text(3)
    '0.300 (0.275 to 0.325)'
    """
    if not estimates:
        return Estimate()
    value = max(v for v, _ in estimates)
    if any(error is None for _, error in estimates):
        return Estimate(value)
    t = _t(1 - 0.025 / len(estimates), GROUPS_LEFT)
    ends = [(v - t * (error or 0.0), v + t * (error or 0.0)) for v, error in estimates]
    return Estimate(value, max(low for low, _ in ends), max(high for _, high in ends))


def _t(share: float, degrees: float) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, share))


def majority(won: int, lost: int) -> Status:
    """Outcome of "ahead" where ``won`` of several corrected tests are significantly ahead and ``lost`` behind.

    >>> majority(2, 0), majority(0, 1), majority(1, 1), majority(0, 0)
    ('agrees', 'deviates', 'undecided', 'undecided')
    """
    return "agrees" if won and not lost else "deviates" if lost and not won else "undecided"


@dataclass(frozen=True)
class Selected:
    """The best of several scores, chosen on one half of the units and tested on the other.

    Attributes
    ----------
    name : of the one chosen, None where the reference was best on the choosing half
    value, reference : means on the testing half, of the one chosen and of the reference
    gain : their paired difference on the testing half
    n : items of the testing half
    """

    name: str | None
    value: float
    reference: float
    gain: Estimate
    n: int


def select_on_half(scores: Mapping[str | None, Score], units: Index, seed: int) -> Selected | None:
    """Choose the best of ``scores`` on half of the ``units`` (n,) and test it against the score named None on the rest.

    Choosing and testing on the same items would favour whatever was lucky on them. Items (n,) of all scores are
    aligned; all items of one unit stay on one side. None where there are fewer than 8 units on either side.
    """
    from embedscope.tasks.means import mean_score

    items = {name: s.items for name, s in scores.items() if s.items is not None and s.value is not None}
    reference = items.get(None)
    if reference is None or len(items) < 2:
        return None
    names, place = np.unique(units, return_inverse=True)
    chooses = (np.random.default_rng([seed, len(names)]).permutation(len(names)) % 2 == 0)[place]
    if min(len(np.unique(units[chooses])), len(np.unique(units[~chooses]))) < 8:
        return None

    def mean(values: Floats, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
        kept = values[rows]
        return float(kept[np.isfinite(kept)].mean()) if np.isfinite(kept).any() else -np.inf

    best = max(items, key=lambda name: (mean(items[name], chooses), name is None))
    tests = ~chooses
    gains = mean_score(items[best][tests] - reference[tests], seed, (), np.unique(place[tests], return_inverse=True)[1])
    value, before = mean(items[best], tests), mean(reference, tests)
    return Selected(best, value, before, of_score(gains), int(tests.sum()))
