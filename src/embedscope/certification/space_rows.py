"""Rows of one space in three parts: moments of the fitting part, rows kept of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.certification.split import PARTS, Part, assign_parts, numbered
from embedscope.core.arrays import Array, Hashes, as_matrix, is_torch, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index
from embedscope.stats.moments import Gaussian, Moments

Matrix = npt.NDArray[Any]
_BLOCK = 8192
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
    from embedscope.readers import is_vector_folder, is_vectors

    return is_vectors(str(source)) or is_vector_folder(str(source))


def space_blocks(source: Array | str | Path) -> Iterator[Matrix]:
    """Blocks of rows of an array, or of vectors with one space in files."""
    from embedscope.readers import open_vectors

    if not isinstance(source, str | Path):
        x = to_numpy(as_matrix(source if is_torch(source) else np.asarray(source), "source"))
        yield from (x[lo : lo + _BLOCK] for lo in range(0, len(x), _BLOCK))
        return
    stream = open_vectors(str(source))
    if len(stream.dims) != 1:
        raise InputError(f"{source} holds {len(stream.dims)} spaces ({', '.join(stream.dims)}); name one with ::NAME")
    space = next(iter(stream.dims))
    for shard in stream.shards():
        for batch in shard.batches():
            yield to_numpy(batch.spaces[space]).copy()


def space_parts(
    blocks: Iterator[Matrix],
    clusters: Hashes,
    *,
    normalize: bool,
    max_eval_rows: int,
    seed: int,
    masks: Mapping[str, npt.NDArray[np.bool_]] | None = None,
) -> SpaceParts:
    """Parts of the rows of ``blocks``; a part keeps the ``max_eval_rows`` / 2 rows with the smallest hashes.

    Parameters
    ----------
    clusters : (n,) hash of the unit of each row
    masks : masks (n,) of rows whose moments are taken too, besides those of all rows that fit

    Raises
    ------
    InputError
        if no row is there to fit.
    """
    of, start, dim = dict(masks or {}), 0, 0
    states = {name: Moments("unit" if normalize else "raw").start({}) for name in (ALL, *of)}
    seen = dict.fromkeys(states, 0)
    kept = {part: _Kept(max_eval_rows // 2, seed) for part in PARTS}
    numbers = assign_parts(clusters, seed)
    for x in blocks:
        stop, dim = start + len(x), x.shape[1]
        mine, places = numbers[start:stop], np.arange(start, stop)
        for number, part in enumerate(PARTS):
            kept[part].add(x[mine == number], places[mine == number])
        for name, state in states.items():
            rows = (mine == 0) & (True if name == ALL else of[name][start:stop])
            if rows.any():
                state.update(x[rows], hash_rows(start, stop)[rows])
                seen[name] += int(rows.sum())
        start = stop
    if not seen[ALL]:
        raise InputError(f"{start} rows leave none to fit; pass some hundred rows")
    moments = {name: state.result() for name, state in states.items() if seen[name]}
    rows_of = {part: k.rows(dim, clusters) for part, k in kept.items()}
    return SpaceParts(moments, rows_of, {p: k.total for p, k in kept.items()}, dim)


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
            self._trim()

    def _trim(self) -> None:
        x, places = (np.concatenate(c) for c in zip(*self.parts, strict=True))
        order = np.argsort(combine(places.astype(np.uint64), self.seed + 1), kind="stable")
        best = np.sort(order[: self.limit])
        self.parts, self.n = [(x[best], places[best])], len(best)

    def rows(self, dim: int, clusters: Hashes) -> SpaceRows:
        if not self.parts:
            return SpaceRows(np.empty((0, dim)), np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp))
        self._trim()
        x, places = self.parts[0]
        return SpaceRows(x, places, numbered(clusters[places]))
