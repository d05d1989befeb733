"""The verdict of a migration: stay, bridge, re-embed, or pilot more pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from embedscope.core.errors import EmbedscopeError
from embedscope.core.progress import Progress
from embedscope.core.tables import Score
from embedscope.migration.curve import REACH, CurvePoint, Prediction, learning_curve, predict
from embedscope.migration.maps import expand, family_of, fit_map
from embedscope.migration.retention import Direction, Kept, RetentionJudge
from embedscope.stats.bootstrap import paired_difference, units_of_score
from embedscope.stats.score_records import score_bars
from embedscope.transforms.repair import KindMap

Verdict = Literal["stay", "bridge", "re-embed", "pilot more pairs"]
NONE = "none"
MOST_LARGER = 10
"""An index may be this many times as large as the rows that were searched, for then one neighbour stands for ten."""

_SHOWN = ("procrustes", "ridge")
"""Families whose curves are drawn besides that of the best candidate."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A candidate on the part that selects; ``kept`` is None where it could not be fitted, ``why_not`` says why."""

    direction: Direction
    text: str
    fitted: KindMap | None
    kept: Kept | None
    why_not: str | None = None

    @property
    def value(self) -> float:
        """What it keeps, -1 where that is not known."""
        return -1.0 if self.kept is None or self.kept.main.value is None else self.kept.main.value


@dataclass(frozen=True, eq=False)
class Certified:
    """A candidate on the part that certifies.

    Attributes
    ----------
    main : what it keeps in an index of the size that is given: with judgements as measured, else the overlap carried on
        from the rows that were searched
    low, high : 95 % interval of that
    pair_recall : share of rows that find their own pair first, None where that is not known
    remote : the overlap on the half of the rows unlike any fitted one
    """

    trial: Trial
    kept: Kept
    main: Score
    low: float | None
    high: float | None
    pair_recall: Score | None
    remote: Score | None

    @property
    def value(self) -> float | None:
        """What it keeps."""
        return self.main.value

    def keeps(self, retain: float) -> bool:
        """Whether the whole interval lies at ``retain`` or above."""
        return self.low is not None and self.low >= retain


@dataclass(frozen=True, eq=False)
class Decision:
    """What was tried, what held, and the verdict.

    Attributes
    ----------
    trials : every candidate in every direction, on the part that selects
    chosen : the candidate that was tested, None where none could be fitted
    certified : by direction, the best candidate on the part that certifies; and vectors as they are
    stays : what the old model keeps on that part with its interval, None without judgements or old queries
    curve, prediction : over the pairs that fit, of the direction that was chosen
    """

    verdict: Verdict
    reason: str
    trials: tuple[Trial, ...]
    chosen: Certified | None
    certified: Mapping[str, Certified]
    stays: tuple[Kept, float | None, float | None] | None
    curve: tuple[CurvePoint, ...]
    prediction: Prediction | None


def decide(
    judge: RetentionJudge,
    candidates: str | Iterable[str],
    directions: Sequence[Direction],
    retain: float,
    index_rows: int,
    progress: Progress,
) -> Decision:
    """Fit every candidate, choose one on the selecting part, and test it on the certifying part.

    In this order: *stay* where vectors as they are keep ``retain`` (the two models are one space), or where
    judgements say that the old model alone does; *bridge* where the best candidate does; else *pilot more pairs* where
    the interval does not decide, or the learning curve reaches ``retain`` within 8 times the pairs, else *re-embed*.
    Each is one test by its 95 % interval, made only where the selecting part says that it may hold.
    """
    named = candidates if isinstance(candidates, str) else list(candidates)
    trials = _trials(judge, named, directions, progress)
    scored = [t for t in trials if t.kept is not None]
    certified: dict[str, Certified] = {}
    same = next((t for t in scored if t.text == NONE), None)
    if same is not None and same.value >= retain:
        certified[NONE] = _certify(judge, same, index_rows)
        if certified[NONE].keeps(retain):
            reason = f"the vectors of both models can be compared as they are: they keep {_said(certified[NONE])}"
            curve: tuple[CurvePoint, ...] = ()
            return Decision("stay", reason, tuple(trials), certified[NONE], certified, None, curve, None)
    stays = _stays(judge, retain)
    best = {d: _best(own) for d in directions if (own := _of(scored, d))}
    certified |= {d: _certify(judge, trial, index_rows) for d, trial in best.items()}
    chosen = _chosen(best)
    test = None if chosen is None else certified[chosen]
    if stays is not None and stays[1] is not None and stays[1] >= retain:
        value = stays[0].main.value or 0.0
        reason = f"the old model is as good: it keeps {value:.3f} ({stays[1]:.3f} to {stays[2]:.3f}) of the new one's"
        return Decision("stay", f"{reason} nDCG@10", tuple(trials), test, certified, stays, (), None)
    if test is None or chosen is None:
        reasons = "; ".join(dict.fromkeys(t.why_not for t in trials if t.why_not))
        return Decision(
            "re-embed", f"no candidate could be fitted: {reasons}", tuple(trials), None, {}, stays, (), None
        )
    known = {t.text: t.fitted for t in scored if t.direction == test.trial.direction and t.fitted is not None}
    families = {*_SHOWN, family_of(test.trial.text)}
    points = learning_curve(
        judge, test.trial.direction, [t for t in known if family_of(t) in families and t != NONE], known, progress
    )
    fitted = len(judge.pairs(test.trial.direction))
    reach = REACH * fitted if index_rows <= len(judge.rows.old) else min(REACH * fitted, index_rows)
    # the curve is about the rows that were searched, the verdict about the whole index
    gap = max(0.0, (test.kept.main.value or 0.0) - (test.main.value or 0.0))
    prediction = predict(points, family_of(test.trial.text), min(0.999, retain + gap), reach)
    if prediction is not None:
        prediction = replace(prediction, limit=max(0.0, prediction.limit - gap))
    verdict, reason = _verdict(test, retain, prediction, reach, fitted)
    searched = len(judge.views["certify"].d_new)
    if verdict == "bridge" and not judge.judged_by and index_rows > MOST_LARGER * searched:
        verdict = "pilot more pairs"
        reason = (
            f"{reason}; but an index of {index_rows:,} rows is more than {MOST_LARGER} times the {searched:,} that "
            f"were searched; about {2 * index_rows // MOST_LARGER:,} rows of both models would settle it"
        )
    return Decision(verdict, reason, tuple(trials), test, certified, stays, tuple(points), prediction)


