"""Without pairs, judgements or labels: geometry before and after, which is not evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedscope.certification.judges.base import Candidate, Items, Objective, Outcome
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.split import Part
from embedscope.core.tables import Score

REASON = (
    "Keep the original: there are no pairs, judgements, labels or scored pairs, and geometry alone is not evidence. "
    "Whitening makes every space look isotropic and lowers the retrieval quality of healthy ones. Give --pair, "
    "--queries and --qrels, --labels or --scores."
)
SHOWN = ("self_similarity", "isoscore", "effective_rank")


@dataclass(frozen=True)
class GeometryJudge(SpaceJudge):
    """Geometry of the rows that select, after each candidate; decides nothing."""

    @property
    def undecidable(self) -> str | None:
        """Always."""
        return REASON

    @property
    def objective(self) -> Objective:
        """The first of what is shown; nothing is decided on it."""
        return Objective(SHOWN[0], (), SHOWN[1:])

    def outcome(self, candidate: Candidate, part: Part) -> Outcome:
        """Mean cosine, IsoScore and effective rank."""
        from embedscope.metrics import METRICS

        x = self.transform(candidate, part)
        scores = {}
        for name in SHOWN:
            value = METRICS.get(name)(x)
            scores[name] = Score(value if isinstance(value, float) else None, len(x))
        return Outcome(scores, Items("", (), np.empty(0)))
