"""What a migration measures, whatever share is wanted: candidates on one part, the best of them on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from embedscope.core.errors import EmbedscopeError
from embedscope.core.progress import Progress
from embedscope.core.tables import Score
from embedscope.migration.curve import CurvePoint, learning_curve
from embedscope.migration.maps import NONE, expand, family_of, fit_map
from embedscope.migration.retention import Direction, Kept, RetentionJudge
from embedscope.stats.bootstrap import paired_difference
from embedscope.stats.score_records import score_bars
from embedscope.transforms.repair import KindMap

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

    @property
    def text(self) -> str:
        """What it keeps, with its interval, in a sentence."""
        if self.value is None or self.low is None or self.high is None:
            return "an undefined share"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def keeps(self, retain: float) -> bool:
        """Whether the whole interval lies at ``retain`` or above."""
        return self.low is not None and self.low >= retain


@dataclass(frozen=True, eq=False)
class Measured:
    """What was tried and what held, from which a verdict follows for any share that is wanted.

    Attributes
    ----------
    trials : every candidate in every direction, on the part that selects
    same : vectors as they are on the part that certifies, None where the dimensions differ
    best : by direction, the best candidate on the part that certifies
    chosen : the direction that is tested, None where no candidate could be fitted
    stays : what the old model keeps on the parts that select and certify, None without judgements or old queries
    """

    judge: RetentionJudge
    index_rows: int
    trials: tuple[Trial, ...]
    same: Certified | None
    best: Mapping[Direction, Certified]
    chosen: Direction | None
    stays: tuple[Kept, Kept] | None
    progress: Progress

    @cached_property
    def curve(self) -> tuple[CurvePoint, ...]:
        """The learning curve in the direction that is tested."""
        if self.chosen is None:
            return ()
        trial = self.best[self.chosen].trial
        families = {*_SHOWN, family_of(trial.text)}
        drawn = [t.text for t in _of(self.trials, self.chosen) if t.kept is not None and family_of(t.text) in families]
        known = {} if trial.fitted is None else {trial.text: trial.fitted}
        return tuple(learning_curve(self.judge, self.chosen, drawn, known, self.progress))


def measure(
    judge: RetentionJudge,
    candidates: str | Iterable[str],
    directions: Sequence[Direction],
    index_rows: int,
    progress: Progress,
) -> Measured:
    """Fit every candidate, choose the best of each direction, fit it anew with what selected, and certify it."""
    named = candidates if isinstance(candidates, str) else list(candidates)
    trials = _trials(judge, named, directions, progress)
    scored = [t for t in trials if t.kept is not None]
    same = next((t for t in scored if t.text == NONE), None)
    best = {d: _refit(judge, _best(own)) for d in directions if (own := _of(scored, d))}
    return Measured(
        judge,
        index_rows,
        tuple(trials),
        None if same is None else _certify(judge, same, index_rows),
        {d: _certify(judge, trial, index_rows) for d, trial in best.items()},
        _choose_direction(best),
        _stays(judge),
        progress,
    )


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
            fitted = fit_map(text, judge.pairs(direction, choosing=True))
            trials.append(Trial(direction, text, fitted, judge.measure(direction, fitted, "select")))
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


def _refit(judge: RetentionJudge, trial: Trial) -> Trial:
    """``trial`` fitted anew, on the pairs that selected too."""
    return replace(trial, fitted=fit_map(trial.text, judge.pairs(trial.direction)))


def _choose_direction(best: Mapping[Direction, Trial]) -> Direction | None:
    """The direction whose best candidate keeps more on the selecting part; ``queries`` where that is not sure."""
    if len(best) < 2:
        return next(iter(best), None)
    queries, documents = best["queries"], best["documents"]
    assert queries.kept is not None and documents.kept is not None
    gain = paired_difference(documents.kept.main, queries.kept.main)
    return "documents" if gain.low is not None and gain.low > 0 else "queries"


def _certify(judge: RetentionJudge, trial: Trial, index_rows: int) -> Certified:
    assert trial.fitted is not None
    kept = judge.measure(trial.direction, trial.fitted, "certify")
    main = judge.at_index(trial.direction, trial.fitted, kept, index_rows)
    _, low, high = score_bars(main)
    pair = judge.pair_recall(trial.direction, trial.fitted, "certify")
    return Certified(trial, kept, main, low, high, pair, judge.remote(kept))


def _stays(judge: RetentionJudge) -> tuple[Kept, Kept] | None:
    """What the old model keeps of the new one's nDCG; None without judgements, which alone say which is better."""
    if not judge.judged_by:
        return None
    first, second = judge.stays("select"), judge.stays("certify")
    return None if first is None or second is None else (first, second)
