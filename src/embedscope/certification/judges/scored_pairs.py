"""Judging by human scores of pairs: does the order of cosines follow them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.split import HELD, PARTS, Part, check_size, connected
from embedscope.core.arrays import Floats, Hashes
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Index
from embedscope.stats.correlation import mid_ranks
from embedscope.tasks._correlations import linear_score, rank_score
from embedscope.tasks._cosines import pair_cosines

LARGE = 0.05
"""Share of all pairs in one component above which single rows are split instead."""


@dataclass(frozen=True)
class ScoredJudge(SpaceJudge):
    """Pairs with gold scores; Spearman decides, Pearson stands beside.

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
            check_size(len(self._pairs(part)[0]), part, "scored pairs")

    @property
    def what(self) -> str:
        """Scored pairs."""
        return "scored pairs"

    @property
    def aim(self) -> Objective:
        """Rank correlation."""
        return Objective("spearman", (), ("pearson",))

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
        """Correlations of cosine and score; where rows stand in several pairs, the bootstrap draws rows."""
        left, right, which = self._pairs(part)
        cosines, gold = pair_cosines(self.moved(candidate, part), left, right), self.gold[which]
        many = len(np.unique(np.concatenate([left, right]))) < 2 * len(left)
        ends = (left, right) if many else None
        scores = {
            "spearman": rank_score(cosines, gold, self.seed, "cosines", (), ends),
            "pearson": linear_score(cosines, gold, self.seed, "cosines", (), ends),
        }
        known = np.isfinite(cosines)
        off = np.full(len(gold), np.nan)
        off[known] = np.abs(mid_ranks(np.round(cosines[known], 12)) - mid_ranks(gold[known]))
        names = [f"{self.named(int(self.left[i]))} | {self.named(int(self.right[i]))}" for i in which]
        return Outcome(scores, Items("places off in the order", names, off, lower=True))


def pair_clusters(n: int, left: Index, right: Index) -> tuple[Hashes, str | None]:
    """Hash of the cluster of each of ``n`` rows: its component, or itself where one component holds most pairs."""
    of = connected(n, left, right)
    largest = np.bincount(of[left]).max() / len(left)
    if largest > LARGE:
        note = (
            "rows are split one by one, because one group of pairs that share rows holds "
            f"{largest:.0%} of them; pairs across two parts are left out"
        )
        return hash_rows(0, n), note
    first = np.full(int(of.max()) + 1, n, dtype=np.intp)
    np.minimum.at(first, of, np.arange(n))
    return hash_rows(0, n)[first[of]], None
