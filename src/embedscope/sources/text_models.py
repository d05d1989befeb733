"""Models read over texts: their tokens in context, or the texts as words and sentences, as streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import TextTable
from embedscope.execution import Local
from embedscope.readers import ArrayStream
from embedscope.sources.layer_selection import chosen_spaces
from embedscope.sources.options import SAMPLE, Reading, Source
from embedscope.sources.sequential import SequentialStream

if TYPE_CHECKING:
    from embedscope.encoders import Lookup, TextEncoder
    from embedscope.sources.text_vectors import Encoding


def model_sources(
    uri: str,
    table: TextTable,
    name: str,
    reading: Reading,
    seed: int,
    progress: Progress,
    provenance: Provenance,
    encoding: Callable[[str], Encoding] | None = None,
) -> Iterator[Source]:
    """The tokens of the texts in context; or the texts themselves, in every layer and as the model pools them.

    ``encoding``, told the device, runs the forward passes over whole texts; this process does where it is None.
    """
    from embedscope.encoders import TextEncoder, open_model

    progress.start(f"loading {uri}", None, "models")
    with provenance.phase(f"load {uri}"):
        encoder = open_model(
            uri,
            device=reading.device,
            dtype=reading.dtype,
            trust_remote_code=reading.trust_remote_code,
            seed=seed,
            cache=reading.cache,
            note=progress.note,
            yes=reading.yes,
        )
    progress.advance(1)
    progress.close()
    if not isinstance(encoder, TextEncoder):
        source = _looked_up(encoder, uri, table, name, reading)
        provenance.models[uri] = dict(encoder.facts)
        yield source
        return
    provenance.models[uri] = encoder.info.as_dict()
    unit = reading.unit or ("word" if table.unit == "word" else "token")
    if unit == "token" and reading.pooling == "eos":
        raise InputError("pooling eos reads one position of each text, not tokens; add --unit sentence or --unit word")
    if unit == "token":
        yield _tokens(encoder, table, name, reading, seed, progress)
        return
    pooled = ["pooled"] if encoder.has_pooled and reading.pooling is None else []
    spaces = chosen_spaces(reading.layers, (*encoder.spaces, *pooled))
    poolings = {
        reading.pooling or "plain": [s for s in spaces if s != "pooled"],
        None: [s for s in spaces if s in pooled],
    }
    for pooling, kept in poolings.items():
        if kept:
            with provenance.phase(f"vectors {uri}"):
                source = _whole_texts(encoder, table, name, unit, pooling, kept, reading, progress, encoding)
            yield source


def _looked_up(model: Lookup, uri: str, table: TextTable, name: str, reading: Reading) -> Source:
    """The texts that a model without layers knows; those it does not know are counted and left out."""
    spaces = chosen_spaces(reading.layers, tuple(model.spaces))
    x = {space: model.matrix(None, space, table.texts) for space in spaces}
    known = np.logical_and.reduce([np.isfinite(v).all(axis=1) for v in x.values()])
    if not known.any():
        raise InputError(f"{uri} knows none of the {len(table):,} texts of {name}; measure it on other texts")
    ids = hash_texts(table.texts)[known]
    stream = ArrayStream({space: v[known] for space, v in x.items()}, ids)
    subset = f"{int(known.sum()):,} of {len(table):,} {table.unit}s of {name} have a vector"
    return Source(uri, stream, Local(), {"task": name, "label": f"{uri} on {name}", "subset": subset})


def _tokens(
    encoder: TextEncoder, table: TextTable, name: str, reading: Reading, seed: int, progress: Progress
) -> Source:
    from embedscope.sources.token_streams import token_stream

    sample = SAMPLE if reading.max_rows is None else reading.max_rows
    stream = token_stream(
        encoder,
        table.texts,
        sample=sample or None,
        seed=seed,
        pooling=reading.pooling or "native",
        first_position=reading.first_position,  # type: ignore[arg-type]
        clusters=table.clusters or None,
    )
    for note in stream.notes:
        progress.note(note)
    uri, taken, every = encoder.info.uri, stream.n_rows, stream.n_candidates
    labels = {
        "task": name,
        "pooling": reading.pooling or "native",
        "subset": f"{taken:,} of {every:,} tokens" if taken < every else f"all {every:,} tokens",
        "exact": taken == every,
        "label": f"{uri}, tokens of {name}",
    }
    spaces = chosen_spaces(reading.layers, tuple(stream.dims))
    return Source(uri, SequentialStream(stream, spaces), Local(), labels)


def _sampled(table: TextTable, sample: int | None, seed: int) -> TextTable:
    """The ``sample`` texts with the smallest hash of (seed, text), in their order; all where there are no more."""
    if not sample or sample >= len(table):
        return table
    kept = np.sort(np.argsort(combine(hash_texts(table.texts), seed), kind="stable")[:sample])
    clusters = tuple(table.clusters[i] for i in kept) if table.clusters else ()
    return replace(table, texts=tuple(table.texts[i] for i in kept), clusters=clusters)


def _whole_texts(
    encoder: TextEncoder,
    table: TextTable,
    name: str,
    unit: str,
    pooling: str | None,
    spaces: Sequence[str],
    reading: Reading,
    progress: Progress,
    encoding: Callable[[str], Encoding] | None,
) -> Source:
    from embedscope.core.cache import VectorCache
    from embedscope.sources.token_streams import text_stream

    cache = VectorCache() if reading.cache else None
    kept = _sampled(table, reading.max_rows, reading.seed)
    by = None if encoding is None else encoding(encoder.device)
    stream = text_stream(encoder, kept.texts, pooling=pooling, unit=unit, cache=cache, progress=progress, encoding=by)
    label = f"{encoder.info.uri}, {unit}s of {name}"
    labels: dict[str, Any] = {"task": name, "pooling": pooling, "label": label}
    labels |= {"exact": len(kept) == len(table)}
    labels["subset"] = (
        f"{len(kept):,} of {len(table):,} {unit}s" if len(kept) < len(table) else f"{len(kept):,} {unit}s"
    )
    return Source(encoder.info.uri, SequentialStream(stream, tuple(spaces)), Local(), labels)
