"""Matrices over the same rows, lying in several files or places of one: a space each, read side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.boundary import guard_batches
from embedscope.core.errors import InputError
from embedscope.readers._blocks import plan
from embedscope.readers._row_strings import RowStrings, ids_of, texts_of
from embedscope.readers.held import held_bytes


class Matrix(Stream, Protocol):
    """A stream of one space whose rows can be read from any row on."""

    @property
    def name(self) -> str:
        """What errors call it."""

    @property
    def space(self) -> str:
        """The name of its space."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""

    def shard(self, start: int, stop: int, dim: int) -> Shard:
        """Rows ``start .. stop``, in blocks as large as those of ``dim`` dimensions."""


def align(matrices: Mapping[str, Matrix]) -> Stream:
    """Spaces ``matrices``, which must have the same rows; a single one is its own stream."""
    first = next(iter(matrices.values()))
    for matrix in matrices.values():
        if matrix.shape[0] != first.shape[0]:
            raise InputError(
                f"{first.name} has {first.shape[0]:,} rows and {matrix.name} has {matrix.shape[0]:,}; spaces of one "
                "source must have the same rows: measure them one by one"
            )
    return first if len(matrices) == 1 else AlignedStream(dict(matrices))


@dataclass(frozen=True)
class AlignedStream:
    """Matrices of as many rows; row i of each is the same thing."""

    matrices: Mapping[str, Matrix]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return {space: matrix.shape[1] for space, matrix in self.matrices.items()}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return next(iter(self.matrices.values())).shape[0]

    @property
    def held(self) -> int:
        """Bytes that a worker holds of all files beside the blocks that it gives."""
        return sum(held_bytes(matrix) for matrix in self.matrices.values())

    @property
    def row_ids(self) -> RowStrings | None:
        """The ids of the first space that has them."""
        return next(filter(None, map(ids_of, self.matrices.values())), None)

    @property
    def row_texts(self) -> RowStrings | None:
        """The texts of the first space that has them."""
        return next(filter(None, map(texts_of, self.matrices.values())), None)

    def shards(self) -> Sequence[Shard]:
        """Fixed row ranges, by the widest space."""
        return [AlignedShard(self, a, b) for a, b in plan(self.n_rows, max(self.dims.values()))]


@dataclass(frozen=True)
class AlignedShard:
    """Rows ``start .. stop`` of every matrix."""

    stream: AlignedStream
    start: int
    stop: int

    @property
    def label(self) -> str:
        """What errors call it."""
        return next(iter(self.stream.matrices.values())).name

    @guard_batches
    def batches(self) -> Iterator[Batch]:
        """The rows in blocks; a block of the widest space is one block of any other."""
        widest, matrices = max(self.stream.dims.values()), self.stream.matrices
        shards = [matrix.shard(self.start, self.stop, widest) for matrix in matrices.values()]
        for batches in zip(*(shard.batches() for shard in shards), strict=True):
            spaces = {space: b.spaces[m.space] for (space, m), b in zip(matrices.items(), batches, strict=True)}
            yield Batch(batches[0].ids, batches[0].clusters, spaces)
