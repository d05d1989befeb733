"""Scores that are a mean over items: value, paired bootstrap draws and notes; rows checked and at unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.bootstrap import N_DRAWS, item_counts, unit_facts

_BLOCK = 4096  # items whose counts are in float64 at once, rows that are scaled at once


def mean_draws(items: Floats, seed: int, groups: Index | None = None) -> Floats:
    """Mean of ``items`` (n,) in each bootstrap draw, nan where a draw holds no defined item.

    ``groups`` (n,) numbers what an item belongs to from 0 (the image of a caption): groups are drawn then, whole.

    Returns
    -------
    (n_draws,); decided by the number of items (or groups) and the seed, so differences of two scores are paired
    """
    known = np.isfinite(items)
    values, weights = np.where(known, items, 0.0), known.astype(np.float64)
    if groups is not None:
        values, weights = (np.asarray(np.bincount(groups, v), dtype=np.float64) for v in (values, weights))
    counts = item_counts(len(values), seed)
    sums = np.zeros((2, N_DRAWS))
    columns = np.stack([values, weights])
    for lo in range(0, len(values), _BLOCK):
        sums += columns[:, lo : lo + _BLOCK] @ counts[lo : lo + _BLOCK].astype(np.float64)
    return np.asarray(np.divide(sums[0], sums[1], out=np.full(N_DRAWS, np.nan), where=sums[1] > 0))


def mean_score(items: Floats, seed: int, notes: Sequence[str] = (), groups: Index | None = None) -> Score:
    """Mean of ``items`` (n,), nan where left out, with its draws; None with the reason where no item is defined.

    >>> mean_score(np.array([1.0, 0.0, np.nan]), seed=0).value
    0.5
    """
    known = np.isfinite(items)
    n = int(known.sum())
    if not n:
        return Score(None, 0, None, items, "; ".join(["undefined: no item can be scored", *notes]))
    facts: dict[str, Any] = {}
    if groups is not None:
        facts = unit_facts(groups[known])
    value = float(items[known].mean())
    return Score(value, n, mean_draws(items, seed, groups), items, "; ".join(notes) or None, facts=facts)


def directions(x: Any, name: str = "x") -> Floats:
    """Rows of ``x`` (n, d) at unit length in float64; zero rows stay zero.

    Raises
    ------
    InputError
        if ``x`` is not a finite (n, d) matrix.

    >>> directions([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    rows = to_numpy(as_matrix(x, name))
    out = np.empty(rows.shape)
    for lo in range(0, len(rows), _BLOCK):
        x64 = rows[lo : lo + _BLOCK].astype(np.float64)
        largest = np.abs(x64).max(axis=1, keepdims=True)
        scaled = np.divide(x64, largest, out=np.zeros_like(x64), where=largest > 0)
        norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
        np.divide(scaled, norms, out=scaled, where=norms > 0)
        out[lo : lo + _BLOCK] = scaled
    return out


def check_apart(unit: Floats, name: str) -> None:
    """Refuse ``unit`` rows (n, d), of more than one row, among which no cosine tells one from another.

    Raises
    ------
    InputError
        if all rows are zero, all of the same direction, or of one dimension.

    >>> check_apart(np.eye(3), "x")
    >>> check_apart(np.zeros((3, 2)), "x")
    Traceback (most recent call last):
    ...
    embedscope.core.errors.InputError: all 3 rows of x are zero, so no cosine tells them apart; write them again
    """
    if len(unit) < 2:
        return
    nonzero = unit.any(axis=1)
    if not nonzero.any():
        raise InputError(f"all {len(unit):,} rows of {name} are zero, so no cosine tells them apart; write them again")
    if unit.shape[1] == 1:
        raise InputError(
            f"{name} has one dimension, where a cosine is only a sign; pass rows of two dimensions or more"
        )
    first = unit[int(np.argmax(nonzero))]
    blocks = (unit[lo : lo + _BLOCK] for lo in range(0, len(unit), _BLOCK))
    if all((np.abs(block - first) <= 1e-9).all() for block in blocks):  # most often the first block tells
        raise InputError(
            f"all {len(unit):,} rows of {name} have the same direction, so no cosine tells them apart; check how they "
            "were made"
        )


def paired_directions(a: Any, b: Any) -> tuple[Floats, Floats]:
    """Rows of ``a`` and ``b`` (n, d) at unit length; row i of one belongs to row i of the other.

    Raises
    ------
    InputError
        if their shapes differ.
    """
    u, v = directions(a, "a"), directions(b, "b")
    if u.shape != v.shape:
        raise InputError(f"a and b must have the same shape (n, d), got {u.shape} and {v.shape}; one row per pair")
    return u, v


def check_index(rows: npt.ArrayLike, n: int, name: str) -> Index:
    """``rows`` (p,) as row numbers of a table of ``n``; raises ``InputError`` where they are not."""
    index = np.asarray(rows)
    if index.ndim != 1 or (len(index) and index.dtype.kind not in "iu"):
        raise InputError(f"{name} must be row numbers of shape (p,), got {index.dtype} of shape {index.shape}")
    if len(index) and not (index.min() >= 0 and index.max() < n):
        raise InputError(f"{name} must lie in 0..{n - 1}, got {index.min()}..{index.max()}; number rows from 0")
    return index.astype(np.intp)
