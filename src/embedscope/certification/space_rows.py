"""Rows of one space in three parts: moments of the fitting part, rows kept of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.certification.split import PARTS, Part, assign_parts, number_labels
from embedscope.core.accumulate import Accumulator, fold
from embedscope.core.arrays import Array, Hashes, Rows, as_matrix, to_numpy
from embedscope.core.batch import Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index
from embedscope.sources.row_blocks import map_parts
from embedscope.stats.moments import Gaussian, Moments

Matrix = npt.NDArray[Any]
ALL = "all"


@dataclass(frozen=True, eq=False)
class SpaceRows:
    """Rows ``x`` (n, d) kept of a part, their ``places`` (n,) in the source, rising, and their ``units`` (n,)."""

    x: Matrix
    places: Index
    units: Index


@dataclass(frozen=True, eq=False)
class SpaceParts:
    """Moments of the rows that fit, by group of rows; rows kept; ``totals`` are rows before the bound."""

    moments: Mapping[str, Gaussian]
    rows: Mapping[Part, SpaceRows]
    totals: Mapping[Part, int]
    dim: int


def is_file(source: str | Path) -> bool:
    """Whether ``source`` names vectors in a file or a folder of files."""
    from embedscope.readers import is_vectors

    return is_vectors(str(source))


def space_stream(source: Array | str | Path) -> Stream:
    """An array, or vectors with one space in files, as a stream; ``InputError`` where there are several spaces."""
    from embedscope.readers import ArrayStream, open_vectors

    if not isinstance(source, str | Path):
        x = to_numpy(as_matrix(source, "source"))
        return ArrayStream({"vectors": x})
    stream = open_vectors(str(source))
    if len(stream.dims) != 1:
        raise InputError(f"{source} holds {len(stream.dims)} spaces ({', '.join(stream.dims)}); name one with ::NAME")
    return stream


def space_parts(
    stream: Stream,
    sizes: Sequence[int],
    clusters: Hashes,
    *,
    normalize: bool,
    max_eval_rows: int,
    seed: int,
    masks: Mapping[str, npt.NDArray[np.bool_]] | None = None,
) -> SpaceParts:
    """Parts of the rows of ``stream``; a part keeps the ``max_eval_rows`` / 2 rows with the smallest hashes.

    The engine of the run works on the shards; what it finds depends on these alone.

    Parameters
    ----------
    sizes : rows of each shard
    clusters : (n,) hash of the unit of each row
    masks : masks (n,) of rows whose moments are taken too, besides those of all rows that fit

    Raises
    ------
    InputError
        if no row is there to fit.
    """
    ((space, dim),) = stream.dims.items()
    numbers = assign_parts(clusters, seed)
    fits = {ALL: numbers == 0} | {name: (numbers == 0) & mask for name, mask in (masks or {}).items()}
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()
    shards = [
        _Shard(shard, a, numbers[a:b].astype(np.int8), {name: mask[a:b] for name, mask in fits.items()})
        for shard, a, b in zip(stream.shards(), starts[:-1], starts[1:], strict=True)
    ]
    work = _Work(space, tuple(fits), "unit" if normalize else "raw", max_eval_rows // 2, seed)
    parts = fold(map_parts(stream, work, shards), _merge)
    if not parts.seen[ALL]:
        raise InputError(f"{starts[-1]} rows leave none to fit; pass some hundred rows")
    moments = {name: state.result() for name, state in parts.moments.items() if parts.seen[name]}
    rows_of = {part: k.rows(dim, clusters) for part, k in parts.kept.items()}
    return SpaceParts(moments, rows_of, {p: k.total for p, k in parts.kept.items()}, dim)


@dataclass(frozen=True, eq=False)
class _Shard:
    """A shard from row ``start`` on, the part of each of its rows, and which of them each set of moments takes."""

    shard: Shard
    start: int
    numbers: npt.NDArray[np.int8]
    fits: Mapping[str, npt.NDArray[np.bool_]]


@dataclass(eq=False)
class _Found:
    """What a shard, or several that follow each other, came to."""

    moments: dict[str, Accumulator[Gaussian]]
    seen: dict[str, int]
    kept: dict[Part, _Kept]


@dataclass(frozen=True)
class _Work:
    space: str
    names: tuple[str, ...]
    rows: Rows
    limit: int
    seed: int

    def __call__(self, part: _Shard) -> _Found:
        states = {name: Moments(self.rows).start({}) for name in self.names}
        here = _Found(states, dict.fromkeys(self.names, 0), {p: _Kept(self.limit, self.seed) for p in PARTS})
        row = 0
        for batch in part.shard.batches():
            x = to_numpy(batch.spaces[self.space])
            stop = row + len(x)
            mine, places = part.numbers[row:stop], np.arange(part.start + row, part.start + stop)
            for number, name in enumerate(PARTS):
                here.kept[name].add(x[mine == number], places[mine == number])
            for fit, state in states.items():
                rows = part.fits[fit][row:stop]
                if rows.any():
                    state.update(x[rows], hash_rows(part.start + row, part.start + stop)[rows])
                    here.seen[fit] += int(rows.sum())
            row = stop
        for kept in here.kept.values():
            kept.trim()
        return here


def _merge(a: _Found, b: _Found) -> _Found:
    for name, state in a.moments.items():
        state.merge(b.moments[name])
        a.seen[name] += b.seen[name]
    for part, kept in a.kept.items():
        kept.merge(b.kept[part])
    return a


class _Kept:
    """The rows with the smallest hashes of their places, at most ``limit`` of them."""

    def __init__(self, limit: int, seed: int) -> None:
        self.limit, self.seed, self.total, self.n = limit, seed, 0, 0
        self.parts: list[tuple[Matrix, Index]] = []

    def add(self, x: Matrix, places: Index) -> None:
        if not len(x):
            return
        self.parts.append((x, places))
        self.total, self.n = self.total + len(x), self.n + len(x)
        if self.n > 2 * self.limit:
            self.trim()

    def merge(self, other: _Kept) -> None:
        """Take in the rows kept of what comes next."""
        self.parts += other.parts
        self.total, self.n = self.total + other.total, self.n + other.n
        if self.n > 2 * self.limit:
            self.trim()

    def trim(self) -> None:
        """Let go of all rows but those with the smallest hashes."""
        if not self.parts:
            return
        x, places = (np.concatenate(c) for c in zip(*self.parts, strict=True))
        order = np.argsort(combine(places.astype(np.uint64), self.seed + 1), kind="stable")
        best = np.sort(order[: self.limit])
        self.parts, self.n = [(x[best], places[best])], len(best)

    def rows(self, dim: int, clusters: Hashes) -> SpaceRows:
        if not self.parts:
            return SpaceRows(np.empty((0, dim)), np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp))
        self.trim()
        x, places = self.parts[0]
        return SpaceRows(x, places, number_labels(clusters[places]))
