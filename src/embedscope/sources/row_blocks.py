"""Rows of a stream on the engine of the run: read there, or brought to states that merge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need, fold
from embedscope.core.arrays import to_numpy
from embedscope.core.batch import Shard, Stream
from embedscope.core.block import RowBlock
from embedscope.execution import Engine
from embedscope.execution.current import engine_for
from embedscope.readers import ArrayStream

Matrix = npt.NDArray[Any]
S = TypeVar("S")
R = TypeVar("R")


def engine_of(stream: Stream) -> Engine:
    """The engine that reads ``stream``; arrays in memory stay in this process."""
    held = getattr(stream, "in_memory", isinstance(stream, ArrayStream))
    return engine_for(tuple(stream.dims.values()), in_memory=held)


def map_parts(stream: Stream, work: Callable[[S], R], parts: Sequence[S]) -> Iterator[R]:
    """``work`` of ``parts`` of ``stream`` (shards, and what belongs to them), in their order, by the engine."""
    return engine_of(stream).map(work, parts)


def row_blocks(stream: Stream, space: str) -> Iterator[Matrix]:
    """The rows of ``space`` (m, d), shard by shard in order, read by the engine."""
    return map_parts(stream, ReadShard(space), stream.shards())


def results_of(stream: Stream, space: str, needs: Sequence[Need[Any]]) -> list[Any]:
    """Results of ``needs`` (of a first pass) over all rows of ``space``, read once by the engine."""
    states = fold(map_parts(stream, _Feed(space, tuple(needs)), stream.shards()), _merge)
    return [state.result() for state in states]


@dataclass(frozen=True)
class _Feed:
    space: str
    needs: tuple[Need[Any], ...]

    def __call__(self, shard: Shard) -> list[Accumulator[Any]]:
        states = [need.start({}) for need in self.needs]
        for batch in shard.batches():
            block = RowBlock(batch.spaces[self.space], batch.ids)
            for state in states:
                state.take(block)
        return states


def _merge(a: list[Accumulator[Any]], b: list[Accumulator[Any]]) -> list[Accumulator[Any]]:
    return [x.merge(y) for x, y in zip(a, b, strict=True)]


@dataclass(frozen=True)
class ReadShard:
    """What a reader does with a shard: its rows in one matrix, no longer tied to the file."""

    space: str

    def __call__(self, shard: Shard) -> Matrix:
        """The rows (m, d)."""
        return np.concatenate([to_numpy(batch.spaces[self.space]).copy() for batch in shard.batches()])
