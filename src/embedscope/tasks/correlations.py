"""Scores from items and gold values: value, bootstrap draws and what a reader must know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import pearson_draws, spearman_draws
from embedscope.stats.correlation import DECIMALS, pearson, spearman, tied_pairs


def rank_score(
    items: Floats, gold: Floats, seed: int, what: str, notes: Sequence[str], ends: tuple[Index, Index] | None = None
) -> Score:
    """Spearman correlation of ``items`` (n,), nan where left out and rounded before ranking, with ``gold`` (n,)."""
    rounded = np.round(items, DECIMALS)
    known = np.isfinite(items)
    value = spearman(rounded[known], gold[known])
    if value is None:
        return _undefined_score(items, gold, what, notes)
    tied = tied_pairs(rounded[known])
    said = [*notes, f"{tied} ties between {what} of {known.sum()} items"] if tied else notes
    return Score(value, int(known.sum()), spearman_draws(rounded, gold, seed, ends), items, "; ".join(said) or None)


def linear_score(
    items: Floats, gold: Floats, seed: int, what: str, notes: Sequence[str], ends: tuple[Index, Index] | None = None
) -> Score:
    """Pearson correlation of ``items`` (n,), nan where left out, with ``gold`` (n,)."""
    known = np.isfinite(items)
    value = pearson(items[known], gold[known])
    if value is None:
        return _undefined_score(items, gold, what, notes)
    return Score(value, int(known.sum()), pearson_draws(items, gold, seed, ends), items, "; ".join(notes) or None)


def _undefined_score(items: Floats, gold: Floats, what: str, notes: Sequence[str]) -> Score:
    known = np.isfinite(items)
    n = int(known.sum())
    if n < 2:
        reason = f"undefined: {n} items can be scored, two are needed"
    elif np.ptp(gold[known]) == 0:
        reason = f"undefined: the gold values of all {n} items are equal"
    else:
        reason = f"undefined: the {what} of all {n} items are equal (range below 1e-12)"
    return Score(None, n, None, items, "; ".join([reason, *notes]))
