"""The verdict of a migration: stay, bridge, re-embed, or pilot more pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

from embedscope.core.wording import percent
from embedscope.migration.curve import REACH, CurvePoint, Prediction, predict
from embedscope.migration.maps import NONE, family_of
from embedscope.migration.retention import Direction, Kept
from embedscope.migration.trials import Certified, Measured, Trial
from embedscope.stats.score_records import score_bars

Verdict = Literal["stay", "bridge", "re-embed", "pilot more pairs"]
MOST_LARGER = 10
"""An index may be this many times as large as the rows that were searched, for then one neighbour stands for ten."""
LIKELY = 0.8
"""Share of resamplings of the learning curve in which it reaches what is wanted, from which on more pairs are advised.

On 504 predictions of 12 pairs of models on 4,000 words, four and eight times as far as the pairs that were tried, 80 %
and 93 % of those with such a share came true, and 69 % and 90 % of all that the curve itself reached.
"""
_ALL = "of what re-embedding all finds"


@dataclass(frozen=True, eq=False)
class Decision:
    """What was tried, what held, and the verdict.

    Attributes
    ----------
    reason : what the verdict rests on
    outlook : what more pairs would change, as the learning curve predicts; empty where it predicts nothing
    trials : every candidate in every direction, on the part that selects
    chosen : the candidate that was tested, None where none could be fitted
    certified : by direction, the best candidate on the part that certifies; and vectors as they are
    stays : what the old model keeps on that part with its interval, None without judgements or old queries
    curve, prediction : over the pairs that fit, of the direction that was chosen
    advice : what to embed with both models where more pairs are to be piloted, one clause
    """

    verdict: Verdict
    reason: str
    trials: tuple[Trial, ...]
    chosen: Certified | None
    certified: Mapping[str, Certified]
    stays: tuple[Kept, float | None, float | None] | None
    curve: tuple[CurvePoint, ...]
    prediction: Prediction | None
    outlook: str = ""
    advice: str = ""

    def is_chosen(self, trial: Trial) -> bool:
        """Whether ``trial`` is what was chosen (it was fitted anew since)."""
        mine = None if self.chosen is None else self.chosen.trial
        return mine is not None and (mine.direction, mine.text) == (trial.direction, trial.text)


def decide(measured: Measured, retain: float) -> Decision:
    """The verdict for the share ``retain``.

    In this order: *stay* where vectors as they are keep ``retain`` (the two models are one space), or where
    judgements say that the old model alone does; *bridge* where the best candidate does; else *pilot more pairs* where
    the interval does not decide, or the learning curve reaches ``retain`` within 8 times the pairs in 80 % of its
    resamplings, else *re-embed*.
    Each is one test by its 95 % interval, made only where the selecting part says that it may hold.
    """
    judge, index_rows = measured.judge, measured.index_rows
    certified: dict[str, Certified] = {}
    same = measured.same
    if same is not None and same.trial.value >= retain:
        certified[NONE] = same
        if same.keeps(retain):
            reason = f"the vectors of both models can be compared as they are: they keep {same.text} {_ALL}"
            return Decision("stay", reason, measured.trials, same, certified, None, (), None)
    certified |= {str(direction): test for direction, test in measured.best.items()}
    stays = _stays(measured, retain)
    test = None if measured.chosen is None else measured.best[measured.chosen]
    if stays is not None and stays[1] is not None and stays[1] >= retain:
        value = stays[0].main.value or 0.0
        reason = f"the old model is as good: it keeps {value:.3f} ({stays[1]:.3f} to {stays[2]:.3f}) of the new one's"
        return Decision("stay", f"{reason} nDCG@10", measured.trials, test, certified, stays, (), None)
    if test is None:
        reasons = "; ".join(dict.fromkeys(t.why_not for t in measured.trials if t.why_not))
        reason = f"no map could be fitted: {reasons}" if reasons else "no map was tried"
        if same is None:
            return Decision("re-embed", reason, measured.trials, None, {}, stays, (), None)
        reason = f"vectors as they are keep {same.text} {_ALL}, less than the {retain:g} wanted, and {reason}"
        return Decision("re-embed", reason, measured.trials, same, {NONE: same}, stays, (), None)
    fitted = len(judge.pairs(test.trial.direction))
    reach = REACH * fitted if index_rows <= len(judge.rows.old) else min(REACH * fitted, index_rows)
    # the curve is about the rows that were searched, the verdict about the whole index
    gap = max(0.0, (test.kept.main.value or 0.0) - (test.main.value or 0.0))
    prediction = predict(measured.curve, family_of(test.trial.text), min(0.999, retain + gap), reach)
    if prediction is not None:
        prediction = replace(prediction, limit=max(0.0, prediction.limit - gap))
    asked = judge.rows.old if judge.rows.new_queries is None else judge.rows.new_queries
    size = len(asked), "rows" if judge.rows.new_queries is None else "queries"
    verdict, reason, advice = _verdict(test, retain, prediction, reach, fitted, size)
    searched = len(judge.views["certify"].d_new)
    if verdict == "bridge" and index_rows > MOST_LARGER * searched:
        verdict, enough = "pilot more pairs", 2 * index_rows // MOST_LARGER
        reason = (
            f"{reason}; but an index of {index_rows:,} rows is more than {MOST_LARGER} times the {searched:,} that "
            f"were searched; about {enough:,} rows of both models would settle it"
        )
        advice = _rows_of_both(enough)
    outlook = _outlook(verdict, retain, prediction, reach)
    return Decision(
        verdict, reason, measured.trials, test, certified, stays, measured.curve, prediction, outlook, advice
    )


def _stays(measured: Measured, retain: float) -> tuple[Kept, float | None, float | None] | None:
    """What the old model keeps on the part that certifies, with its interval; no lower end where it was not tested."""
    if measured.stays is None:
        return None
    first, score = measured.stays
    may = first.main.value is not None and first.main.value >= retain
    _, low, high = score_bars(score.main)
    return score, low if may else None, high


def _rows_of_both(rows: int) -> str:
    return f"embed about {rows:,} rows with both models, half of which fit"


def _verdict(
    test: Certified, retain: float, prediction: Prediction | None, reach: int, fitted: int, size: tuple[int, str]
) -> tuple[Verdict, str, str]:
    """Verdict, reason and advice; ``size`` is how many rows or queries of both models there are, and which."""
    how = f"'{test.trial.text}' ({way(test.trial.direction)})"
    if test.keeps(retain):
        return (
            "bridge",
            f"{how} keeps {test.text} {_ALL}, at least the {retain:g} wanted",
            "",
        )
    if test.value is None or test.low is None or test.high is None:
        return "re-embed", f"what {how} keeps is undefined on the part that certifies", ""
    said = f"{how} keeps {test.text} {_ALL}"
    if test.value >= retain:
        short = max(2.0, ((test.value - test.low) / max(test.value - retain, 1e-3)) ** 2)
        n, what = math.ceil(short * size[0] / 100) * 100, size[1]
        advice = _rows_of_both(n) if what == "rows" else f"embed about {n:,} {what} with both models"
        reason = f"{said}, too wide for {retain:g}; about {n:,} {what} of both models would narrow it"
        return "pilot more pairs", reason, advice
    enough = None if prediction is None else prediction.enough
    more = _rows_of_both(4 * fitted if enough is None or enough <= fitted else 2 * enough)
    if _is_near(prediction, fitted, reach) and prediction.share >= LIKELY:
        high = "never" if prediction.high is None else f"{prediction.high:,}"
        between = "" if prediction.low is None else f" ({prediction.low:,} to {high} by resampling)"
        grown = f"the curve reaches {retain:g} at about {prediction.enough:,}{between}"
        return "pilot more pairs", f"{said} with {fitted:,} pairs that fit; {grown}", more
    if test.high >= retain:
        return "pilot more pairs", f"{said}, an interval that does not decide about {retain:g}", more
    return "re-embed", f"{said}, less than the {retain:g} wanted", ""


def _is_near(prediction: Prediction | None, fitted: int, reach: int) -> TypeGuard[Prediction]:
    """Whether more pairs than ``fitted`` and at most ``reach`` are predicted to be enough."""
    return prediction is not None and prediction.enough is not None and fitted < prediction.enough <= reach


def _outlook(verdict: Verdict, retain: float, prediction: Prediction | None, reach: int) -> str:
    """Why more pairs would not help, one sentence."""
    if verdict != "re-embed" or prediction is None:
        return ""
    if _is_near(prediction, 0, reach):
        return (
            f"The learning curve reaches {retain:g} at about {prediction.enough:,} pairs, in only "
            f"{percent(prediction.share, 0)} of its resamplings: too uncertain to build on."
        )
    if prediction.limit > retain:
        return f"The learning curve reaches {retain:g} only beyond {reach:,} pairs."
    return f"Any number of pairs is predicted to keep at most {prediction.limit:.3f}."


def way(direction: Direction) -> str:
    """A direction in words."""
    return (
        "new queries mapped into the old index"
        if direction == "queries"
        else "stored vectors mapped into the new space"
    )
