"""Scoring of pairs: cosine of the two vectors against the human score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.choices import Score as Compared
from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Index, Pairs, Score
from embedscope.stats.bootstrap import shared_ends
from embedscope.tasks.correlations import linear_score, rank_score
from embedscope.tasks.cosines import check_rows, gaps, pair_scores

_CALLED: Mapping[Compared, str] = {
    "cosine": "cosines",
    "dot": "inner products",
    "euclidean": "distances",
    "manhattan": "distances",
}


@dataclass(frozen=True)
class PairTask:
    """Spearman correlation of cosine and gold score; with ``pearson`` also ``ID.pearson``.

    ``compared`` is ``dot``, ``euclidean`` or ``manhattan`` for a model whose vectors are compared so: distances count
    negative, as sentence-transformers has it.

    The bootstrap resamples what pairs share (words, sentences, documents), and the pairs where they share nothing.
    """

    id: str
    dataset: str
    table: str
    relation: str
    about: Mapping[str, Any] = field(default_factory=dict)
    pearson: bool = False
    compared: Compared = "cosine"

    @property
    def tables(self) -> tuple[str, ...]:
        """The one table that is paired."""
        return (self.table,)

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """Scores by id, the main one first; pairs with a missing or zero vector are left out and counted.

        Raises
        ------
        InputError
            if the vectors are not one row per text of the table.
        """
        pairs = data.relations[self.relation]
        if not isinstance(pairs, Pairs):
            raise InputError(f"task {self.id} wants pairs, got {type(pairs).__name__} {data.name}.{self.relation}")
        x = check_rows(vectors, data, self.table)
        cosines = pair_scores(x, pairs.left, pairs.right, self.compared)
        notes = []
        if left_out := int((~np.isfinite(cosines)).sum()):
            notes = [f"{left_out} pairs left out: {', '.join(gaps(x, data.tables[self.table].unit))}"]
        ends = shared_ends(pairs.left, pairs.right)
        drawn, units = _units_of_draws(ends, len(pairs.left), data.tables[self.table].unit)
        what = _CALLED[self.compared]
        scores = {self.id: rank_score(cosines, pairs.gold, seed, what, notes, ends)}
        if self.pearson:
            scores[f"{self.id}.pearson"] = linear_score(cosines, pairs.gold, seed, what, notes, ends)
        facts = {"resampled": drawn, "units": units}
        return {name: replace(score, facts=facts) for name, score in scores.items()}


def _units_of_draws(ends: tuple[Index, Index] | None, pairs: int, unit: str) -> tuple[str, int]:
    """What the bootstrap draws, in words, and how many there are."""
    if ends is None:
        return "pairs", pairs
    kind = f"groups of pairs that share a {unit}" if np.array_equal(*ends) else f"{unit}s"
    return kind, len(np.unique(np.concatenate(ends)))
