"""Models run by the workers of an engine: a shard carries the recipe that opens its model, not the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from embedscope.core.arrays import Hashes
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.encoders import Framed, Picks, TextEncoder
from embedscope.execution import Engine
from embedscope.sources.models import open_text_model
from embedscope.sources.options import ModelOptions, Source
from embedscope.sources.text_models import SequentialStream
from embedscope.sources.text_vectors import Encoded, Pooling
from embedscope.sources.token_streams import TokenStream

_SHARDS = 8, 64
_ROWS = 16_384


@dataclass(frozen=True)
class Recipe:
    """The URI of a model and the options that open it."""

    uri: str
    options: ModelOptions

    def open(self) -> TextEncoder:
        """The model, opened once per process and then reused."""
        return _open_once(self)


@lru_cache(maxsize=1)
def _open_once(recipe: Recipe) -> TextEncoder:
    model = open_text_model(recipe.uri, recipe.options, Provenance())
    if not isinstance(model, TextEncoder):
        raise InputError(f"{recipe.uri} has no layers for workers to read; run it with --engine local")
    return model


@dataclass(frozen=True)
class WorkerModel:
    """The model ``uri`` run by the workers of ``engine`` instead of this process."""

    engine: Engine
    uri: str
    options: ModelOptions

    def encoding(self, device: str) -> WorkerEncoding:
        """Forward passes over whole texts on ``device``, the device of this process: the cache keeps vectors by it."""
        return WorkerEncoding(self.engine, Recipe(self.uri, self.options.only_opening(device=device)))

    def token_source(self, source: Source) -> Source:
        """``source`` planned for the workers where it is tokens in context; any other source as it is.

        Words and sentences come from the cache, and the vectors of a lookup are not computed. The number of shards
        depends on the number of rows alone, so that results have the same bits for any number of workers.
        """
        if not isinstance(source.stream, SequentialStream) or not isinstance(source.stream.stream, TokenStream):
            return source
        inner, spaces = source.stream.stream, source.stream.spaces
        recipe = Recipe(self.uri, self.options.only_opening())
        stream = PlannedStream(inner, spaces, _token_shards(inner, recipe, spaces))
        return replace(source, stream=stream, engine=self.engine)


@dataclass(frozen=True)
class PlannedStream:
    """The rows of ``stream`` in some ``spaces``, in shards that need nothing of this process."""

    stream: Stream
    spaces: tuple[str, ...]
    plan: tuple[Shard, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every selected space."""
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
    """One forward pass: token ids of some sentences, positions read in each, and hashes of the tokens read."""

    sentences: tuple[Sequence[int], ...]
    positions: tuple[tuple[int, ...], ...]
    ids: Hashes
    clusters: Hashes


@dataclass(frozen=True)
class WorkerTokens:
    """A shard of forward passes over sentences, run by the model of ``recipe``."""

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
class WorkerEncoding:
    """Forward passes over words or sentences by the workers of ``engine``, one per shard; an ``Encoding``.

    The vectors come back in order, to be cached and measured like those of this process: the batches are the same, and
    so are the bits where torch has the same number of threads.
    """

    engine: Engine
    recipe: Recipe

    def __call__(
        self, framed: Framed, batches: Iterable[Sequence[int]], poolings: Sequence[Pooling]
    ) -> Iterator[Encoded]:
        """Vectors of each batch of texts of ``framed``."""
        return self.engine.map(_Encode(self.recipe, tuple(poolings)), [_part(framed, batch) for batch in batches])


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
    ranges = _shard_ranges(len(passes), stream.n_rows)
    return tuple(WorkerTokens(recipe, tuple(passes[a:b]), spaces) for a, b in ranges)


def _shard_ranges(n: int, rows: int) -> list[tuple[int, int]]:
    """Ranges of ``n`` forward passes: 8 shards, up to 64 where each would have more than 16,384 ``rows``."""
    shards = min(n, max(_SHARDS[0], min(_SHARDS[1], rows // _ROWS)))
    edges = [n * i // shards for i in range(shards + 1)]
    return list(itertools.pairwise(edges))
