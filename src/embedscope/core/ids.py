"""Row identities: 64-bit hashes that decide samples and jackknife groups, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from embedscope.core.arrays import Hashes

Index = np.ndarray[tuple[int], np.dtype[np.intp]]

GROUPS = 16
"""Number of jackknife groups; rows fall into them by the hash of their cluster, never by position in a file."""

_BACK = tuple(np.uint64(pow(factor, -1, 1 << 64)) for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def mix(x: Hashes) -> Hashes:
    """splitmix64 finaliser (Steele, Lea & Flood 2014) of each element: a bijection of 64-bit integers."""
    z = np.asarray(x, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)


def row_numbers(hashes: Hashes) -> Hashes:
    """Row numbers (n,) behind the hashes of ``hash_rows``: the inverse of ``mix``.

    >>> row_numbers(hash_rows(5, 8)).tolist()
    [5, 6, 7]
    """
    z = np.asarray(hashes, dtype=np.uint64)
    z = z ^ (z >> np.uint64(31)) ^ (z >> np.uint64(62))
    z = z * _BACK[1]
    z = z ^ (z >> np.uint64(27)) ^ (z >> np.uint64(54))
    z = z * _BACK[0]
    z = z ^ (z >> np.uint64(30)) ^ (z >> np.uint64(60))
    return np.asarray(z - np.uint64(0x9E3779B97F4A7C15), dtype=np.uint64)


def hash_rows(start: int, stop: int) -> Hashes:
    """Hashes of the row numbers ``start .. stop - 1``."""
    return mix(np.arange(start, stop, dtype=np.uint64))


def hash_texts(texts: Iterable[str]) -> Hashes:
    """Hashes of strings (first 8 bytes of BLAKE2b), shape (n,)."""
    digests = (hashlib.blake2b(t.encode(), digest_size=8).digest() for t in texts)
    return np.fromiter((int.from_bytes(d, "little") for d in digests), dtype=np.uint64)


def combine(a: Hashes, b: Hashes | int) -> Hashes:
    """One hash of two, elementwise: for (seed, id) or (sentence, position)."""
    return mix(mix(np.asarray(a, dtype=np.uint64)) ^ np.asarray(b, dtype=np.uint64))


def hash_order(hashes: Hashes, seed: int) -> Index:
    """Row numbers (n,) in the order of the hash of (seed, row): the one random order of rows, on every machine."""
    return np.argsort(combine(hashes, seed), kind="stable")


def hash_sample(hashes: Hashes, n: int | None, seed: int) -> Index:
    """Row numbers of the ``n`` rows with the smallest hash of (seed, row), ascending; all rows where there are no more.

    A sample of n rows is part of every larger sample with the same seed. None and 0 take all rows.

    >>> small, large = (set(hash_sample(hash_rows(0, 100), n, seed=1).tolist()) for n in (10, 20))
    >>> len(small), small < large
    (10, True)
    """
    if not n or n >= len(hashes):
        return np.arange(len(hashes), dtype=np.intp)
    return np.sort(hash_order(hashes, seed)[:n])


def groups_of(clusters: Hashes, n_groups: int = GROUPS) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Jackknife group of each row, from the hash of its cluster id: integers 0 .. n_groups - 1."""
    return np.asarray(mix(clusters) % np.uint64(n_groups), dtype=np.intp)
