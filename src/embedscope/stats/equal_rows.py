"""Hashes that are equal where rows, or texts, are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from embedscope.core.arrays import Array, Floats, Hashes, row_norms, to_numpy
from embedscope.core.ids import combine, hash_texts, mix

_BAND = 1 << 16
_LEAST = 2.0**-1000


def equal_rows(x: Array, ids: Hashes | None = None, norms: Floats | None = None) -> Hashes:
    """Hash (n,) of every row ``x`` (n, d) at unit length in float32: equal rows have equal hashes.

    ``norms`` (n,) are the lengths of the rows where they are known, in float64.
    Zero rows are missing vectors, which do not belong together: they keep their ``ids``, their numbers where None.
    Two multilinear hashes of 32 bits with fixed odd factors [lemire2014].

    >>> a, b, c = equal_rows(np.array([[1.0, 2.0], [2.0, 4.0], [1.0, -2.0]])).tolist()
    >>> a == b, a == c
    (True, False)
    """
    values = to_numpy(x)
    if values.dtype.kind != "f" or values.dtype.itemsize < 4:
        values = values.astype(np.float32)
    n, dim = values.shape
    factors = _factors(dim)
    halves, empty = np.empty((2, n), dtype=np.uint64), np.empty(n, dtype=bool)
    step = max(1, _BAND // dim)
    room = np.empty((min(n, step), dim)), np.empty((min(n, step), dim), dtype=np.float32)
    words = np.empty(room[0].shape, dtype=np.uint64)
    for start in range(0, n, step):
        part = slice(start, start + step)
        rows, unit, word = (r[: len(values[part])] for r in (*room, words))
        rows[...] = values[part]
        lengths = row_norms(rows) if norms is None else norms[part].copy()
        empty[part] = lengths == 0
        lengths[empty[part]] = 1.0
        if lengths.min(initial=1.0) > _LEAST:
            rows *= (1 / lengths)[:, None]
        else:
            rows /= lengths[:, None]
        unit[...] = rows
        unit += np.float32(0)  # -0.0 becomes 0.0
        word[...] = unit.view(np.uint32)
        halves[:, part] = np.einsum("ij,kj->ki", word, factors)
    hashes = combine(halves[0] >> np.uint64(32), halves[1] >> np.uint64(32))
    if empty.any():
        own = mix(np.arange(n, dtype=np.uint64)) if ids is None else ids
        hashes[empty] = own[empty]
    return hashes


@cache
def _factors(dim: int) -> Hashes:
    """Odd factors (2, dim) of the words of a row."""
    return np.asarray(mix(np.arange(2 * dim, dtype=np.uint64)).reshape(2, dim) | np.uint64(1))


def named_units(x: Array, ids: Hashes) -> Hashes:
    """Unit (n,) of every row ``x`` (n, d) by name: its id, for equal rows the smallest of theirs.

    What a network gives differs in the last bits from processor to processor; names do not, and so neither do groups.

    >>> named_units(np.array([[1.0, 2.0], [2.0, 4.0], [1.0, -2.0]]), np.array([7, 5, 6], dtype=np.uint64)).tolist()
    [5, 5, 6]
    """
    _, first, place = np.unique(equal_rows(x, ids), return_index=True, return_inverse=True)
    smallest = ids[first]
    np.minimum.at(smallest, place, ids)
    return np.asarray(smallest[place], dtype=np.uint64)


def equal_texts(texts: Iterable[str]) -> Hashes:
    """Hash (n,) of every text without spaces around it: equal texts have equal hashes.

    >>> len(set(equal_texts(["a", " a", "b"]).tolist()))
    2
    """
    return hash_texts(text.strip() for text in texts)
