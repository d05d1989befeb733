"""What a judge is: it fits candidates on one part of the data and scores them on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from embedscope.certification.fitting import FitContext
from embedscope.certification.split import Part
from embedscope.core.arrays import Floats
from embedscope.core.tables import Score
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
    """What single items got, for the list of those that lose.

    Attributes
    ----------
    title : what the number is
    names : (n,) names of the items
    values : (n,) nan where an item is not scored
    lower : whether a lower number is better
    """

    title: str
    names: Sequence[str]
    values: Floats
    lower: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """Scores of a candidate on a part, by id, and its items."""

    scores: Mapping[str, Score]
    items: Items


@dataclass(frozen=True)
class Objective:
    """What the decision is on.

    Attributes
    ----------
    main : score that must gain
    guards : scores that must not get significantly worse
    shown : scores that stand beside, for which less or more is neither good nor bad
    """

    main: str
    guards: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

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
    max_eval_rows : rows a side kept in memory to select and to certify
    unit : whether candidates are fitted on, and applied to, rows of length 1
    """

    seed: int = 0
    max_eval_rows: int = 10_000
    normalize: bool = True


class Judge(Protocol):
    """Fits and scores candidates with what the user has: pairs, judgements, classes, scored pairs."""

    @property
    def made(self) -> FitContext:
        """How its fits are made, and where the vectors come from."""

    @property
    def what(self) -> str:
        """What the items are, in words."""

    @property
    def aim(self) -> Objective:
        """What the decision is on."""

    @property
    def undecidable(self) -> str | None:
        """Why nothing can be decided, None where something can."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Items by part."""

    @property
    def widths(self) -> Mapping[str, int]:
        """Width of every kind of vector."""

    @property
    def notes(self) -> Sequence[str]:
        """What was sampled, left out, approximated."""

    def auto(self) -> list[str]:
        """Candidates to try where the user names none, simplest first."""

    def fit(self, text: str) -> Repair:
        """The candidate ``text`` fitted on the part that fits."""

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Scores of ``candidate`` on ``part``."""
