"""Whether rows are centred already, so that centring them again is no remedy."""

from __future__ import annotations

import math

from embedscope.diagnosis._readings import Numbers

_NO_COSINE = 0.01
"""Mean cosine of unrelated rows that a mean of zero leaves, whatever its error."""


def sampling_gap(numbers: Numbers) -> float:
    """Two means of n L2-normalised rows are sqrt(1/n + 1/m) apart at most where the sides are one cloud."""
    return math.sqrt(sum(1 / max(n, 1) for n in numbers.sizes.values()))


def is_centred(numbers: Numbers) -> bool:
    """Whether the means of the two sides are as one, or the mean of the one side is zero, as far as the rows tell."""
    for metric in ("modality_gap", "query_shift"):
        gap = numbers.get_defined(metric)
        if gap is not None and gap.value is not None:
            return gap.value <= sampling_gap(numbers)
    cosine = numbers.get_defined("self_similarity")
    return cosine is not None and abs(cosine.value or 0.0) <= max(_NO_COSINE, 2 * (cosine.stderr or 0.0))
