"""Rows that are bit by bit the same as earlier ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.tables import Index

_ROWS = 4096
_WORDS = 1 << 16
"""Of one block in 64 bits at a time: what a cache holds."""

Matrix = npt.NDArray[Any]


def without_copies(x: Matrix, kept: int) -> Index | None:
    """Rows of ``x`` (n, d) without what is a copy of ``kept`` earlier rows or more; None where that is all of them."""
    if not len(x):
        return None
    hashes = np.concatenate([_hashes(x[s : s + _ROWS]) for s in range(0, len(x), _ROWS)])
    order = np.argsort(hashes, kind="stable")
    new = np.concatenate([[True], np.diff(hashes[order]) != 0])
    starts = np.flatnonzero(new)
    places = np.arange(len(x)) - np.repeat(starts, np.diff(np.append(starts, len(x))))
    late = places >= kept
    if not late.any():
        return None
    copies = order[late]
    originals = order[np.repeat(starts, np.diff(np.append(starts, len(x))))[late]]
    drop = np.zeros(len(x), dtype=bool)
    for s in range(0, len(copies), _ROWS):
        part = slice(s, s + _ROWS)
        drop[copies[part]] = (x[copies[part]] == x[originals[part]]).all(axis=1)
    return np.flatnonzero(~drop)


def first_equal(x: Matrix) -> Index | None:
    """Place (n,) of the first row of ``x`` (n, d) that equals each; None where all rows are distinct."""
    hashes = np.concatenate([_hashes(x[s : s + _ROWS]) for s in range(0, len(x), _ROWS)] or [np.zeros(0, np.uint64)])
    order = np.argsort(hashes, kind="stable")
    new = np.append(True, np.diff(hashes[order]) != 0)[: len(x)]
    if new.all():
        return None
    first = np.empty(len(x), dtype=np.intp)
    first[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(x)), 0))]
    later = np.flatnonzero(first != np.arange(len(x)))
    same = np.concatenate(
        [
            (x[rows] == x[first[rows]]).all(axis=1)
            for rows in (later[s : s + _ROWS] for s in range(0, len(later), _ROWS))
        ]
    )
    if not same.all():  # two rows have one hash
        _, firsts, place = np.unique(x + x.dtype.type(0), axis=0, return_index=True, return_inverse=True)
        first = firsts[place.ravel()]
    return None if len(np.unique(first)) == len(x) else np.asarray(first)


def _hashes(rows: Matrix) -> npt.NDArray[np.uint64]:
    """Sum over the 32-bit words of a row of a bijection of each that is another in every place."""
    words = np.ascontiguousarray(rows + rows.dtype.type(0)).view(np.uint32)
    odd = np.random.default_rng(0).integers(0, 2**63, words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    out = np.empty(len(rows), dtype=np.uint64)
    step = max(1, _WORDS // max(words.shape[1], 1))
    for start in range(0, len(rows), step):
        h = words[start : start + step] * odd
        h ^= h >> np.uint64(32)
        h.sum(axis=1, out=out[start : start + step])
    return out
