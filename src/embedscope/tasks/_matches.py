"""Scoring of rows that belong together: each side looks for the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Index, Matches, Score
from embedscope.tasks.means import mean_score
from embedscope.tasks.parallel import parallel_distance_ratio
from embedscope.tasks.retrieval import KS, recall_both_ways


@dataclass(frozen=True)
class MatchTask:
    """Mean of recall@1 in both directions, recall@k of each, and with ``ratio`` the parallel distance ratio.

    ``sides`` names the two tables of the relation in the scores (``image``, ``text``), left one first.
    """

    id: str
    dataset: str
    relation: str
    tables: tuple[str, str]
    sides: tuple[str, str]
    about: Mapping[str, Any] = field(default_factory=dict)
    ratio: bool = False

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """Scores by id, the main one first; rows without a vector are left out on both sides and counted.

        Raises
        ------
        InputError
            if the vectors are not one row per row of each table.
        """
        matches = data.relations[self.relation]
        if not isinstance(matches, Matches):
            raise InputError(f"task {self.id} wants matches, got {type(matches).__name__} {data.name}.{self.relation}")
        x, y = (any_rows(vectors, data, table) for table in (matches.left_table, matches.right_table))
        if x.shape[1] != y.shape[1]:
            reason = (
                f"undefined: {matches.left_table} have {x.shape[1]} dimensions and {matches.right_table} {y.shape[1]}; "
                "fit an alignment first"
            )
            return {self.id: Score(None, 0, note=reason)}
        a, b, left, right, notes = _drop_unknown(x, y, matches.left, matches.right)
        if not len(left):
            return {self.id: Score(None, 0, note="; ".join(["undefined: no pair has both vectors", *notes]))}
        ways = recall_both_ways(a, b, (left, right), KS, names=self.sides, seed=seed)
        ways = {name: _add_notes(score, notes) for name, score in ways.items()}
        scores = {self.id: self._main(ways, notes)} | {f"{self.id}.{name}": score for name, score in ways.items()}
        if self.ratio:
            ratio = parallel_distance_ratio(a[left], b[right], seed=seed)["ratio"]
            scores[f"{self.id}.distance_ratio"] = _add_notes(ratio, notes)
        return scores

    def _main(self, ways: Mapping[str, Score], notes: list[str]) -> Score:
        x, y = self.sides
        there, back = ways[f"recall@1.{x}_to_{y}"], ways[f"recall@1.{y}_to_{x}"]
        if there.value is None or back.value is None or there.draws is None or back.draws is None:
            return mean_score(np.empty(0), 0, notes)
        n = there.n + back.n
        note = "; ".join([f"mean of {there.n} {x} and {back.n} {y} queries", *notes])
        items = np.concatenate([s.items for s in (there, back) if s.items is not None])
        return Score((there.value + back.value) / 2, n, (there.draws + back.draws) / 2, items, note)


def any_rows(vectors: Mapping[str, npt.NDArray[Any]], data: Data, table: str) -> npt.NDArray[Any]:
    """Vectors (n, d) of a table of texts or of images; raises ``InputError`` where they are not one row per row."""
    if table not in vectors:
        raise InputError(f"vectors of table {table} are missing, got {sorted(vectors)}; encode {data.name}.{table}")
    x = np.asarray(vectors[table])
    pictures = table in data.images
    n = len(data.images[table] if pictures else data.tables[table])
    if x.ndim != 2 or len(x) != n:
        kind = "image" if pictures else "text"
        raise InputError(f"vectors of {data.name}.{table} must have shape ({n}, d), got {x.shape}; one row a {kind}")
    return x


def _drop_unknown(
    x: npt.NDArray[Any], y: npt.NDArray[Any], left: Index, right: Index
) -> tuple[Floats, Floats, Index, Index, list[str]]:
    """Rows that have vectors and the matches among them, numbered anew."""
    notes: list[str] = []
    kept = []
    for rows in (x, y):
        finite = np.isfinite(rows).all(axis=1)
        kept.append(finite)
        if missing := int((~finite).sum()):
            notes.append(f"{missing} rows without a vector left out")
    both = kept[0][left] & kept[1][right]
    places = [np.cumsum(k) - 1 for k in kept]
    a, b = (np.asarray(rows[k], dtype=np.float64) for rows, k in zip((x, y), kept, strict=True))
    return a, b, places[0][left[both]], places[1][right[both]], notes


def _add_notes(score: Score, notes: list[str]) -> Score:
    said = "; ".join([*filter(None, [score.note]), *notes]) or None
    return replace(score, note=said)
