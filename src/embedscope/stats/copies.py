"""Rows that are the same as earlier ones, bit by bit or but for the rounding of the network that gave them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import row_norms
from embedscope.core.tables import Index

_ROWS = 4096
_WORDS = 1 << 16
"""Of one block in 64 bits at a time: what a cache holds."""

NEAR = 4e-6
"""Distance of duplicates, as a share of their length: in another batch a text comes out some 1e-6 elsewhere."""
_OF_SPREAD = 1e-3
"""Of the root mean square distance from the mean: rows in a narrow cone far from the origin are no duplicates."""

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


def first_alike(x: Matrix) -> Index | None:
    """Place (n,) of the first row of ``x`` (n, d) that each is a duplicate of; None where all rows are distinct.

    Duplicates are rows no farther apart than ``NEAR`` of their length and a thousandth of the spread, and rows that are
    joined by such steps. They are looked for among rows whose two fixed projections are as near, in O(n d + n log n).

    >>> first_alike(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1e-6]])).tolist()
    [0, 1, 0]
    """
    first = first_equal(x)
    distinct = np.arange(len(x)) if first is None else np.unique(first)
    near = _first_near(x if first is None else x[distinct])
    if near is None:
        return first
    joined = distinct[near]
    if first is None:
        return joined
    place = np.empty(len(x), dtype=np.intp)
    place[distinct] = np.arange(len(distinct))
    return np.asarray(joined[place[first]])


def _first_near(x: Matrix) -> Index | None:
    """The same of rows none of which are equal bit by bit."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(x)
    if n < 2:
        return None
    reach, projected = _reach(x)
    order = np.argsort(projected[:, 0], kind="stable")
    reach, projected = reach[order], projected[order]
    left, right = [], []
    waiting, step = np.arange(n - 1), 1
    while len(waiting):
        waiting = waiting[waiting + step < n]
        ahead = waiting + step
        gap = np.abs(projected[ahead] - projected[waiting])
        inside = gap[:, 0] <= reach[waiting]
        waiting, ahead, beside = waiting[inside], ahead[inside], gap[inside, 1] <= reach[waiting[inside]]
        alike = np.zeros(len(waiting), dtype=bool)
        alike[beside] = _within(x, order[waiting[beside]], order[ahead[beside]], reach[waiting[beside]])
        left.append(order[waiting[alike]])
        right.append(order[ahead[alike]])
        waiting, step = waiting[~alike], step + 1
    links = np.concatenate(left or [order[:0]]), np.concatenate(right or [order[:0]])
    if not len(links[0]):
        return None
    graph = coo_array((np.ones(len(links[0]), dtype=np.int8), links), shape=(n, n))
    _, first, place = np.unique(
        connected_components(graph.tocsr(), directed=False)[1], return_index=True, return_inverse=True
    )
    return np.asarray(first[place])


def _reach(x: Matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far (n,) duplicates of each row lie at most, and projections (n, 2) of the rows on fixed directions."""
    directions = np.random.default_rng(0).normal(size=(x.shape[1], 2))
    directions /= np.linalg.norm(directions, axis=0)
    mean = x.mean(axis=0, dtype=np.float64)
    lengths, projected, square = np.empty(len(x)), np.empty((len(x), 2)), 0.0
    for s in range(0, len(x), _ROWS):
        rows = np.asarray(x[s : s + _ROWS], dtype=np.float64)
        lengths[s : s + _ROWS] = row_norms(rows)
        rows = rows - mean
        projected[s : s + _ROWS] = rows @ directions
        square += float(np.einsum("ij,ij->", rows, rows))
    return np.minimum(NEAR * lengths, _OF_SPREAD * float(np.sqrt(square / len(x)))), projected


def _within(x: Matrix, a: Index, b: Index, reach: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether rows ``a`` (p,) and ``b`` (p,) of ``x`` are at most ``reach`` (p,) apart."""
    alike = np.empty(len(a), dtype=bool)
    for s in range(0, len(a), _ROWS):
        part = slice(s, s + _ROWS)
        apart = row_norms(np.asarray(x[a[part]], dtype=np.float64) - x[b[part]])
        alike[part] = apart <= reach[part]
    return alike


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
