"""Models read over texts by the workers of an engine: a shard carries the recipe of its model, not the model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from embedscope.core.arrays import Hashes
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.encoders import Framed, Picks, TextEncoder, open_encoder
from embedscope.execution import Engine
from embedscope.sources.options import Reading, Source
from embedscope.sources.sequential import SequentialStream
from embedscope.sources.text_vectors import Encoded, Pooling
from embedscope.sources.token_streams import TokenStream

_SHARDS = 8, 64
_ROWS = 16_384


@dataclass(frozen=True)
class Recipe:
    """What opens a model: its URI and the options of ``open_encoder``."""

    uri: str
    device: str
    dtype: str
    trust_remote_code: bool
    seed: int

    def open(self) -> TextEncoder:
        """The model, opened once in every process and kept there."""
        return _opened(self)


@lru_cache(maxsize=1)
def _opened(recipe: Recipe) -> TextEncoder:
    return open_encoder(
        recipe.uri,
        device=recipe.device,
        dtype=recipe.dtype,
        trust_remote_code=recipe.trust_remote_code,
        seed=recipe.seed,
    )


def on_workers(source: Source, engine: Engine, uri: str, reading: Reading) -> Source:
    """``source`` with a plan for the workers of ``engine`` where it is tokens in context; else as it is.

    Words and sentences are in the cache already, see :class:`TextsElsewhere`, and vectors that are looked up are not
    computed. The number of shards follows the rows alone, never the workers, so that the bits do not depend on them.
    """
    if not isinstance(source.stream, SequentialStream) or not isinstance(source.stream.stream, TokenStream):
        return source
    inner, spaces = source.stream.stream, source.stream.spaces
    recipe = Recipe(uri, reading.device, reading.dtype, reading.trust_remote_code, reading.seed)
    return replace(source, stream=PlannedStream(inner, spaces, _token_shards(inner, recipe, spaces)), engine=engine)


@dataclass(frozen=True)
class PlannedStream:
    """The rows of ``stream`` in some ``spaces``, in shards that need nothing of this process."""

    stream: Stream
    spaces: tuple[str, ...]
    plan: tuple[Shard, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space kept."""
        return {space: self.stream.dims[space] for space in self.spaces}

    @property
    def n_rows(self) -> int | None:
        """Number of rows."""
        return self.stream.n_rows

    def shards(self) -> Sequence[Shard]:
        """The plan."""
        return self.plan


@dataclass(frozen=True)
class ForwardPass:
    """One call of a model: token ids of some sentences, positions picked in each, and hashes of the tokens picked."""

    sentences: tuple[Sequence[int], ...]
    positions: tuple[tuple[int, ...], ...]
    ids: Hashes
    clusters: Hashes


@dataclass(frozen=True)
class TokensElsewhere:
    """Forward passes over sentences, read by the model of ``recipe``."""

    recipe: Recipe
    passes: tuple[ForwardPass, ...]
    spaces: tuple[str, ...]

    def batches(self) -> Iterator[Batch]:
        """States of one forward pass after another."""
        encoder = self.recipe.open()
        for p in self.passes:
            picks = Picks([r for r, cols in enumerate(p.positions) for _ in cols], [c for q in p.positions for c in q])
            states, _ = encoder.read([list(ids) for ids in p.sentences], picks)
            yield Batch(p.ids, p.clusters, {space: states[space] for space in self.spaces})


@dataclass(frozen=True)
class TextsElsewhere:
    """Forward passes over words or sentences by the workers of ``engine``, one a shard; an ``Encoding`` of ``extract``.

    Their vectors come back in order, to be cached and measured as those that this process made: the batches are the
    same, and so are the bits where torch has as many threads.
    """

    engine: Engine
    recipe: Recipe

    def __call__(
        self, framed: Framed, batches: Iterable[Sequence[int]], poolings: Sequence[Pooling]
    ) -> Iterator[Encoded]:
        """Vectors of each batch of texts of ``framed``."""
        return self.engine.map(_Encode(self.recipe, tuple(poolings)), [_part(framed, batch) for batch in batches])


def texts_on(engine: Engine, uri: str, reading: Reading) -> Callable[[str], TextsElsewhere]:
    """What gives the forward passes of the model ``uri`` to the workers of ``engine``, for the device it is told.

    It is the device of this process, not what each worker would choose: the cache keeps vectors by the device.
    """

    def on_device(device: str) -> TextsElsewhere:
        recipe = Recipe(uri, device, reading.dtype, reading.trust_remote_code, reading.seed)
        return TextsElsewhere(engine, recipe)

    return on_device


@dataclass(frozen=True)
class _Encode:
    """On a worker: one forward pass of the model of ``recipe``."""

    recipe: Recipe
    poolings: tuple[Pooling, ...]

    def __call__(self, framed: Framed) -> Encoded:
        return self.recipe.open().encode_framed(framed, range(len(framed.ids)), self.poolings)


def _part(framed: Framed, batch: Sequence[int]) -> Framed:
    return framed.part(batch)


def _token_shards(stream: TokenStream, recipe: Recipe, spaces: tuple[str, ...]) -> tuple[Shard, ...]:
    passes = []
    for sentences, positions in stream.batches:
        passes.append(
            ForwardPass(
                tuple(stream.framed.ids[i] for i in sentences),
                positions,
                np.concatenate([stream.ids[i] for i in sentences]),
                np.repeat(stream.clusters[list(sentences)], [len(cols) for cols in positions]),
            )
        )
    cuts = _cuts(len(passes), stream.n_rows)
    return tuple(TokensElsewhere(recipe, tuple(passes[a:b]), spaces) for a, b in cuts)


def _cuts(n: int, rows: int) -> list[tuple[int, int]]:
    """Ranges of ``n`` parts: 8 shards, up to 64 where there are more than 16,384 ``rows`` in each."""
    shards = min(n, max(_SHARDS[0], min(_SHARDS[1], rows // _ROWS)))
    edges = [n * i // shards for i in range(shards + 1)]
    return list(itertools.pairwise(edges))
