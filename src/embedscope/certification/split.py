"""Three parts of the data by the hash of the unit of evidence: what fits, what selects, what certifies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Hashes
from embedscope.core.errors import InputError
from embedscope.core.ids import combine
from embedscope.core.tables import Index
from embedscope.stats.units import Units

Part = Literal["fit", "select", "certify"]
PARTS: tuple[Part, ...] = ("fit", "select", "certify")
HELD: tuple[Part, ...] = ("select", "certify")

HELD_OUT = 10_000
"""Rows a side that are kept in memory to select and to certify, half for each."""

LEAST = 8
"""Fewest units of evidence of a part: a bootstrap of fewer says nothing."""

FEW = 64
"""Units below which they are counted off instead of drawn by their hashes."""

_BOUNDS = (1 << 63, 3 << 62)  # of a 64-bit hash: one half fits, a quarter selects, a quarter certifies


def part_numbers(clusters: Hashes, seed: int) -> Index:
    """Part of each cluster hash (n,): 0 fit (one half), 1 select, 2 certify (a quarter each); the same on every run.

    >>> np.bincount(part_numbers(np.arange(8000, dtype=np.uint64), 0)).tolist()
    [4054, 1968, 1978]
    """
    mixed = combine(clusters, seed)
    return np.searchsorted(np.array(_BOUNDS, dtype=np.uint64), mixed, side="right").astype(np.intp)


def number_labels(labels: npt.NDArray[Any]) -> Index:
    """Number (n,) of each label in the order of their first rows: labels that are all different become 0 .. n - 1.

    >>> number_labels(np.array([7, 3, 7])).tolist()
    [0, 1, 0]
    """
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[place], dtype=np.intp)


def keep_clusters(clusters: Hashes, limit: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which rows (n,) to keep so that whole clusters stay and at most ``limit`` rows do, by the smallest hashes."""
    if len(clusters) <= limit:
        return np.ones(len(clusters), dtype=bool)
    names, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    order = np.argsort(combine(names, seed + 1), kind="stable")
    chosen = order[np.cumsum(sizes[order]) <= limit]
    return np.isin(place, chosen)


def connected_components(n: int, left: Index, right: Index) -> Index:
    """Number of the component of each of ``n`` rows, where ``left`` (p,) and ``right`` (p,) are joined.

    >>> connected_components(4, np.array([0]), np.array([2])).tolist()
    [0, 1, 0, 2]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left)), (left, right)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)


def assign_parts(clusters: Hashes, seed: int) -> Index:
    """Part of each row (n,) by the hash of its unit; see ``part_numbers``.

    With fewer than 64 units chance would leave a part with hardly any: then the units are counted off in the order of
    their hashes, so that exactly one half fits, a quarter selects and a quarter certifies.

    >>> np.bincount(assign_parts(np.repeat(np.arange(12, dtype=np.uint64), 5), 0)).tolist()
    [30, 15, 15]
    """
    names, place = np.unique(clusters, return_inverse=True)
    if len(names) >= FEW:
        return part_numbers(clusters, seed)
    order = np.argsort(combine(names, seed), kind="stable")
    numbers = np.empty(len(names), dtype=np.intp)
    held = len(names) // 4
    numbers[order] = np.repeat([0, 1, 2], [len(names) - 2 * held, held, held])
    return numbers[place]


def check_size(n: int, part: Part, what: str, units: Units | None = None) -> None:
    """Raise ``InputError`` where a part holds fewer than ``LEAST`` of ``what``; says so where ``units`` are few."""
    if n >= LEAST:
        return
    if units is not None and units.units < min(units.rows, _PARTED * LEAST):
        raise InputError(
            f"the part that is to {part} holds {n} {what}, at least {LEAST} are needed: the {units.rows:,} rows are "
            f"only {units.units:,} independent units ({', '.join(units.ways)}), which are never split; add rows of "
            "other things, or declare with --groups which rows belong together"
        )
    raise InputError(
        f"the part that is to {part} holds {n} {what}, at least {LEAST} are needed: one half of the data fits "
        f"candidates, a quarter selects, a quarter certifies; pass more {what}, some hundreds"
    )


_PARTED = 4


def too_few_units(units: Mapping[Part, int], what: str) -> str | None:
    """Why nothing can be certified where a held-out part holds fewer than ``LEAST`` units of evidence, else None."""
    part = min(HELD, key=lambda p: units[p])
    if units[part] >= LEAST:
        return None
    return (
        f"Keep the original: the {what} that {part} form {units[part]} units of evidence, too few to tell a gain from "
        f"chance (at least {LEAST}); add data, or declare with --groups which rows belong together."
    )
