"""A stream read as one shard, with some of its spaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from embedscope.core.batch import Batch, Shard, Stream


@dataclass(frozen=True)
class SequentialStream:
    """``stream`` with some of its ``spaces``, read as one shard: a model runs one batch at a time anyway.

    So the states of its many layers are held once, and never merged.
    """

    stream: Stream
    spaces: tuple[str, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space kept."""
        return {space: self.stream.dims[space] for space in self.spaces}

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None where it is not known."""
        return self.stream.n_rows

    def shards(self) -> Sequence[Shard]:
        """One shard."""
        return [_WholeShard(self)]


@dataclass(frozen=True)
class _WholeShard:
    stream: SequentialStream

    def batches(self) -> Iterator[Batch]:
        """The batches of all shards beneath, with the spaces kept."""
        for shard in self.stream.stream.shards():
            for batch in shard.batches():
                yield replace(batch, spaces={space: batch.spaces[space] for space in self.stream.spaces})
