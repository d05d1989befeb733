"""Matrices that are read by ranges of rows: every format with one space shares these shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from embedscope.core.arrays import check_finite
from embedscope.core.batch import Batch
from embedscope.core.boundary import guard_batches
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import plan


class RowRanges:
    """The stream of an (n, d) matrix in one place; a format says how ``blocks`` of its rows are read.

    Attributes
    ----------
    name : what errors call it
    shape : (n, d)
    space : the name of its space
    """

    if TYPE_CHECKING:  # fields or properties of the formats

        @property
        def name(self) -> str: ...
        @property
        def shape(self) -> tuple[int, int]: ...
        @property
        def space(self) -> str: ...

    def blocks(self, start: int, stop: int, dim: int) -> Iterator[npt.NDArray[Any]]:
        """The rows ``start .. stop`` in order, in blocks as large as those of ``dim`` dimensions."""
        raise NotImplementedError

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of the one space."""
        return {self.space: self.shape[1]}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.shape[0]

    def shard(self, start: int, stop: int, dim: int) -> RowRange:
        """Rows ``start .. stop``, in blocks as large as those of ``dim`` dimensions."""
        return RowRange(self, start, stop, dim)

    def shards(self) -> Sequence[RowRange]:
        """Fixed row ranges."""
        return [RowRange(self, a, b, self.shape[1]) for a, b in plan(*self.shape)]


@dataclass(frozen=True)
class RowRange:
    """Rows ``start .. stop`` of a matrix, in blocks as large as those of ``dim`` dimensions."""

    matrix: RowRanges
    start: int
    stop: int
    dim: int

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.matrix.name

    @guard_batches
    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, checked to be finite."""
        done = self.start
        for block in self.matrix.blocks(self.start, self.stop, self.dim):
            x = block if block.dtype.isnative else block.astype(block.dtype.newbyteorder("="))
            check_finite(x, self.matrix.name, done)
            ids = hash_rows(done, done + len(x))
            yield Batch(ids, ids, {self.matrix.space: x})
            done += len(x)
