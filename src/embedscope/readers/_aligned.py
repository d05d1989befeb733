"""Matrices over the same rows, lying in several files or places of one: a space each, read side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import cuts, plan
from embedscope.readers._raw import RawMatrix, RawShard


def aligned(matrices: Mapping[str, RawMatrix]) -> Stream:
    """Spaces ``matrices``, which must have the same rows; a single one is its own stream."""
    first = next(iter(matrices.values()))
    for matrix in matrices.values():
        if matrix.n_rows != first.n_rows:
            raise InputError(
                f"{first.name} has {first.n_rows:,} rows and {matrix.name} has {matrix.n_rows:,}; spaces of one source "
                "must have the same rows: measure them one by one"
            )
    return first if len(matrices) == 1 else AlignedStream(dict(matrices))


@dataclass(frozen=True)
class AlignedStream:
    """Matrices of as many rows; row i of each is the same thing."""

    matrices: Mapping[str, RawMatrix]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return {space: matrix.shape[1] for space, matrix in self.matrices.items()}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return next(iter(self.matrices.values())).n_rows

    def shards(self) -> Sequence[Shard]:
        """Fixed row ranges, by the widest space."""
        return [AlignedShard(self, a, b) for a, b in plan(self.n_rows, max(self.dims.values()))]


@dataclass(frozen=True)
class AlignedShard:
    """Rows ``start .. stop`` of every matrix."""

    stream: AlignedStream
    start: int
    stop: int

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks; a block of the widest space is one block of any other."""
        for a, b in cuts(self.start, self.stop, max(self.stream.dims.values())):
            ids = hash_rows(a, b)
            spaces = {}
            for space, matrix in self.stream.matrices.items():
                (batch,) = RawShard(matrix, a, b).batches()
                spaces[space] = batch.spaces[matrix.space]
            yield Batch(ids, ids, spaces)
