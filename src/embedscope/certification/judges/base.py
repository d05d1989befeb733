"""What a judge is: it fits candidates on one part of the data and scores them on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from embedscope.certification.evidence import Evidence
from embedscope.certification.fitting import FitContext
from embedscope.certification.remote import Mask
from embedscope.certification.split import Part
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import unit_facts
from embedscope.tasks.means import mean_draws, mean_score
from embedscope.transforms.repair import Repair


@dataclass(frozen=True, eq=False)
class Candidate:
    """Something to try: a map, a scorer at query time, or nothing.

    Attributes
    ----------
    text : as ``--candidates`` takes it
    repair : the fitted map, None for vectors as they are
    scorer : text of a scorer, None for plain cosines
    transductive : whether the scorer sees the queries that it is to answer
    """

    text: str
    repair: Repair | None = None
    scorer: str | None = None
    transductive: bool = False


NOTHING = Candidate("none")


@dataclass(frozen=True, eq=False)
class Items:
    """The result of each item, for the list of those that get worse.

    Attributes
    ----------
    title : what the number is
    names : (n,) names of the items
    values : (n,) nan where an item is not scored
    lower : whether a lower number is better
    noun : what one item is called
    """

    title: str
    names: Sequence[str]
    values: Floats
    lower: bool = False
    noun: str = "query"


@dataclass(frozen=True, eq=False)
class Outcome:
    """Scores of a candidate on a part, by id, and its items."""

    scores: Mapping[str, Score]
    items: Items


@dataclass(frozen=True, eq=False)
class MatchCosines:
    """Cosines of pairs that match and of others, for a calibration of scores.

    Attributes
    ----------
    select, certify : cosines of the pairs that match, and of those that do not, on either held-out part
    what : what a match is, in words ("a match", "relevance")
    others : which pairs stand for those that do not match
    """

    select: tuple[Floats, Floats]
    certify: tuple[Floats, Floats]
    what: str
    others: str


@dataclass(frozen=True)
class Objective:
    """What the decision is on.

    Attributes
    ----------
    main : score that must gain
    guards : scores that must not get significantly worse
    shown : scores that are reported too, for which less or more is neither good nor bad
    of_items : whether the main score is a mean of its items, each between 0 and 1
    """

    main: str
    guards: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    of_items: bool = True

    @property
    def every(self) -> tuple[str, ...]:
        """All scores of the verdict."""
        return (self.main, *self.guards, *self.shown)


@dataclass(frozen=True)
class SplitOptions:
    """How candidates are fitted and judged.

    Attributes
    ----------
    seed : of the parts and the bootstrap
    max_eval_rows : rows per side kept in memory to select and to certify
    normalize : whether candidates are fitted on, and applied to, L2-normalised rows
    """

    seed: int = 0
    max_eval_rows: int = 10_000
    normalize: bool = True

    def __post_init__(self) -> None:
        if self.max_eval_rows < 1:
            raise InputError(f"--max-eval-rows is a number of rows, at least 1; got {self.max_eval_rows:,}")


class Judge(Protocol):
    """Fits and scores candidates with what the user has: pairs, judgements, classes, scored pairs."""

    @property
    def context(self) -> FitContext:
        """How its fits are made, and where the vectors come from."""

    @property
    def evidence(self) -> Evidence:
        """Units of evidence of the rows, and how they were found."""

    @property
    def what(self) -> str:
        """What the items are, in words."""

    @property
    def objective(self) -> Objective:
        """What the decision is on."""

    @property
    def undecidable(self) -> str | None:
        """Why nothing can be decided, None where something can."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Items by part."""

    @property
    def widths(self) -> Mapping[str, int]:
        """Dimensions of every kind of vector."""

    @property
    def notes(self) -> Sequence[str]:
        """What was sampled, left out, approximated."""

    def auto(self) -> list[str]:
        """Candidates to try where the user names none, simplest first."""

    def fit(self, text: str) -> Repair:
        """The candidate ``text`` fitted on the part that fits."""

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Scores of ``candidate`` on ``part``."""

    def item_units(self, part: Part) -> Index:
        """Number (n,) of the unit of evidence of each item of ``part``, from 0."""

    def closeness(self) -> Floats:
        """How near each item (n,) of the certifying part lies to the nearest fitted row, as a cosine."""

    def copies_of_fitted(self) -> int:
        """Certifying rows that have a near-duplicate among the fitted rows that are held."""

    def restrict(self, score: Score, items: Mask, part: Part) -> Score:
        """The main ``score`` of ``part`` on some of its ``items`` (n,) alone."""

    def without_region(self, candidate: Candidate, before: Score) -> tuple[Score, Score] | None:
        """The main score of the certifying part, ``before`` and with fits that saw nothing of an item's region.

        Regions are what both draw. None where ``candidate`` is not fitted on what belongs together, or where units of
        evidence were declared.
        """

    def match_cosines(self, candidate: Candidate) -> MatchCosines | None:
        """Cosines of what matches and of what does not; None where no pair says which is which."""


def restrict_mean(score: Score, items: Mask, units: Index, seed: int) -> Score:
    """A ``score`` that is a mean over items, on some ``items`` (n,) alone, resampled by ``units`` (n,)."""
    if score.items is None:
        return Score(None, 0, note="undefined: this score is no mean over items")
    return mean_score(np.where(items, score.items, np.nan), seed, (), units)


def regroup(score: Score, units: Index, seed: int) -> Score:
    """A ``score`` that is a mean over items, with draws of whole ``units`` (n,)."""
    if score.items is None or score.draws is None:
        return score
    facts = {**score.facts, **unit_facts(units[np.isfinite(score.items)])}
    return replace(score, draws=mean_draws(score.items, seed, units), facts=facts)
