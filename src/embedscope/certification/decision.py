"""The decision: the best candidate on one part, one paired test against the original on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from embedscope.certification.candidates import NONE, parse_candidate
from embedscope.certification.judges.base import NOTHING, Candidate, Judge, Objective, Outcome
from embedscope.core.errors import EmbedscopeError
from embedscope.core.progress import Progress
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import Difference, paired_difference, units_of_score

LEAST_CHANGED = 6
"""Items that must change: with 5 gains and no loss the two-sided sign test has p = .06, with 6 it has .03."""


@dataclass(frozen=True, eq=False)
class Tried:
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
class Certified:
    """The one test: scores of the original and of the chosen candidate on the part that certifies."""

    before: Outcome
    after: Outcome
    gains: Mapping[str, Difference]


@dataclass(frozen=True, eq=False)
class Decision:
    """What was tried, what was chosen, and whether it holds.

    Attributes
    ----------
    original : the vectors as they are, on the part that selects
    tried : all candidates, in their order
    chosen : the best, None where the original is
    certified : None where nothing was chosen
    repaired : whether the repair is to be used
    reason : one sentence
    """

    original: Outcome
    tried: tuple[Tried, ...]
    chosen: Candidate | None
    certified: Certified | None
    repaired: bool
    reason: str


def decide(judge: Judge, texts: Iterable[str], progress: Progress) -> Decision:
    """Fit and score every candidate, choose one on the selecting part, test it on the certifying part.

    Rules: the highest main score is chosen, ties go to the earlier (simpler) candidate and first to the original; a
    candidate that makes a guard significantly worse is not chosen. It is used if the certified gain's interval lies
    above zero and no guard's interval lies below zero.
    """
    named = list(texts)
    progress.start("candidates", len(named) + 1, "candidates")
    original = judge.outcome(NOTHING, "select")
    progress.advance(1)
    tried = []
    for text in named:
        tried.append(_tried(judge, text, original))
        progress.advance(1)
    progress.close()
    if judge.undecidable is not None:
        return Decision(original, tuple(tried), None, None, False, judge.undecidable)
    chosen = _best(judge.aim.main, original, tried)
    if chosen is None:
        return Decision(original, tuple(tried), None, None, False, _nothing(judge, original, tried))
    certified = _certified(judge, chosen)
    repaired, reason = _verdict(judge, chosen, certified)
    return Decision(original, tuple(tried), chosen, certified, repaired, reason)


def forced(judge: Judge, decision: Decision) -> Candidate | None:
    """What to use where the user insists: what was chosen, else the best tried, the first where none can be judged."""
    usable = [t for t in decision.tried if t.outcome is not None and not t.candidate.transductive]
    if decision.chosen is not None or not usable:
        return decision.chosen
    if judge.undecidable is not None:
        return usable[0].candidate
    return max(usable, key=lambda t: -1.0 if t.outcome is None else _value(t.outcome, judge.aim.main)).candidate


def _tried(judge: Judge, text: str, original: Outcome) -> Tried:
    chain, scorer, transductive = parse_candidate(text)
    try:
        repair = None if chain == NONE else judge.fit(chain)
        candidate = Candidate(text, repair, scorer, transductive)
        outcome = judge.outcome(candidate, "select")
    except EmbedscopeError as error:
        return Tried(Candidate(text, None, scorer, transductive), None, {}, str(error))
    gains = gains_of(outcome.scores, original.scores)
    return Tried(candidate, outcome, gains, _barred(judge.aim, candidate, gains))


def gains_of(after: Mapping[str, Score], before: Mapping[str, Score]) -> dict[str, Difference]:
    """Paired differences of all scores that both have."""
    both = [name for name in after if name in before]
    known = [name for name in both if after[name].draws is not None and before[name].draws is not None]
    return {name: paired_difference(after[name], before[name]) for name in known}


def _barred(aim: Objective, candidate: Candidate, gains: Mapping[str, Difference]) -> str | None:
    if candidate.transductive:
        return "transductive: an answer would depend on the other queries"
    worse = worse_guards(aim, gains)
    return f"makes {worse[0]} significantly worse" if worse else None


def worse_guards(aim: Objective, gains: Mapping[str, Difference]) -> list[str]:
    """Guards whose difference has its whole interval below zero."""
    return [g for g in aim.guards if g in gains and (high := gains[g].high) is not None and high < 0]


def _best(main: str, original: Outcome, tried: list[Tried]) -> Candidate | None:
    best, value = None, _value(original, main)
    for one in tried:
        if one.why_not is None and one.outcome is not None and (mine := _value(one.outcome, main)) > value:
            best, value = one.candidate, mine
    return best


def _value(outcome: Outcome, main: str) -> float:
    found = outcome.scores[main].value
    return -1.0 if found is None else found


def _certified(judge: Judge, chosen: Candidate) -> Certified:
    before, after = judge.outcome(NOTHING, "certify"), judge.outcome(chosen, "certify")
    gains, main = gains_of(after.scores, before.scores), judge.aim.main
    if main in gains:  # the one test, whose interval is expanded for few units so that it errs in 2.5 % at most
        a, b = after.scores[main], before.scores[main]
        gains[main] = paired_difference(a, b, units_of_score(a))
    return Certified(before, after, gains)


def _nothing(judge: Judge, original: Outcome, tried: list[Tried]) -> str:
    main = judge.aim.main
    known = [t for t in tried if t.outcome is not None]
    if not known:
        return f"Keep the original: none of {len(tried)} candidates could be fitted and scored."
    return (
        f"Keep the original: none of {len(known)} candidates that may be chosen has a higher {main} than "
        f"{_value(original, main):.3f} on the {judge.sizes['select']:,} {judge.what} that select."
    )


def _verdict(judge: Judge, chosen: Candidate, found: Certified) -> tuple[bool, str]:
    main = judge.aim.main
    gain = found.gains[main]
    n = f"{judge.sizes['certify']:,} held-out {judge.what}"
    said = f"{main} {moved(found, main)}"
    if gain.low is None or gain.value is None:
        return False, f"Keep the original: the gain of '{chosen.text}' is undefined on {n}."
    if gain.low > 0 and (changed := _changed(found, main)) < LEAST_CHANGED:
        return False, (
            f"Keep the original: '{chosen.text}' changes {changed} answers of {n}, too few to tell a gain from chance "
            f"(at least {LEAST_CHANGED})."
        )
    if gain.low <= 0:
        why = (
            "a loss beyond chance"
            if gain.value <= 0 and (gain.high or 0) < 0
            else "an interval that does not exclude zero"
        )
        return False, f"Keep the original: '{chosen.text}' was best while selecting, but on {n} {said}, {why}."
    if worse := worse_guards(judge.aim, found.gains):
        return False, (
            f"Keep the original: '{chosen.text}' raises {said}, but on the same {n} {worse[0]} "
            f"{moved(found, worse[0])}, a loss beyond chance."
        )
    new = next((g for g in judge.aim.guards if g.endswith(".new") and g in found.gains), None)
    classes = (
        ""
        if new is None
        else f" Fitted on half of the classes, on the other half {new.removesuffix('.new')} {moved(found, new)}."
    )
    return True, f"Use '{chosen.text}': on {n} {said}, an interval that excludes zero.{classes}"


def _changed(found: Certified, main: str) -> int:
    """Items whose part in the main score differs; all where that is not known."""
    before, after = found.before.scores[main].items, found.after.scores[main].items
    if before is None or after is None:
        return LEAST_CHANGED
    return int((np.isfinite(before) & np.isfinite(after) & (before != after)).sum())


def moved(found: Certified, name: str) -> str:
    """``from .500 to .600, by +.100 [+.050, +.150]`` of a score that was certified."""
    before, after, gain = found.before.scores[name].value, found.after.scores[name].value, found.gains[name]
    if before is None or after is None or gain.value is None:
        return "is undefined"
    bars = "" if gain.low is None or gain.high is None else f" [{gain.low:+.3f}, {gain.high:+.3f}]"
    return f"goes from {before:.3f} to {after:.3f}, by {gain.value:+.3f}{bars}"
