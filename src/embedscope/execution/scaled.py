"""A stream whose rows are multiplied by a power of two, which costs no digit: fourth powers stay finite then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from embedscope.core.batch import Batch, Shard, Stream


@dataclass(frozen=True)
class ScaledStream:
    """The rows of ``stream`` times 2 ** ``power``."""

    stream: Stream
    power: int

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every space."""
        return self.stream.dims

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None where it is not known."""
        return self.stream.n_rows

    def shards(self) -> Sequence[Shard]:
        """The shards of the stream beneath."""
        return [_ScaledShard(shard, self.power) for shard in self.stream.shards()]


@dataclass(frozen=True)
class _ScaledShard:
    shard: Shard
    power: int

    def batches(self) -> Iterator[Batch]:
        """The batches beneath, scaled in two steps, since 2 ** 1074 is no float."""
        first = self.power // 2
        for batch in self.shard.batches():
            spaces = {name: x * 2.0**first * 2.0 ** (self.power - first) for name, x in batch.spaces.items()}
            yield replace(batch, spaces=spaces)