def _trials(
    judge: RetentionJudge, candidates: str | list[str], directions: Sequence[Direction], progress: Progress
) -> list[Trial]:
    work = [
        (d, text)
        for d in directions
        for text in expand(candidates, judge.pairs(d).dims, len(judge.pairs(d)))
        if text != NONE or d == directions[0]
    ]
    progress.start("candidates", len(work), "candidates")
    trials = []
    for direction, text in work:
        try:
            fitted = fit_map(text, judge.pairs(direction))
            trials.append(Trial(direction, text, fitted, judge.kept(direction, fitted, "select")))
        except EmbedscopeError as error:
            trials.append(Trial(direction, text, None, None, str(error)))
        progress.advance(1)
    progress.close()
    return trials


def _of(scored: Sequence[Trial], direction: Direction) -> list[Trial]:
    return [t for t in scored if t.direction == direction and t.text != NONE]


def _best(own: Sequence[Trial]) -> Trial:
    """The candidate that keeps most; the best affine one, which every export takes, unless an MLP is surely better."""
    top = max(own, key=lambda t: t.value)
    affine = [t for t in own if t.fitted is not None and t.fitted.hidden is None]
    if top in affine or not affine:
        return top
    simple = max(affine, key=lambda t: t.value)
    assert top.kept is not None and simple.kept is not None
    gain = paired_difference(top.kept.main, simple.kept.main)
    return top if gain.low is not None and gain.low > 0 else simple


def _chosen(best: Mapping[Direction, Trial]) -> Direction | None:
    """The direction whose best candidate keeps more on the selecting part; ``queries`` where that is not sure."""
    if len(best) < 2:
        return next(iter(best), None)
    queries, documents = best["queries"], best["documents"]
    assert queries.kept is not None and documents.kept is not None
    gain = paired_difference(documents.kept.main, queries.kept.main)
    return "documents" if gain.low is not None and gain.low > 0 else "queries"


def _certify(judge: RetentionJudge, trial: Trial, index_rows: int) -> Certified:
    assert trial.fitted is not None
    kept = judge.kept(trial.direction, trial.fitted, "certify")
    main = kept.main
    if not judge.judged_by:
        main = judge.at_index(kept, index_rows)
    _, low, high = score_bars(main)
    pair = judge.pair_recall(trial.direction, trial.fitted, "certify")
    return Certified(trial, kept, main, low, high, pair, judge.remote(kept))


def _stays(judge: RetentionJudge, retain: float) -> tuple[Kept, float | None, float | None] | None:
    """What the old model keeps of the new one's nDCG; None without judgements, which alone say which is better."""
    if not judge.judged_by:
        return None
    first = judge.stays("select")
    if first is None:
        return None
    found = judge.stays("certify")
    assert found is not None
    may = first.main.value is not None and first.main.value >= retain
    _, low, high = score_bars(found.main)
    return found, low if may else None, high


def _verdict(
    test: Certified, retain: float, prediction: Prediction | None, reach: int, fitted: int
) -> tuple[Verdict, str]:
    how = f"'{test.trial.text}' ({way(test.trial.direction)})"
    if test.keeps(retain):
        return "bridge", f"{how} keeps {_said(test)} of the full re-embedding's, at least the {retain:g} wanted"
    if test.value is None or test.low is None or test.high is None:
        return "re-embed", f"what {how} keeps is undefined on the part that certifies"
    said = f"{how} keeps {_said(test)}"
    if test.value >= retain:
        short = max(2.0, ((test.value - test.low) / max(test.value - retain, 1e-3)) ** 2)
        rows = round(short * units_of_score(test.main) * 4, -2)
        return "pilot more pairs", f"{said}, too wide for {retain:g}; about {rows:,.0f} pairs would narrow it"
    if prediction is not None and prediction.enough is not None and fitted < prediction.enough <= reach:
        high = "never" if prediction.high is None else f"{prediction.high:,}"
        between = "" if prediction.low is None else f" ({prediction.low:,} to {high} by resampling)"
        grown = f"the curve reaches {retain:g} at about {prediction.enough:,}{between}"
        return "pilot more pairs", f"{said} with {fitted:,} pairs that fit; {grown}"
    if test.high >= retain:
        return "pilot more pairs", f"{said}, an interval that does not decide about {retain:g}"
    never = "" if prediction is None else f"; any number of pairs is predicted to keep at most {prediction.limit:.3f}"
    if prediction is not None and prediction.limit > retain:
        never = f"; the curve reaches {retain:g} beyond {reach:,} pairs alone"
    return "re-embed", f"{said}, less than the {retain:g} wanted{never}"


def way(direction: Direction) -> str:
    """A direction in words."""
    return (
        "new queries mapped into the old index"
        if direction == "queries"
        else "stored vectors mapped into the new space"
    )


def _said(test: Certified) -> str:
    if test.value is None or test.low is None or test.high is None:
        return "an undefined share"
    return f"{test.value:.3f} ({test.low:.3f} to {test.high:.3f})"
