"""Judging by pairs: retrieval both ways and the mixed index, on pairs that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Score
from embedscope.pipeline.repairs import candidates
from embedscope.pipeline.repairs.fitting import Made, fit_sides
from embedscope.pipeline.repairs.judge import Aim, Candidate, Items, Outcome
from embedscope.pipeline.repairs.pair_rows import PairParts, held_sizes
from embedscope.pipeline.repairs.pair_scores import K, Mapped, pair_scores
from embedscope.pipeline.repairs.parts import HELD, Part, check_size
from embedscope.tasks._means import directions
from embedscope.transforms.repair import Repair

PURE = Aim("recall@1", ("mixed_ndcg@10",), ("same_modality_share",))
MIXED = Aim("mixed_ndcg@10", ("recall@1",), ("same_modality_share",))
WIDTHS = "the sides differ in width, so no cosine goes across: the original counts as a ranking by chance"


@dataclass(frozen=True)
class PairJudge:
    """Pairs of two kinds of vector; see ``pair_scores`` for what is taken.

    Attributes
    ----------
    parts : moments and rows
    names : of the two kinds
    mixed : whether the decision is on the mixed index (nDCG@10), with pure retrieval as guard; else the reverse
    """

    parts: PairParts
    names: tuple[str, str]
    made: Made
    mixed: bool = False
    seed: int = 0
    more: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for part in HELD:
            rows = self.parts.rows[part]
            check_size(len(np.unique(rows.cluster_x[rows.left])), part, "pairs")

    @property
    def what(self) -> str:
        """Pairs."""
        return "pairs"

    @property
    def aim(self) -> Aim:
        """Pure or mixed retrieval."""
        return MIXED if self.mixed else PURE

    @property
    def undecidable(self) -> str | None:
        """Never."""
        return None

    @property
    def sizes(self) -> Mapping[str, int]:
        """Pairs by part."""
        return {"fit": self.parts.cross.n} | {part: len(self.parts.rows[part].left) for part in HELD}

    @property
    def widths(self) -> Mapping[str, int]:
        """Width of both kinds."""
        return dict(zip(self.names, self.parts.cross.widths, strict=True))

    @property
    def notes(self) -> Sequence[str]:
        """What was left out."""
        return (*held_sizes(self.parts), *([] if self._alike else [WIDTHS]), *self.more)

    @cached_property
    def _alike(self) -> bool:
        dx, dy = self.parts.cross.widths
        return dx == dy

    def auto(self) -> list[str]:
        """Centring, shift, joint bases and maps of one side into the other."""
        return candidates.pairs(self.parts.cross.widths, self.parts.cross.n)

    def fit(self, text: str) -> Repair:
        """An alignment of both kinds, from the moments of the pairs that fit."""
        rows = self.parts.rows["fit"]
        sides = rows.x[rows.left], rows.y[rows.right]
        scaled = (directions(sides[0]), directions(sides[1])) if self.made.unit else sides
        return fit_sides(text, self.parts.cross, scaled, self.names, self.made)

    def mapped(self, candidate: Candidate, part: Part) -> Mapped:
        """Rows of ``part`` as ``candidate`` leaves them, with the bank of its scorer."""
        rows, bank = self.parts.rows[part], None
        if candidate.scorer is not None:
            of = rows if candidate.transductive else self.parts.rows["fit"]
            bank = self._moved(candidate, of.x, of.y)
        return Mapped(*self._moved(candidate, rows.x, rows.y), candidate.scorer, bank)

    def _moved(self, candidate: Candidate, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if candidate.repair is None:
            return x, y
        return candidate.repair.transform(x, self.names[0]), candidate.repair.transform(y, self.names[1])

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Scores of both kinds of index; items are what the decision is on."""
        rows = self.parts.rows[part]
        names = [f"{k} {i}" for k, of in zip(self.names, (rows.names_x, rows.names_y), strict=True) for i in of]
        title = f"nDCG@{K}, mixed index" if self.mixed else "rank of its match"
        if candidate.repair is None and not self._alike:
            return self._chance(part, title, names)
        found = pair_scores(self.mapped(candidate, part), rows, self.names, self.seed)
        values = found.gains if self.mixed else found.ranks
        return Outcome(found.scores, Items(title, names, values, lower=not self.mixed))

    def _chance(self, part: Part, title: str, names: Sequence[str]) -> Outcome:
        """What rankings by chance give, for sides that no cosine joins."""
        rows = self.parts.rows[part]
        n, m = len(rows.x), len(rows.y)
        pool = n + m - 1
        weights = float((1 / np.log2(2.0 + np.arange(min(K, pool)))).sum())
        a, b = self.names
        value = {"recall@1": (1 / n + 1 / m) / 2, f"recall@1.{a}_to_{b}": 1 / m, f"recall@1.{b}_to_{a}": 1 / n}
        value |= {"recall@10": (min(1.0, K / n) + min(1.0, K / m)) / 2, "mixed_ndcg@10": weights / pool}
        score = Score(None, n + m, np.zeros(1000), note="by chance: no cosine goes across")
        scores = {k: replace(score, value=v, draws=np.full(1000, v)) for k, v in value.items()}
        scores["same_modality_share"] = Score(None, 0, note="undefined: no cosine goes across")
        return Outcome(scores, Items(title, names, np.full(n + m, np.nan), lower=not self.mixed))
