"""What judges of one space share: candidates are chains, fitted from the moments of the rows that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten

import numpy as np

from embedscope.certification import candidates
from embedscope.certification.evidence import Evidence
from embedscope.certification.fitting import FitContext, fit_kinds
from embedscope.certification.judges.base import Candidate, MatchCosines, restrict_mean
from embedscope.certification.remote import Mask, closeness, copies_of_fitted
from embedscope.certification.space_rows import ALL, Matrix, SpaceParts
from embedscope.certification.split import HELD, PARTS, Part, number_labels, too_few_units
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.transforms.repair import SINGLE, Repair

_WIDTH = 32  # characters of a text in a table


@dataclass(frozen=True)
class SpaceJudge:
    """One space.

    Attributes
    ----------
    parts : moments and rows
    evidence : units of the rows
    context : how fits are made
    seed : of the bootstrap
    more : notes
    titles : what the rows of the source are (texts), empty where they are numbers alone
    """

    parts: SpaceParts
    evidence: Evidence
    context: FitContext
    seed: int
    more: tuple[str, ...] = field(default=(), kw_only=True)
    titles: Sequence[str] = field(default=(), kw_only=True)

    @property
    def what(self) -> str:
        """Rows."""
        return "rows"

    @property
    def widths(self) -> Mapping[str, int]:
        """Dimensions of the space."""
        return {SINGLE: self.parts.dim}

    @property
    def undecidable(self) -> str | None:
        """Too few units of evidence."""
        units = {part: len(np.unique(self.item_units(part))) for part in HELD}
        return too_few_units(units, self.what)

    def rows_of_items(self, part: Part) -> Index:
        """Row (n,) among those kept of ``part`` that each item is."""
        return np.arange(len(self.parts.rows[part].places))

    def item_units(self, part: Part) -> Index:
        """Units of the rows that are items."""
        return number_labels(self.parts.rows[part].units[self.rows_of_items(part)])

    def without_region(self, candidate: Candidate, before: Score) -> tuple[Score, Score] | None:
        """Nothing: candidates are fitted on rows alone, not on what they are judged by."""
        return None

    def closeness(self) -> Floats:
        """Cosine of each certifying row with the nearest fitted row."""
        rows = self.parts.rows
        return closeness(rows["certify"].x[self.rows_of_items("certify")], rows["fit"].x)

    def copies_of_fitted(self) -> int:
        """Certifying rows that have a near-duplicate among the fitted rows held."""
        return copies_of_fitted(self.parts.rows["certify"].x, self.parts.rows["fit"].x)

    def restrict(self, score: Score, items: Mask, part: Part) -> Score:
        """The mean over some items."""
        return restrict_mean(score, items, self.item_units(part), self.seed)

    def match_cosines(self, candidate: Candidate) -> MatchCosines | None:
        """None: no pair of rows is said to match."""
        return None

    @property
    def sizes(self) -> Mapping[str, int]:
        """Rows by part; those that fit are in moments alone."""
        kept: dict[str, int] = {part: len(self.parts.rows[part].places) for part in PARTS}
        return kept | {"fit": self.parts.moments[ALL].n}

    @property
    def notes(self) -> Sequence[str]:
        """What was not kept."""
        rows, totals = self.parts.rows, self.parts.totals
        said = [
            f"{len(rows[p].places):,} of the {totals[p]:,} rows of the part that is to {p} were kept, by their hash"
            for p in PARTS
            if len(rows[p].places) < totals[p]
        ]
        return (*said, *self.more)

    def describe_row(self, row: int) -> str:
        """A row of the source in words."""
        return shorten(self.titles[row], _WIDTH, placeholder="...") if self.titles else f"row {row}"

    def auto(self) -> list[str]:
        """Centring, removal of top components, whitening."""
        return candidates.one_space(self.parts.dim)

    def fit(self, text: str) -> Repair:
        """A chain, from the moments of the rows that fit."""
        return fit_kinds(text, {SINGLE: self.parts.moments[ALL]}, self.context)

    def transform(self, candidate: Candidate, part: Part) -> Floats:
        """Rows of ``part`` as ``candidate`` leaves them, float64."""
        if candidate.scorer is not None:
            raise InputError(f"{candidate.scorer} scores queries with documents; give pairs or judgements to try it")
        return self.apply_repair(candidate.repair, self.parts.rows[part].x)

    def apply_repair(self, repair: Repair | None, x: Matrix) -> Floats:
        """The rows ``x`` (n, d) through ``repair``, float64."""
        rows = np.asarray(x, dtype=np.float64)
        return rows if repair is None else np.asarray(repair.transform(rows))
