"""A score calibration saved with a repair: fitted on cosines of the selecting part, checked on the certifying part."""

from __future__ import annotations

from dataclasses import dataclass

from embedscope.certification.judges.base import Candidate, Judge
from embedscope.transforms.calibration import Calibration, Isotonic, Platt, Reliability, reliability

POSITIVE_RATE = 0.5
ISOTONIC_FROM = 1000
"""Pairs that match from which an isotonic calibration is fitted; with fewer, Platt's two numbers are safer."""

LEAST = 8
"""Fewest pairs that match, and that do not, in either part."""


@dataclass(frozen=True)
class Calibrated:
    """A calibration, how far it held on pairs it was not fitted on, and what the pairs are.

    Attributes
    ----------
    what : in words, of what the probability is
    others : which pairs stood for those that do not match
    """

    calibration: Calibration
    held: Reliability
    what: str
    others: str


def calibrate_scores(judge: Judge, candidate: Candidate, positive_rate: float = POSITIVE_RATE) -> Calibrated | None:
    """Fitted on the selecting part, checked on the certifying part, weighted so that ``positive_rate`` of pairs match.

    Which pairs match and which do not, the judge says; None where it cannot, and where there are too few pairs.
    """
    cosines = judge.match_cosines(candidate)
    if cosines is None or min(len(side) for side in (*cosines.select, *cosines.certify)) < LEAST:
        return None
    method = Isotonic if len(cosines.select[0]) >= ISOTONIC_FROM else Platt
    calibration = method.fit(*cosines.select, positive_rate=positive_rate)
    return Calibrated(calibration, reliability(calibration, *cosines.certify), cosines.what, cosines.others)
