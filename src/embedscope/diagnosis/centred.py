"""Whether rows are centred already, so that centring them again is no remedy."""

from __future__ import annotations

import math
import re

from embedscope.diagnosis._readings import Numbers

_NO_COSINE = 0.01
"""Mean cosine of unrelated rows that a mean of zero leaves, whatever its error."""


def sampling_gap(numbers: Numbers) -> float:
    """Two means of n L2-normalised rows are sqrt(1/n + 1/m) apart at most where the sides are one cloud."""
    return math.sqrt(sum(1 / max(n, 1) for n in numbers.sizes.values()))


def is_centred(numbers: Numbers) -> bool:
    """Whether the means of the two sides are as one, or the mean of the one side is zero, as far as the rows tell."""
    for metric in ("modality_gap", "query_shift"):
        gap = numbers.defined(metric)
        if gap is not None and gap.value is not None:
            return gap.value <= sampling_gap(numbers)
    cosine = numbers.defined("self_similarity")
    return cosine is not None and abs(cosine.value or 0.0) <= max(_NO_COSINE, 2 * (cosine.stderr or 0.0))


def without_centring(remedy: str) -> str:
    """``remedy`` for rows that are centred: its command without the candidate ``center``, or what else it says.

    >>> without_centring("embedscope repair x.npy --candidates center,center+abtt:1 -o r.safetensors")
    'embedscope repair x.npy --candidates center+abtt:1 -o r.safetensors'
    >>> without_centring("embedscope repair x.npy --candidates center -o r.safetensors; look at the five")
    'these rows are centred already, which is the repair for this; look at the five'
    """
    parts = []
    for part in remedy.split("; "):
        tried = re.search(r"--candidates (\S+)", part)
        left = [] if tried is None else [c for c in tried[1].split(",") if c != "center"]
        if tried is None or len(left) == tried[1].count(",") + 1:
            parts.append(part)
        elif left:
            parts.append(part.replace(tried[0], f"--candidates {','.join(left)}"))
        else:
            before = part.partition("embedscope repair")[0]
            other = before.removesuffix(", or ") if before.endswith(", or ") else ""
            parts.append(f"{other} ({_DONE})" if other else f"{_DONE}, which is the repair for this")
    return "; ".join(parts)


_DONE = "these rows are centred already"
