"""The decision: the best candidate on one part, one paired test against the original on another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from embedscope.certification.candidates import NONE, parse_candidate
from embedscope.certification.judges.base import NOTHING, Candidate, Judge, Objective, Outcome
from embedscope.certification.remote import remote_half
from embedscope.core.arrays import Floats
from embedscope.core.errors import EmbedscopeError
from embedscope.core.progress import Progress
from embedscope.core.tables import Index, Score
from embedscope.core.wording import count, format_signed, format_signed_interval
from embedscope.stats.bootstrap import (
    Difference,
    effective_units,
    expansion,
    interval,
    paired_difference,
    units_of_score,
)

LEAST_CHANGED = 6
"""Units that must change: with 5 gains and no loss the two-sided sign test has p = .06, with 6 it has .03."""

UNSHOWN = 4
"""Units that may lose everything while none of them is drawn: 4 in n are all missed in e^-4 = 2 % of the draws."""

REMOTE_LEVEL = 0.90
"""Two-sided level of the gain on units unlike any fitted: 5 % on the side that matters."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A candidate on the part that selects.

    Attributes
    ----------
    outcome : None where it could not be fitted or scored
    gains : difference from the original, by score
    why_not : why it cannot be chosen, None where it can
    """

    candidate: Candidate
    outcome: Outcome | None
    gains: Mapping[str, Difference]
    why_not: str | None = None


@dataclass(frozen=True, eq=False)
class RemoteGain:
    """The main score on the half of the certifying units that lie farthest from any fitted row.

    Attributes
    ----------
    n_items, n_units : items that are scored there, and their units
    gain : its difference, with a 90 % interval
    """

    before: float | None
    after: float | None
    gain: Difference
    n_items: int
    n_units: int

    @property
    def holds(self) -> bool:
        """Whether the gain is above zero there."""
        return self.gain.low is not None and self.gain.low > 0


@dataclass(frozen=True, eq=False)
class Certified:
    """The one test: scores of the original and of the chosen candidate on the part that certifies.

    Attributes
    ----------
    n_units : units of evidence of the part
    remote : the same on units unlike any fitted
    region : the same where each item is under a fit that saw nothing of its region; None where that is not asked
    """

    before: Outcome
    after: Outcome
    gains: Mapping[str, Difference]
    n_units: int
    remote: RemoteGain
    region: RemoteGain | None = None


@dataclass(frozen=True, eq=False)
class Decision:
    """Which candidates were scored, which one was chosen, and whether its gain holds.

    Attributes
    ----------
    original : the vectors as they are, on the part that selects
    trials : all candidates, in their order
    chosen : the best, None where the original is
    certified : None where nothing was chosen
    repaired : whether the repair is to be used
    reason : one sentence
    """

    original: Outcome
    trials: tuple[Trial, ...]
    chosen: Candidate | None
    certified: Certified | None
    repaired: bool
    reason: str


def decide(judge: Judge, texts: Iterable[str], progress: Progress) -> Decision:
    """Fit and score every candidate, choose one on the selecting part, test it on the certifying part.

    Rules: the highest main score is chosen, ties go to the earlier (simpler) candidate and first to the original; a
    candidate that makes a guard significantly worse is not chosen. It is used if the interval of the certified gain
    lies above zero, also on the half of the units unlike any fitted and under fits that saw nothing of the region, the
    gain is above what a loss too rare to be seen could undo (``unshown_loss``), and no guard's interval lies below
    zero.
    """
    named = list(texts)
    progress.start("candidates", len(named) + 1, "candidates")
    original = judge.outcome(NOTHING, "select")
    progress.advance(1)
    trials: list[Trial] = []
    for text in named:
        trials.append(_trial(judge, text, original))
        progress.advance(1)
    progress.close()
    if judge.undecidable is not None:
        return Decision(original, tuple(trials), None, None, False, judge.undecidable)
    chosen = _best(judge.objective.main, original, trials)
    if chosen is None:
        return Decision(original, tuple(trials), None, None, False, _nothing(judge, original, trials))
    certified = _certify(judge, chosen)
    repaired, reason = _verdict(judge, chosen, certified)
    return Decision(original, tuple(trials), chosen, certified, repaired, reason)


def force_candidate(judge: Judge, decision: Decision) -> Candidate | None:
    """What to use where the user insists: what was chosen, else the best, the first where none can be judged."""
    usable = [t for t in decision.trials if t.outcome is not None and not t.candidate.transductive]
    if decision.chosen is not None or not usable:
        return decision.chosen
    if judge.undecidable is not None:
        return usable[0].candidate
    return max(usable, key=lambda t: -1.0 if t.outcome is None else _value(t.outcome, judge.objective.main)).candidate


def _trial(judge: Judge, text: str, original: Outcome) -> Trial:
    chain, scorer, transductive = parse_candidate(text)
    try:
        repair = None if chain == NONE else judge.fit(chain)
        candidate = Candidate(text, repair, scorer, transductive)
        outcome = judge.outcome(candidate, "select")
    except EmbedscopeError as error:
        return Trial(Candidate(text, None, scorer, transductive), None, {}, str(error))
    gains = gains_of(outcome.scores, original.scores)
    return Trial(candidate, outcome, gains, _bar_reason(judge.objective, candidate, gains))


def gains_of(
    after: Mapping[str, Score], before: Mapping[str, Score], units: int | None = None
) -> dict[str, Difference]:
    """Paired differences of all scores that both have; their intervals expanded for few equal ``units`` where given."""
    both = [name for name in after if name in before]
    drawn = [name for name in both if after[name].draws is not None and before[name].draws is not None]
    gains = {name: paired_difference(after[name], before[name]) for name in drawn}
    return gains if units is None else {name: expand_interval(gain, units) for name, gain in gains.items()}


def expand_interval(gain: Difference, units: int) -> Difference:
    """``gain`` with both ends of its percentile interval as far out as few ``units`` need.

    Each end moves away from the value by sqrt(n / (n - 1)) t / 1.96 (``stats.bootstrap.expansion``): at n = 8 the
    extreme percentiles of 1,000 draws do not reach as far, and would err in 3.7 % instead of 2.5 %.

    >>> round(expand_interval(Difference(1.0, None, 0.0, 2.0), 8).low, 3)
    -0.29
    """
    if gain.value is None or gain.low is None or gain.high is None or units < 2:
        return gain
    low, high = (gain.value + expansion(units) * (end - gain.value) for end in (gain.low, gain.high))
    return replace(gain, low=low, high=high)


def _bar_reason(objective: Objective, candidate: Candidate, gains: Mapping[str, Difference]) -> str | None:
    if candidate.transductive:
        return "transductive: an answer would depend on the other queries"
    worse = worse_guards(objective, gains)
    return f"makes {worse[0]} significantly worse" if worse else None


def worse_guards(objective: Objective, gains: Mapping[str, Difference]) -> list[str]:
    """Guards whose difference has its whole interval below zero."""
    return [g for g in objective.guards if g in gains and (high := gains[g].high) is not None and high < 0]


def _best(main: str, original: Outcome, trials: list[Trial]) -> Candidate | None:
    best, value = None, _value(original, main)
    for trial in trials:
        if trial.why_not is None and trial.outcome is not None and (own := _value(trial.outcome, main)) > value:
            best, value = trial.candidate, own
    return best


def _value(outcome: Outcome, main: str) -> float:
    value = outcome.scores[main].value
    return -1.0 if value is None else value


def _certify(judge: Judge, chosen: Candidate) -> Certified:
    before, after = judge.outcome(NOTHING, "certify"), judge.outcome(chosen, "certify")
    units = judge.item_units("certify")
    n = len(np.unique(units))
    gains, main = gains_of(after.scores, before.scores, effective_units(units)), judge.objective.main
    half = remote_half(judge.closeness(), units)
    old, new = (judge.restrict(o.scores[main], half.items, "certify") for o in (before, after))
    remote = _remote(old, new, int(half.items.sum()), half.n_units, effective_units(units[half.items]))
    apart = judge.without_region(chosen, before.scores[main])
    if apart is None:
        return Certified(before, after, gains, n, remote)
    regions = units_of_score(apart[1])
    region = _remote(*apart, apart[1].n, regions, regions)
    return Certified(before, after, gains, n, remote, region)


def _remote(old: Score, new: Score, n_items: int, n_units: int, worth: int) -> RemoteGain:
    """The gain from ``old`` to ``new``, scores of the same items, at a level of 90 %, as of ``worth`` equal units."""
    if old.value is None or new.value is None or old.draws is None or new.draws is None:
        return RemoteGain(old.value, new.value, Difference(None), n_items, n_units)
    value = new.value - old.value
    gain = expand_interval(Difference(value, *interval(value, new.draws - old.draws, REMOTE_LEVEL)), worth)
    return RemoteGain(old.value, new.value, gain, n_items, n_units)


def _nothing(judge: Judge, original: Outcome, trials: list[Trial]) -> str:
    main = judge.objective.main
    scored = [t for t in trials if t.outcome is not None]
    if not scored:
        return f"Keep the original: {count(len(trials), 'candidate')} tried, and none could be fitted and scored."
    return (
        f"Keep the original: of {count(len(scored), 'candidate')}, none that may be chosen has a higher {main} than "
        f"{_value(original, main):.3f} on the {judge.sizes['select']:,} {judge.what} that select."
    )


def _verdict(judge: Judge, chosen: Candidate, test: Certified) -> tuple[bool, str]:
    main = judge.objective.main
    gain = test.gains[main]
    n = f"{judge.sizes['certify']:,} held-out {judge.what}"
    said = f"{main} {describe_change(test, main)}"
    if gain.low is None or gain.value is None:
        return False, f"Keep the original: the gain of '{chosen.text}' is undefined on {n}."
    if gain.low <= 0:
        why = "a significant loss" if gain.value <= 0 and (gain.high or 0) < 0 else "an interval that includes zero"
        return False, f"Keep the original: '{chosen.text}' was best on the part that selects, but on {n} {said}, {why}."
    if few := _too_few_units(judge, chosen, test, n):
        return False, few
    if worse := worse_guards(judge.objective, test.gains):
        return False, (
            f"Keep the original: with '{chosen.text}' {said}, but on the same {n} {worse[0]} "
            f"{describe_change(test, worse[0])}, a significant loss."
        )
    if near := _near_alone(test, main):
        return False, f"Keep the original: with '{chosen.text}' {said} on {n}, but not {near}."
    return True, f"Use '{chosen.text}': on {n} {said}, an interval that excludes zero.{_unseen(judge, test)}"


def _too_few_units(judge: Judge, chosen: Candidate, test: Certified, n: str) -> str | None:
    """Why a gain whose interval lies above zero rests on too few units; None where they are enough."""
    main = judge.objective.main
    gain, loss = test.gains[main].value or 0.0, unshown_loss(judge, test)
    if (changed := _count_changed(judge, test, main)) < LEAST_CHANGED:
        return (
            f"Keep the original: '{chosen.text}' changes the results of {count(changed, 'unit')} of evidence among "
            f"{n}, too few to tell a gain from chance (at least {LEAST_CHANGED})."
        )
    if gain > loss:
        return None
    needed = math.floor(test.n_units * loss / gain) + 1
    return (
        f"Keep the original: with '{chosen.text}' {main} {describe_change(test, main)} on {n}, but a loss too rare to "
        f"be seen among {count(test.n_units, 'unit')} of evidence could undo a gain of up to {loss:.3f}; it takes some "
        f"{needed:,} units that certify."
    )


def unshown_loss(judge: Judge, test: Certified) -> float:
    """What the main score can lose in units of which none is among the n that certify: 4 / n of the best unit's score.

    A bootstrap knows only the losses that were drawn. Of n units, those that 4 in n lose are all missed with
    probability e^-4 = .018. A unit loses at most what it scores, taken to be no more than the best certifying unit
    before or after; a smaller gain may be none. No test that is valid for every law of changes in [-1, 1] can do with
    fewer than 3.7 / gain units. 0 where the main score is no mean of items.
    """
    main, units = judge.objective.main, judge.item_units("certify")
    if not judge.objective.of_items or not len(units):
        return 0.0
    best = [1.0]
    scored = [outcome.scores[main].items for outcome in (test.before, test.after)]
    if all(items is not None for items in scored):
        best = [_best_unit(items, units) for items in scored if items is not None]
    return UNSHOWN * max(best) / test.n_units


def _best_unit(items: Floats, units: Index) -> float:
    """The largest mean of the ``items`` (n,) of a unit; nan are left out."""
    known = np.isfinite(items)
    n = np.bincount(units[known])
    sums = np.bincount(units[known], weights=items[known])
    return float((sums[n > 0] / n[n > 0]).max(initial=0.0))


def _near_alone(test: Certified, main: str) -> str | None:
    """Where the gain does not hold, though it does on the whole: away from what was fitted; None where it does."""
    if not test.remote.holds:
        return (
            f"on those unlike any fitted row: on the {count(test.remote.n_units, 'unit')} farthest from any fitted row "
            f"it {_remote_change(test.remote)}"
        )
    if test.region is None or test.region.holds:
        return None
    return (
        f"where the fit saw nothing of a row's region: fitted without it, {main} {_remote_change(test.region)}; "
        "related rows may lie in both parts, declare with --groups which belong together"
    )


def _unseen(judge: Judge, test: Certified) -> str:
    guard = next((g for g in judge.objective.guards if g.endswith(".unseen") and g in test.gains), None)
    if guard is None:
        return ""
    change = f"{guard.removesuffix('.unseen')} {describe_change(test, guard)}"
    return f" Fitted on half of the classes, on the other half {change}."


def _count_changed(judge: Judge, test: Certified, main: str) -> int:
    """Units with an item whose part in the main score differs; all where that is not known."""
    before, after = test.before.scores[main].items, test.after.scores[main].items
    if before is None or after is None:
        return LEAST_CHANGED
    differs = np.isfinite(before) & np.isfinite(after) & (before != after)
    return len(np.unique(judge.item_units("certify")[differs]))


def describe_change(test: Certified, name: str) -> str:
    """``rises from 0.500 to 0.600 (+0.100 [+0.050, +0.150])`` of a score that was certified."""
    return change(test.before.scores[name].value, test.after.scores[name].value, test.gains[name])


def change(before: float | None, after: float | None, gain: Difference) -> str:
    """How a score moves, in words.

    >>> change(0.5, 0.6, Difference(0.1, None, 0.05, 0.15))
    'rises from 0.500 to 0.600 (+0.100 [+0.050, +0.150])'
    """
    if before is None or after is None or gain.value is None:
        return "is undefined"
    if gain.value == 0:
        return f"stays at {before:.3f}"
    bars = format_signed_interval(gain.low, gain.high)
    verb = "rises" if gain.value > 0 else "falls"
    digits = 3
    while digits < 9 and f"{before:.{digits}f}" == f"{after:.{digits}f}":
        digits += 1
    ends = f"from {before:.{digits}f} to {after:.{digits}f}"
    return f"{verb} {ends} ({format_signed(gain.value)}{'' if bars is None else ' ' + bars})"


def _remote_change(remote: RemoteGain) -> str:
    return change(remote.before, remote.after, remote.gain)


def remote_sentence(test: Certified, main: str) -> str:
    """The gain on units unlike any fitted, and on regions that no fit saw."""
    units, region = count(test.remote.n_units, "unit"), test.region
    said = f"{main} {_remote_change(test.remote)} on the {units} farthest from any fitted row"
    if region is not None:
        said += f"; where each row is under a fit that saw nothing of its region, it {_remote_change(region)}"
    return f"Also on rows unlike any fitted: {said}."
