"""Rows of two sides that belong together, in three parts: moments of the fitting part, rows of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.certification.split import HELD, PARTS, Part, assign_parts, keep_clusters, number_labels
from embedscope.core.accumulate import fold
from embedscope.core.arrays import Array, Hashes, to_numpy
from embedscope.core.batch import Shard
from embedscope.core.errors import InputError
from embedscope.core.ids import combine
from embedscope.core.tables import Index
from embedscope.sources.paired_stream import LEFT, RIGHT, PairedStream
from embedscope.sources.row_blocks import map_parts
from embedscope.stats.cross import CrossGaussian, CrossMoments
from embedscope.tasks.means import directions

Matrix = npt.NDArray[Any]
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class PairRows:
    """Rows of both sides that are kept of one part.

    Attributes
    ----------
    x, y : (n, dx), (m, dy)
    left, right : (p,) rows that match
    cluster_x, cluster_y : (n,), (m,) number of the cluster of each row, from 0, the same on both sides
    names_x, names_y : where each row stands in its side
    """

    x: Matrix
    y: Matrix
    left: Index
    right: Index
    cluster_x: Index
    cluster_y: Index
    names_x: Index
    names_y: Index


@dataclass(frozen=True, eq=False)
class PairParts:
    """Cross moments of the pairs that fit, and rows kept of every part; ``totals`` are pairs before the bound.

    ``seen`` are the moments of pairs of seen classes alone, None without classes.
    """

    cross: CrossGaussian
    rows: dict[Part, PairRows]
    totals: dict[Part, int]
    seen: CrossGaussian | None = None


def by_position(
    stream: PairedStream,
    sizes: Sequence[int],
    clusters: Hashes,
    *,
    normalize: bool,
    max_eval_rows: int,
    seed: int,
    limit_fit: int,
    seen: npt.NDArray[np.bool_] | None = None,
) -> PairParts:
    """Parts of pairs, row i with row i, by the engine of the run; held rows are bounded, so any number will do.

    ``sizes`` are the pairs of each shard, ``clusters`` (n,) the units of the pairs. ``seen`` (n,) says which pairs are
    of seen classes; their moments are taken on their own too.
    """
    n = sum(sizes)
    check_labels(seen, n)
    numbers = assign_parts(clusters, seed)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()
    limits = {part: limit_fit if part == "fit" else max_eval_rows // 2 for part in PARTS}
    shards = [
        _Shard(shard, a, numbers[a:b], clusters[a:b], None if seen is None else seen[a:b])
        for shard, a, b in zip(stream.shards(), starts[:-1], starts[1:], strict=True)
    ]
    parts = fold(map_parts(stream, _Work(normalize, limits, seed), shards), _merge)
    if not parts.totals["fit"]:
        raise InputError(f"{n} pairs leave none to fit; pass some hundred pairs")
    whole, half = parts.cross.results()
    return PairParts(whole, {part: b.rows() for part, b in parts.buffers.items()}, parts.totals, half)


@dataclass(frozen=True, eq=False)
class _Shard:
    """Pairs from ``start`` on, with the part, the unit and, of classes, whether it is of a seen one, of each."""

    shard: Shard
    start: int
    numbers: Index
    clusters: Hashes
    seen: npt.NDArray[np.bool_] | None


@dataclass(eq=False)
class _Found:
    """What a shard of pairs, or several that follow each other, came to."""

    cross: _Cross
    buffers: dict[Part, _Buffer]
    totals: dict[Part, int]


@dataclass(frozen=True)
class _Work:
    normalize: bool
    limits: Mapping[Part, int]
    seed: int

    def __call__(self, part: _Shard) -> _Found:
        buffers = {name: _Buffer(limit, self.seed) for name, limit in self.limits.items()}
        here = _Found(_Cross(self.normalize), buffers, dict.fromkeys(PARTS, 0))
        row = 0
        for batch in part.shard.batches():
            x, y = to_numpy(batch.spaces[LEFT]), to_numpy(batch.spaces[RIGHT])
            stop = row + len(x)
            places = np.arange(part.start + row, part.start + stop)
            for number, name in enumerate(PARTS):
                mine = part.numbers[row:stop] == number
                if not mine.any():
                    continue
                here.totals[name] += int(mine.sum())
                buffers[name].add(part.clusters[row:stop][mine], places[mine], x[mine], y[mine])
                if name == "fit":
                    here.cross.update(x[mine], y[mine], None if part.seen is None else part.seen[row:stop][mine])
            row = stop
        for buffer in buffers.values():
            buffer.trim()
        return here


def _merge(a: _Found, b: _Found) -> _Found:
    a.cross.merge(b.cross)
    for part, buffer in a.buffers.items():
        buffer.merge(b.buffers[part])
        a.totals[part] += b.totals[part]
    return a


def matching_rows(a: Any, b: Any) -> tuple[Index, Index]:
    """Rows of equal hash, as pairs."""
    order = np.argsort(b, kind="stable")
    first, last = np.searchsorted(b[order], a, "left"), np.searchsorted(b[order], a, "right")
    counts = last - first
    left = np.repeat(np.arange(len(a)), counts)
    offsets = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(first, counts) + offsets]


def by_matches(
    sides: tuple[Matrix, Matrix],
    matches: tuple[Index, Index],
    clusters: tuple[Hashes, Hashes],
    *,
    normalize: bool,
    max_eval_rows: int,
    seed: int,
    limit_fit: int,
    seen: npt.NDArray[np.bool_] | None = None,
) -> PairParts:
    """Parts of rows that match many to many, held in memory; what belongs together stays in one part.

    Parameters
    ----------
    sides : (n, dx), (m, dy)
    matches : (p,), (p,) rows that match
    clusters : (n,), (m,) hash of the unit of each row, the same for rows that match
    seen : (n,) which rows of the first side are of seen classes
    """
    (x, y), (left, right), (cx, cy) = sides, matches, clusters
    check_labels(seen, len(x))
    numbers = assign_parts(np.concatenate([cx, cy]), seed)
    nx, ny = numbers[: len(x)], numbers[len(x) :]
    of_fit = nx[left] == 0
    if not of_fit.any():
        raise InputError(f"{len(left)} pairs leave none to fit; pass some hundred pairs of different things")
    cross = _Cross(normalize)
    fit_left, fit_right = left[of_fit], right[of_fit]
    for lo in range(0, len(fit_left), _BLOCK):
        here = fit_left[lo : lo + _BLOCK]
        cross.update(x[here], y[fit_right[lo : lo + _BLOCK]], None if seen is None else seen[here])
    rows, totals = {}, {}
    for number, part in enumerate(PARTS):
        limit = limit_fit if part == "fit" else max_eval_rows // 2
        totals[part] = int((nx[left] == number).sum())
        rows[part] = _keep_rows(x, y, matches, clusters, (nx == number, ny == number), limit, seed)
    whole, half = cross.results()
    return PairParts(whole, rows, totals, half)


def check_labels(seen: npt.NDArray[np.bool_] | None, n: int) -> None:
    """Raise ``InputError`` where there is not one label for each of ``n`` rows of the first side."""
    if seen is not None and len(seen) != n:
        raise InputError(f"there are {len(seen)} labels for {n} rows of the first side; wanted one per row")


class _Cross:
    """Cross moments of all pairs, and of those of seen classes on their own."""

    def __init__(self, normalize: bool) -> None:
        self.normalize = normalize
        self.whole, self.half, self.n = CrossMoments(), CrossMoments(), 0

    def update(self, x: Matrix, y: Matrix, seen: npt.NDArray[np.bool_] | None) -> None:
        """Take in pairs; ``seen`` says which of them are of seen classes."""
        a, b = _scale(x, self.normalize), _scale(y, self.normalize)
        self.whole.update(a, b)
        if seen is not None and seen.any():
            self.half.update(a[seen], b[seen])
            self.n += int(seen.sum())

    def merge(self, other: _Cross) -> None:
        """Take in the moments of other pairs."""
        self.whole.merge(other.whole)
        self.half.merge(other.half)
        self.n += other.n

    def results(self) -> tuple[CrossGaussian, CrossGaussian | None]:
        """Of all, and of the seen ones where there are any."""
        return self.whole.result(), self.half.result() if self.n else None


def cross_moments(x: Matrix, y: Matrix, normalize: bool) -> CrossGaussian:
    """Cross moments of the pairs of rows ``x`` (p, dx) and ``y`` (p, dy), at unit length where ``normalize``."""
    cross = _Cross(normalize)
    for lo in range(0, len(x), _BLOCK):
        cross.update(x[lo : lo + _BLOCK], y[lo : lo + _BLOCK], None)
    return cross.results()[0]


def paired_stream(a: Array | str | Path, b: Array | str | Path) -> PairedStream | None:
    """Two files of vectors whose rows match by position, None where they must be read as a whole."""
    from embedscope.readers import is_vectors, open_vectors

    if not all(isinstance(s, str | Path) and is_vectors(str(s)) for s in (a, b)):
        return None
    if any(str(s).partition("::")[2].isdigit() for s in (a, b)):
        return None
    streams = [open_vectors(str(s)) for s in (a, b)]
    for stream, name in zip(streams, (a, b), strict=True):
        if len(stream.dims) != 1:
            raise InputError(f"{name} holds {len(stream.dims)} spaces ({', '.join(stream.dims)}); name one with ::NAME")
    n, m = (s.n_rows for s in streams)
    if n is not None and m is not None and n != m:
        raise InputError(
            f"{a} has {n} rows and {b} has {m}; rows match by position, so pass equally many, or say which belong "
            "together with --pair-ids or --pairs"
        )
    return PairedStream(*streams)


class _Buffer:
    """The pairs with the smallest hashes, at most ``limit`` of them."""

    def __init__(self, limit: int, seed: int) -> None:
        self.limit, self.seed = limit, seed
        self.parts: list[tuple[Matrix, ...]] = []
        self.n = 0

    def add(self, *columns: Matrix) -> None:
        self.parts.append(columns)
        self.n += len(columns[0])
        if self.n > 2 * self.limit:
            self.trim()

    def merge(self, other: _Buffer) -> None:
        """Take in the pairs kept of what comes next."""
        self.parts += other.parts
        self.n += other.n
        if self.n > 2 * self.limit:
            self.trim()

    def trim(self) -> None:
        """Let go of all pairs but those with the smallest hashes."""
        if not self.parts:
            return
        columns = [np.concatenate(c) for c in zip(*self.parts, strict=True)]
        kept = np.sort(np.argsort(combine(columns[0], self.seed + 1), kind="stable")[: self.limit])
        self.parts = [tuple(c[kept] for c in columns)]
        self.n = len(kept)

    def rows(self) -> PairRows:
        if not self.parts:
            empty, none = np.empty((0, 1)), np.empty(0, dtype=np.intp)
            return PairRows(empty, empty, none, none, none, none, none, none)
        self.trim()
        hashes, places, x, y = self.parts[0]
        same, cluster = np.arange(len(x)), number_labels(hashes)
        return PairRows(x, y, same, same, cluster, cluster, places, places)


def _keep_rows(
    x: Matrix,
    y: Matrix,
    matches: tuple[Index, Index],
    clusters: tuple[Hashes, Hashes],
    mine: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    limit: int,
    seed: int,
) -> PairRows:
    """Rows of one part, whole clusters, at most ``limit`` a side."""
    a, b = (np.flatnonzero(m) for m in mine)
    both = np.concatenate([clusters[0][a], clusters[1][b]])
    keep = np.ones(len(both), dtype=bool)
    for size in (len(a), len(b)):
        if size > limit:
            keep &= keep_clusters(both, int(limit * len(both) / size), seed)
    a, b = a[keep[: len(a)]], b[keep[len(a) :]]
    number = np.unique(both[keep], return_inverse=True)[1].astype(np.intp)
    place_x, place_y = np.full(len(x), -1, dtype=np.intp), np.full(len(y), -1, dtype=np.intp)
    place_x[a], place_y[b] = np.arange(len(a)), np.arange(len(b))
    left, right = place_x[matches[0]], place_y[matches[1]]
    both_kept = (left >= 0) & (right >= 0)
    return PairRows(x[a], y[b], left[both_kept], right[both_kept], number[: len(a)], number[len(a) :], a, b)


def _scale(x: Matrix, normalize: bool) -> Matrix:
    return directions(x) if normalize else np.asarray(x, dtype=np.float64)


def size_notes(parts: PairParts) -> list[str]:
    """What to say of rows that were not kept."""
    said = []
    for part in HELD:
        rows, total = parts.rows[part], parts.totals[part]
        if len(rows.left) < total:
            said.append(f"{len(rows.left):,} of the {total:,} pairs that are to {part} were kept, by their hash")
    return said
