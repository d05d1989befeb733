"""The first pass over a stream that is split: units of evidence need it, and the second pass the rows of each shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedscope.certification.evidence import RUNS, SEARCHED, Survey
from embedscope.core.arrays import to_numpy
from embedscope.core.batch import Shard, Stream
from embedscope.sources.row_blocks import map_parts


@dataclass(frozen=True, eq=False)
class Surveyed:
    """What a first pass found.

    Attributes
    ----------
    surveys : one for each space
    sizes : rows of each shard
    """

    surveys: tuple[Survey, ...]
    sizes: tuple[int, ...]

    @property
    def n(self) -> int:
        """Rows of the stream."""
        return sum(self.sizes)


def survey_spaces(stream: Stream, spaces: Sequence[str]) -> Surveyed:
    """Survey of each of ``spaces``, shard by shard by the engine of the run; the shards alone decide what is found.

    Runs of rows come from shards that are spread over the stream evenly.
    """
    shards = stream.shards()
    keep = SEARCHED if stream.n_rows is None or stream.n_rows <= SEARCHED else 0
    step = -(-len(shards) // RUNS) if shards else 1
    runs = -(-RUNS // max(1, -(-len(shards) // step)))
    parts = [_Part(shard, runs if i % step == 0 else 0) for i, shard in enumerate(shards)]
    totals, sizes = tuple(Survey(keep) for _ in spaces), []
    for part in map_parts(stream, _Work(tuple(spaces), keep), parts):
        for total, one in zip(totals, part, strict=True):
            total.merge(one)
        sizes.append(part[0].n)
    return Surveyed(totals, tuple(sizes))


@dataclass(frozen=True)
class _Part:
    """A shard, and how many runs of rows are kept of it."""

    shard: Shard
    runs: int


@dataclass(frozen=True)
class _Work:
    spaces: tuple[str, ...]
    keep: int

    def __call__(self, part: _Part) -> tuple[Survey, ...]:
        surveys = tuple(Survey(self.keep, part.runs) for _ in self.spaces)
        for batch in part.shard.batches():
            for space, survey in zip(self.spaces, surveys, strict=True):
                survey.add(
                    to_numpy(batch.spaces[space]).copy() if self.keep else to_numpy(batch.spaces[space]), batch.ids
                )
        return surveys
