"""What a cosine of a space means among its unrelated pairs, by the rows that a diagnosis holds: no second pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.calibration.reading import related_rows
from embedscope.calibration.sides import Sides
from embedscope.calibration.unrelated import (
    LEAST,
    PairMoments,
    cosines_reached,
    pair_cosines,
    pair_moments,
    sample_pairs,
    share_intervals,
)
from embedscope.certification.evidence import Known, Survey, find_evidence, first_of
from embedscope.certification.split import number_labels
from embedscope.core.arrays import Floats, Hashes
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Index
from embedscope.core.wording import percent
from embedscope.stats.units import NEIGHBOURS

_BLOCK = 8192
"""Rows of a block whose first ones tell whether rows depend on the order of the file."""

REACHED = 0.01
"""Share of unrelated pairs whose least cosine is named."""

UNRELATED = (
    "unrelated_pairs",
    "unrelated_cosine",
    "unrelated_sd",
    "unrelated_reached",
    "nearest_cosine",
    "nearest_cosine.z",
    "nearest_cosine.unrelated_above",
)
"""Numbers of unrelated pairs, taken where a finding speaks of cosines."""


@dataclass(frozen=True, eq=False)
class UnrelatedPairs:
    """Cosines of the unrelated pairs of a space, as ``calibrate`` takes them.

    Attributes
    ----------
    sides : (n, d) unit rows in the order of the file, and what each belongs to
    moments : mean and spread over all pairs
    left, right, cosines : (p,) sampled pairs, and their cosines
    """

    sides: Sides
    moments: PairMoments
    left: Index
    right: Index
    cosines: Floats

    @classmethod
    def of(
        cls,
        unit: npt.NDArray[Any],
        raw: npt.NDArray[Any],
        declared: Hashes | None,
        nearest: Callable[[Index], Index],
        seed: int,
    ) -> UnrelatedPairs | None:
        """Of unit rows (n, d) in the order of their file; None where there are too few pairs, or all are alike.

        Parameters
        ----------
        raw : (n, d) the same rows as they came, none of which is zero
        declared : (n,) what rows were declared to belong to, None without a declaration
        nearest : rows (m,), distinct ones -> their 12 nearest others among them, by their places
        """
        n = len(unit)
        if n * (n - 1.0) < LEAST:
            return None
        survey = Survey()
        for lo in range(0, n, _BLOCK):
            survey.add(raw[lo : lo + _BLOCK])
        first = np.unique(first_of(survey.equal))
        if survey.rows is not None and len(first) > NEIGHBOURS:
            survey.nearest = nearest(first)
        evidence = find_evidence([survey], Known(hash_rows(0, n), declared=declared))
        units = number_labels(evidence.clusters)
        related = related_rows(units, evidence)
        sizes = np.bincount(related)
        if n * (n - 1.0) - float((sizes * (sizes - 1.0)).sum()) < LEAST:
            return None
        sides = Sides(unit, unit_x=units, group_x=related)
        moments = pair_moments(sides)
        left, right, _ = sample_pairs(sides, seed)
        return cls(sides, moments, left, right, pair_cosines(sides, left, right)) if moments.sd > 0 else None

    def reached_by(self, share: float) -> float:
        """The cosine that ``share`` of the unrelated pairs reach."""
        return float(cosines_reached(self.cosines, [share])[0])

    def share_above(self, cosine: float) -> tuple[float, float, float]:
        """Share of the unrelated pairs that reach ``cosine``, and the ends of its 95 % interval."""
        share, low, high = share_intervals(self.cosines, self.left, self.right, self.sides, np.array([cosine]))
        return float(share[0]), float(low[0]), float(high[0])

    def z(self, cosine: float) -> float:
        """``cosine`` less the mean of unrelated pairs, in units of their standard deviation."""
        return (cosine - self.moments.mean) / self.moments.sd


def reach(share: float) -> str:
    """That ``share`` of the unrelated pairs reach a cosine, in words.

    >>> reach(0.05), reach(2e-5)
    ('5.0 % of unrelated pairs reach', '0.0020 % of unrelated pairs reach')
    >>> reach(0.0)
    'none of the sampled unrelated pairs reaches'
    """
    if share == 0:
        return "none of the sampled unrelated pairs reaches"
    return f"{percent(share) if share >= 0.001 else f'{100 * share:#.2g} %'} of unrelated pairs reach"
