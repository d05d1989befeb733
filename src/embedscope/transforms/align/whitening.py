"""Whitening of one side from its moments, with its eigenvalues shrunk towards their mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.stats.moments import Gaussian
from embedscope.transforms.affine import principal
from embedscope.transforms.whiten import ledoit_wolf

Shrinkage = float | str


def whitener(side: Gaussian, k: int | None, shrinkage: Shrinkage, text: str) -> tuple[Floats, float]:
    """W (d, k) with W'CW = I on the k leading components of the shrunk covariance C, and the shrinkage a used.

    C = scatter / (n - 1); its eigenvalues l become (1 - a) l + a mean(l). Without ``k``, all components that are
    determined. Raises ``InputError`` where there are fewer than k.
    """
    a = amount(side, shrinkage, text)
    values, vectors, rank = principal(side)
    values = (1 - a) * values + a * values.mean()
    reach = len(values) if a and rank else min(rank, side.n - 1)
    k = reach if k is None else k
    if not 0 < k <= reach:
        raise InputError(
            f"{text} wants {k} components of a side of {side.n} rows in {len(values)} dimensions, whose rank is "
            f"{reach}; use {max(reach, 1)} or fewer, more pairs, or a shrinkage above 0"
        )
    return vectors[:, :k] * np.sqrt((side.n - 1) / values[:k]), a


def amount(side: Gaussian, shrinkage: Shrinkage, text: str) -> float:
    """The shrinkage a, 0 to 1: a number as it is, "none" 0, "ledoit-wolf" estimated (ledoit2004)."""
    if shrinkage == "ledoit-wolf":
        return ledoit_wolf(side, text)
    if shrinkage == "none":
        return 0.0
    if isinstance(shrinkage, str) or not 0 <= shrinkage <= 1:
        raise InputError(f"{text} needs a shrinkage from 0 to 1, 'none' or 'ledoit-wolf', got {shrinkage!r}")
    return float(shrinkage)


def shrinkage_of(word: str, example: str) -> Shrinkage:
    """The shrinkage that ``word`` of a text is, else ``InputError`` with an ``example``."""
    if word in {"none", "ledoit-wolf"}:
        return word
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(
            f"'{example.partition(':')[0]}:...:{word}' needs a shrinkage from 0 to 1, none or ledoit-wolf, "
            f"as in {example}"
        )
    return value


def shrinkage_text(shrinkage: Any) -> str:
    """How a text writes a shrinkage."""
    return shrinkage if isinstance(shrinkage, str) else f"{shrinkage:g}"
