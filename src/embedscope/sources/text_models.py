"""Models read over texts as streams: tokens in context, or the texts themselves as words and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_sample, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import TextTable
from embedscope.execution import Local
from embedscope.readers import ArrayStream
from embedscope.sources.layer_selection import select_spaces
from embedscope.sources.models import SpaceName, extract_texts, model_spaces, open_text_model
from embedscope.sources.options import DEFAULT_TOKENS, ModelOptions, Source
from embedscope.sources.token_streams import TextStream, token_stream

if TYPE_CHECKING:
    from embedscope.encoders import Lookup, TextEncoder
    from embedscope.sources.text_vectors import Encoding

EncodingOn = Callable[[str], "Encoding"]
"""Gives what runs forward passes on a device, named as torch names it."""


@dataclass(frozen=True)
class SequentialStream:
    """``stream`` restricted to some ``spaces`` and read as one shard, since a model runs one batch at a time anyway.

    The states of its many layers are then held once and never merged.
    """

    stream: Stream
    spaces: tuple[str, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every selected space."""
        return {space: self.stream.dims[space] for space in self.spaces}

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None where it is unknown."""
        return self.stream.n_rows

    def shards(self) -> Sequence[Shard]:
        """One shard."""
        return [_WholeShard(self)]


@dataclass(frozen=True)
class _WholeShard:
    stream: SequentialStream

    def batches(self) -> Iterator[Batch]:
        """The batches of all shards of the stream, restricted to its spaces."""
        for shard in self.stream.stream.shards():
            for batch in shard.batches():
                yield replace(batch, spaces={space: batch.spaces[space] for space in self.stream.spaces})


def model_sources(
    uri: str,
    table: TextTable | None,
    name: str,
    options: ModelOptions,
    progress: Progress,
    provenance: Provenance,
    encoding: EncodingOn | None = None,
) -> Iterator[Source]:
    """Sources of the model ``uri`` over the texts of ``table``: tokens, or whole texts in each pooling.

    Parameters
    ----------
    table, name : the texts and what records call them; None takes the words that the model has vectors of
    encoding : runs the forward passes over whole texts, given the device; this process where None

    Raises
    ------
    InputError
        if the model lacks a layer or pooling of ``options``, or knows none of the texts.
    """
    from embedscope.encoders import TextEncoder

    model = open_text_model(uri, options, provenance, progress)
    if not isinstance(model, TextEncoder):
        spaces = model_spaces(model, uri, options, "layers", provenance, progress)
        if table is None:
            table, name = TextTable(tuple(dict.fromkeys(getattr(model, "vocabulary", ()))), "word"), "the file"
        source = _lookup_source(model, uri, table, name, [s.space for s in spaces], options)
        provenance.models[uri] |= dict(model.facts)
        yield source
        return
    if table is None:
        raise InputError(f"{uri} needs texts; add --texts FILE with one text per line")
    unit = options.unit or ("word" if table.unit == "word" else "token")
    if unit == "token":
        yield _token_source(model, uri, table, name, options, progress)
        return
    by_pooling: dict[str | None, list[SpaceName]] = {}
    for space in model_spaces(model, uri, options, "layers", provenance, progress):
        by_pooling.setdefault(space.pooling, []).append(space)
    for pooling, spaces in by_pooling.items():
        with provenance.phase(f"vectors {uri}"):
            selected = tuple(s.space for s in spaces)
            source = _text_source(model, uri, table, name, unit, pooling, selected, options, progress, encoding)
        yield source


def _lookup_source(
    model: Lookup, uri: str, table: TextTable, name: str, spaces: Sequence[str], options: ModelOptions
) -> Source:
    """The texts that a model without layers knows; a hash sample of ``max_rows`` of all. ``subset`` counts them."""
    hashes, total = hash_texts(table.texts), len(table)
    if options.max_rows:
        rows = hash_sample(hashes, options.max_rows, options.seed)
        table, hashes = TextTable(tuple(table.texts[i] for i in rows), table.unit), hashes[rows]
    x = {space: model.matrix(None, space, table.texts) for space in spaces}
    known = np.logical_and.reduce([np.isfinite(v).all(axis=1) for v in x.values()])
    if not known.any():
        raise InputError(f"{uri} knows none of the {len(table):,} texts of {name}; measure it on other texts")
    stream = ArrayStream({space: v if known.all() else v[known] for space, v in x.items()}, hashes[known])
    subset = f"{int(known.sum()):,} of {len(table):,} {table.unit}s of {name} have a vector"
    if len(table) < total:
        subset += f", a sample of {total:,}"
    labels = {"task": name, "label": f"{uri} on {name}", "subset": subset, "exact": len(table) == total}
    return Source(uri, stream, Local(), labels)


def _token_source(
    encoder: TextEncoder, uri: str, table: TextTable, name: str, options: ModelOptions, progress: Progress
) -> Source:
    """Tokens of the texts in context, in the tokenizer's own framing where no pooling is named."""
    poolings = options.poolings or ("native",)
    if len(poolings) > 1:
        raise InputError(
            f"tokens are read in one framing at a time, got {', '.join(poolings)}; name one with --pooling"
        )
    if poolings[0] in ("eos", "pooled"):
        raise InputError(
            f"pooling {poolings[0]} gives one vector per text, not tokens; add --unit sentence or --unit word"
        )
    max_rows = DEFAULT_TOKENS if options.max_rows is None else options.max_rows
    stream = token_stream(
        encoder,
        table.texts,
        sample=max_rows or None,
        seed=options.seed,
        pooling=poolings[0],
        first_position=options.first_position,  # type: ignore[arg-type]
        clusters=table.clusters or None,
    )
    for note in stream.notes:
        progress.note(note)
    n, total = stream.n_rows, stream.n_candidates
    labels = {
        "task": name,
        "pooling": poolings[0],
        "subset": f"{n:,} of {total:,} tokens" if n < total else f"all {total:,} tokens",
        "exact": n == total,
        "label": f"{uri}, tokens of {name}",
    }
    spaces = select_spaces(options.layers, tuple(stream.dims))
    return Source(uri, SequentialStream(stream, spaces), Local(), labels)


def _text_source(  # noqa: PLR0913
    encoder: TextEncoder,
    uri: str,
    table: TextTable,
    name: str,
    unit: str,
    pooling: str | None,
    spaces: tuple[str, ...],
    options: ModelOptions,
    progress: Progress,
    encoding: EncodingOn | None,
) -> Source:
    """Whole texts in some ``spaces`` of one pooling; a hash sample of them where ``max_rows`` says so."""
    rows = hash_sample(hash_texts(table.texts), options.max_rows, options.seed)
    texts = [table.texts[i] for i in rows]
    by = None if encoding is None else encoding(encoder.device)
    vectors = extract_texts(encoder, texts, [pooling], options, progress, by)
    n, total = len(texts), len(table)
    labels: dict[str, Any] = {
        "task": name,
        "pooling": pooling,
        "label": f"{uri}, {unit}s of {name}",
        "exact": n == total,
        "subset": f"{n:,} of {total:,} {unit}s" if n < total else f"{n:,} {unit}s",
    }
    return Source(uri, SequentialStream(TextStream(vectors, pooling, spaces), spaces), Local(), labels)
