"""Judging by human scores of pairs: does the order of cosines follow them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.remote import Mask, closeness
from embedscope.certification.split import HELD, PARTS, Part, check_size, connected_components, number_labels
from embedscope.core.arrays import Floats, Hashes
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Index, Score
from embedscope.core.wording import percent
from embedscope.stats.correlation import mid_ranks
from embedscope.tasks.correlations import linear_score, rank_score
from embedscope.tasks.cosines import pair_cosines

LARGE = 0.05
"""Share of all pairs in one component above which single rows are split instead."""


@dataclass(frozen=True)
class ScoredJudge(SpaceJudge):
    """Pairs with gold scores; Spearman decides, Pearson is reported too.

    Attributes
    ----------
    left, right : (p,) rows of the source
    gold : (p,)
    """

    left: Index
    right: Index
    gold: Floats

    def __post_init__(self) -> None:
        for part in HELD:
            check_size(len(self._pairs(part)[0]), part, "scored pairs", self.evidence.units)

    @property
    def what(self) -> str:
        """Scored pairs."""
        return "scored pairs"

    @property
    def objective(self) -> Objective:
        """Rank correlation."""
        return Objective("spearman", (), ("pearson",), of_items=False)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Scored pairs by part."""
        return {part: len(self._pairs(part)[0]) for part in PARTS}

    def _pairs(self, part: Part) -> tuple[Index, Index, Index]:
        """Left and right as rows kept of ``part``, and which pairs these are."""
        places = self.parts.rows[part].places
        both = np.flatnonzero(np.isin(self.left, places) & np.isin(self.right, places))
        return np.searchsorted(places, self.left[both]), np.searchsorted(places, self.right[both]), both

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Correlations of cosine and score; where rows stand in several pairs, the bootstrap draws units."""
        left, right, which = self._pairs(part)
        cosines, gold = pair_cosines(self.transform(candidate, part), left, right), self.gold[which]
        ends = self._ends(part)
        scores = {
            "spearman": rank_score(cosines, gold, self.seed, "cosines", (), ends),
            "pearson": linear_score(cosines, gold, self.seed, "cosines", (), ends),
        }
        scored = np.isfinite(cosines)
        off = np.full(len(gold), np.nan)
        off[scored] = np.abs(mid_ranks(np.round(cosines[scored], 12)) - mid_ranks(gold[scored]))
        names = [f"{self.describe_row(int(self.left[i]))} | {self.describe_row(int(self.right[i]))}" for i in which]
        return Outcome(scores, Items("ranks apart from the human order", names, off, lower=True, noun="pair"))

    def _ends(self, part: Part) -> tuple[Index, Index] | None:
        """Units of the two rows of each pair, None where no unit stands in two pairs."""
        left, right, _ = self._pairs(part)
        units = self.parts.rows[part].units
        many = len(np.unique(units[np.concatenate([left, right])])) < 2 * len(left)
        return (units[left], units[right]) if many else None

    def item_units(self, part: Part) -> Index:
        """Units of the first rows of the pairs."""
        return number_labels(self.parts.rows[part].units[self._pairs(part)[0]])

    def closeness(self) -> Floats:
        """Cosine of the nearer row of each pair with the nearest fitted row."""
        left, right, _ = self._pairs("certify")
        close = closeness(self.parts.rows["certify"].x, self.parts.rows["fit"].x)
        return np.maximum(close[left], close[right])

    def restrict(self, score: Score, items: Mask, part: Part) -> Score:
        """Spearman over some pairs."""
        if score.items is None:
            return score
        gold = self.gold[self._pairs(part)[2]]
        return rank_score(np.where(items, score.items, np.nan), gold, self.seed, "cosines", (), self._ends(part))


def pair_clusters(n: int, left: Index, right: Index) -> tuple[Hashes, str | None]:
    """Hash of the cluster of each of ``n`` rows: its component, or itself where one component holds most pairs."""
    of = connected_components(n, left, right)
    largest = np.bincount(of[left]).max() / len(left)
    if largest > LARGE:
        note = (
            f"one group of pairs that share rows holds {percent(largest, 0)} of them, so rows are split instead; "
            "pairs across two parts are left out"
        )
        return hash_rows(0, n), note
    first = np.full(int(of.max()) + 1, n, dtype=np.intp)
    np.minimum.at(first, of, np.arange(n))
    return hash_rows(0, n)[first[of]], None
