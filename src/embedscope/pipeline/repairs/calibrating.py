"""A score calibration beside a repair: cosines of matching pairs and of others on the selecting part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.ids import combine, hash_rows
from embedscope.pipeline.repairs.judge import Candidate
from embedscope.pipeline.repairs.pair_judge import PairJudge
from embedscope.pipeline.repairs.parts import Part
from embedscope.tasks._means import directions
from embedscope.transforms.calibration import Calibration, Isotonic, Platt, Reliability, reliability

PRIOR = 0.5
ISOTONIC_FROM = 1000
"""Pairs from which an isotonic calibration is fitted; with fewer, Platt's two numbers are safer."""

_OTHERS = 20  # pairs that do not match, for each that does


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and how far it held on pairs it was not fitted on."""

    calibration: Calibration
    held: Reliability


def calibrated(judge: PairJudge, candidate: Candidate, prior: float = PRIOR) -> Calibrated | None:
    """Fitted on the selecting part, checked on the certifying part; None for a scorer, or where no cosine goes across.

    Each matching pair stands beside 20 that do not match, weighted so that ``prior`` is the share of matches.
    """
    if candidate.scorer is not None:
        return None
    if candidate.repair is None and len(set(judge.parts.cross.widths)) > 1:
        return None
    matching, others = _cosines(judge, candidate, "select")
    method = Isotonic if len(matching) >= ISOTONIC_FROM else Platt
    fitted = method.fit(matching, others, prior=prior)
    return Calibrated(fitted, reliability(fitted, *_cosines(judge, candidate, "certify")))


def _cosines(judge: PairJudge, candidate: Candidate, part: Part) -> tuple[Floats, Floats]:
    """Cosines of pairs that match, and of pairs drawn by hash from those of different clusters."""
    rows, mapped = judge.parts.rows[part], judge.mapped(candidate, part)
    u, v = directions(mapped.x), directions(mapped.y)
    matching = np.einsum("ij,ij->i", u[rows.left], v[rows.right])
    others = []
    for i in range(_OTHERS):
        drawn = combine(hash_rows(0, len(rows.left)), judge.seed + i) % np.uint64(len(v))
        other = drawn.astype(np.intp)
        apart = rows.cluster_x[rows.left] != rows.cluster_y[other]
        others.append(np.einsum("ij,ij->i", u[rows.left[apart]], v[other[apart]]))
    return matching, np.concatenate(others)
