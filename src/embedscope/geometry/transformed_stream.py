"""A stream mapped by fitted transforms, one chain per space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from embedscope.core.arrays import to_float64, to_numpy
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.execution import Engine
from embedscope.execution.memory_budget import READING, Reading, rounds_of
from embedscope.execution.passes import Results, one_pass
from embedscope.stats.moments import Moments

if TYPE_CHECKING:
    from embedscope.transforms import Chain


@dataclass(frozen=True)
class TransformedStream:
    """The rows of ``stream`` with every space mapped by its chain, in float64; ``unfit`` has reasons by space."""

    stream: Stream
    chains: Mapping[str, Chain]
    unfit: Mapping[str, str]

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every space after its chain; a space whose chain cannot be fitted is missing."""
        return {space: chain.n_features_out_ for space, chain in self.chains.items()}

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None where it is unknown."""
        return self.stream.n_rows

    def shards(self) -> Sequence[Shard]:
        """The shards of the original stream, transformed."""
        return [
            _NumberedShard(shard, self.chains) if hasattr(shard, "start") else _TransformedShard(shard, self.chains)
            for shard in self.stream.shards()
        ]


@dataclass(frozen=True)
class _TransformedShard:
    shard: Shard
    chains: Mapping[str, Chain]

    def batches(self) -> Iterator[Batch]:
        """The batches of the original shard, transformed."""
        for batch in self.shard.batches():
            spaces = {name: c.apply(to_numpy(to_float64(batch.spaces[name]))) for name, c in self.chains.items()}
            yield replace(batch, spaces=spaces)


class _NumberedShard(_TransformedShard):
    """A shard of a file, which knows the number of its first row."""

    @property
    def start(self) -> int:
        """Number of the first row."""
        return int(self.shard.start)  # type: ignore[attr-defined]


def transform_stream(
    stream: Stream,
    text: str,
    *,
    engine: Engine,
    progress: Progress,
    memory: int | None = None,
    reading: Reading = READING,
) -> TransformedStream:
    """``stream`` mapped by the chain ``text``, fitted in each space on the moments of all its rows in an extra pass.

    Parameters
    ----------
    memory, reading : bytes that the process may use, and what reading the stream takes of them; see ``rounds_of``

    Raises
    ------
    InputError, UnknownNameError
        if the chain cannot be parsed, cannot be fitted in any space (k above the rank), or takes more memory.
    """
    from embedscope.transforms import parse_chain

    chain = parse_chain(text)
    need = Moments("raw")
    nothing: dict[str, Results] = {space: {} for space in stream.dims}
    count = 0 if memory is None else len(stream.shards())
    engine, rounds = rounds_of(stream.dims, [need], (), count, engine, memory, reading, f"to fit {text}")
    states: dict[str, Any] = {}
    for part in rounds:
        states |= one_pass(
            stream, part.needs, nothing, grouped=(), engine=engine, progress=progress, spaces=part.spaces
        )
    from sklearn.base import clone

    chains: dict[str, Chain] = {}
    unfit: dict[str, str] = {}
    for space in stream.dims:
        try:
            chains[space] = clone(chain).fit_moments(states[space].pop(need).result().full)
        except InputError as error:
            if len(unfit) + 1 == len(stream.dims):
                raise
            unfit[space] = f"undefined: the transform cannot be fitted here: {error}"
    return TransformedStream(stream, chains, unfit)
