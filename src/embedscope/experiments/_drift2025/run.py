"""The measurements of the study: what each family of maps keeps, by pairs that fit it, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.experiments._drift2025.spaces import Pair
from embedscope.migration.curve import CurvePoint, learning_curve
from embedscope.migration.maps import auto_candidates, has_torch
from embedscope.migration.retention import DIRECTIONS, NDCG, OVERLAP, Direction, retention_judge
from embedscope.migration.rows import Request, read_rows
from embedscope.sources.options import ModelOptions
from embedscope.stats.score_records import score_record

KEPT = f"{NDCG}.kept"
ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Measured:
    """What is kept of one pair of spaces in one direction.

    Attributes
    ----------
    points : by family and number of pairs
    stays : what the old model alone keeps, by score
    chance : ten among the rows that are searched
    """

    pair: Pair
    direction: Direction
    points: tuple[CurvePoint, ...]
    stays: dict[str, Score]
    chance: float
    facts: dict[str, Any]

    @property
    def most(self) -> int:
        """Most pairs that fitted."""
        return max(p.pairs for p in self.points)

    def at(self, family: str, pairs: int | None = None) -> CurvePoint | None:
        """The point of a family at a number of pairs, at the most where None."""
        wanted = self.most if pairs is None else pairs
        return next((p for p in self.points if p.family == family and p.pairs == wanted), None)

    @property
    def judged(self) -> bool:
        """Whether what is relevant is known."""
        return any(KEPT in p.scores for p in self.points)


def measure(pair: Pair, steps: Sequence[int], seed: int, progress: Progress) -> list[Measured]:
    """Both directions of ``pair``, every family at every number of pairs; the MLP at the most alone."""
    progress.note(f"{pair.label} ({pair.corpus})")
    request = Request(pair.old, pair.new, groups=pair.groups)
    rows = read_rows(request, ModelOptions(), Provenance(), Silent(), count_tokens=False)
    judge = retention_judge(rows, ROWS, seed)
    stays = judge.stays("certify")
    records = []
    for direction in DIRECTIONS:
        pairs = judge.pairs(direction)
        sizes = [k for k in steps if k < len(pairs)] + [min(max(steps), len(pairs))]
        texts = auto_candidates(pairs.dims, len(pairs))
        deep = [t for t in texts if t.startswith("mlp")]
        shallow = [t for t in texts if t not in deep]
        points = learning_curve(judge, direction, shallow, {}, progress, sizes)
        points += learning_curve(judge, direction, deep, {}, progress, sizes[-1:]) if has_torch() else []
        facts = {"units": judge.evidence.facts(), "queries": len(judge.views["certify"].q_new)}
        pool = len(judge.views["certify"].d_new)
        old = {} if stays is None else dict(stays.scores)
        records.append(Measured(pair, direction, tuple(points), old, 10 / pool, facts | {"searched": pool}))
    return records


def records_of(measured: Sequence[Measured]) -> list[Record]:
    """Every number of the study."""
    out = []
    for each in measured:
        place: dict[str, Any] = {"source": each.pair.label, "task": each.pair.corpus, "space": each.direction}
        for point in each.points:
            wanted: dict[str, Any] = {
                "transform": point.text,
                "subset": f"pairs:{point.pairs}",
                "fitted_on": f"{point.pairs:,} pairs",
            }
            out += [
                score_record(score, metric=name, **place, **wanted)
                for name, score in point.scores.items()
                if name in (OVERLAP, KEPT)
            ]
        out += [
            score_record(score, metric=name, **(place | {"space": "old"}))
            for name, score in each.stays.items()
            if each.direction == DIRECTIONS[0] and name in (OVERLAP, KEPT)
        ]
    return out
