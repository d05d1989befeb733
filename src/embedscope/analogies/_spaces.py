"""The spaces in which analogies are asked: vectors of words, or mean vectors of pictures, one a row of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Data
from embedscope.sources.concept_means import concept_means, pictures_of
from embedscope.sources.image_text import names_of
from embedscope.sources.labelled_vectors import named_vectors
from embedscope.sources.layer_selection import chosen_spaces
from embedscope.sources.vocabulary import first_words, with_vocabulary
from embedscope.sources.word_contexts import Contexts, context_spaces


@dataclass(frozen=True, eq=False)
class AnalogySpace:
    """Vectors ``x`` (n, d) of the rows of a table of ``data``, nan for rows without one; the rows are the candidates.

    ``note`` says what a row is (a mean over pictures), ``pictured`` whether pictures were read.
    """

    source: str
    pooling: str | None
    space: str
    data: Data
    x: npt.NDArray[Any]
    note: str | None = None
    pictured: bool = False


@dataclass(frozen=True)
class SpaceReading:
    """How a source is read.

    Attributes
    ----------
    poolings, layers : None takes the model's own vector of a text, or the last space in the pooling ``bos_eos``
    names : names of the rows of a file of vectors
    limit : how many words of a file of word vectors are candidates
    contexts : sentences over which a word's states are averaged, in place of the word read alone; layers only
    model : options of ``open_encoder``
    """

    poolings: Sequence[str | None] | None = None
    layers: str | None = None
    names: Any = None
    limit: int = 300_000
    cache: bool = True
    model: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    contexts: Contexts | None = None


def analogy_spaces(
    source: str, data: Data, table: str, reading: SpaceReading, provenance: Provenance, progress: Progress | None = None
) -> Iterator[AnalogySpace]:
    """Every space of ``source`` that was asked for, over the rows of ``table``.

    A model of pictures reads the pictures of a row and takes their mean. For a file of word vectors the data set's
    table grows by the first words of the file.

    Raises
    ------
    InputError
        if the source cannot give vectors of the table.
    """
    from embedscope.encoders import TextEncoder, is_model, open_model

    progress = progress or Silent()
    texts = data.tables[table].texts
    if reading.contexts is not None and (names_of(source) is not None or not is_model(source)):
        raise InputError(f"{source} reads no sentences; leave out the contexts, or name a model of texts")
    if data.images and names_of(source) is not None:
        yield from _pictured(source, data, table, reading, provenance, progress)
        return
    if not is_model(source):
        named = named_vectors(source, reading.names)
        yield AnalogySpace(source, None, named.space, data, named.matrix(None, named.space, texts))
        return
    progress.start(f"loading {source}", None, "models")
    encoder = open_model(source, **{"seed": reading.seed, **reading.model})
    progress.close()
    if isinstance(encoder, TextEncoder) and reading.contexts is not None:
        yield from _in_context(source, encoder, data, table, reading, provenance, progress)
        return
    if reading.contexts is not None:
        raise InputError(f"{source} has one vector a word and reads no sentences; leave out the contexts")
    if isinstance(encoder, TextEncoder):
        yield from _read(source, encoder, data, table, reading, provenance, progress)
        return
    provenance.models[source] = dict(encoder.facts)
    if hasattr(encoder, "vocabulary"):
        encoder = first_words(encoder, reading.limit)
        data = with_vocabulary(data, table, encoder.vocabulary)
    for space in chosen_spaces(reading.layers, tuple(encoder.spaces)):
        yield AnalogySpace(source, None, space, data, encoder.matrix(None, space, data.tables[table].texts))


def _read(
    source: str,
    encoder: Any,
    data: Data,
    table: str,
    reading: SpaceReading,
    provenance: Provenance,
    progress: Progress,
) -> Iterator[AnalogySpace]:
    from embedscope.core.cache import VectorCache
    from embedscope.sources.models import layer_pooling, own_space
    from embedscope.sources.text_vectors import extract

    provenance.models[source] = encoder.info.as_dict()
    texts = data.tables[table].texts
    own = own_space(encoder)
    of_texts = reading.layers in (None, "all", "pooled")
    poolings: list[str | None] = list(reading.poolings or [own.pooling if of_texts else layer_pooling(encoder)])
    note = own.note if not reading.poolings and reading.layers is None else None
    if note is not None:
        provenance.models[source]["sentence_vector"] = note
        progress.note(note)
    lost = [
        s for s in poolings if (s is None and not encoder.has_pooled) or (s is not None and s not in encoder.poolings)
    ]
    if lost:
        have = [*encoder.poolings, *(["None for pooled"] if encoder.has_pooled else [])]
        raise InputError(f"pooling {lost[0]!r} does not fit {source}; it has {', '.join(map(str, have))}")
    cache = VectorCache() if reading.cache else None
    vectors = extract(encoder, texts, poolings, cache=cache, progress=progress)
    for pooling in poolings:
        spaces = vectors.spaces(pooling)
        for space in spaces[-1:] if reading.layers is None else chosen_spaces(reading.layers, spaces):
            yield AnalogySpace(source, pooling, space, data, vectors.matrix(pooling, space, texts), note)


def _in_context(
    source: str,
    encoder: Any,
    data: Data,
    table: str,
    reading: SpaceReading,
    provenance: Provenance,
    progress: Progress,
) -> Iterator[AnalogySpace]:
    assert reading.contexts is not None
    if reading.poolings is not None:
        raise InputError(f"words in context are read in the tokenizer's own framing; leave out {reading.poolings}")
    provenance.models[source] = encoder.info.as_dict()
    texts, own = data.tables[table].texts, tuple(encoder.spaces)
    spaces = own[-1:] if reading.layers is None else chosen_spaces(reading.layers, own)
    found = context_spaces(encoder, texts, reading.contexts, spaces, reading.seed, provenance, progress)
    for space, concepts in found:
        provenance.data[f"{data.name}, {source}, {space}"] = concepts.facts(texts)
        yield AnalogySpace(source, reading.contexts.pooling, space, data, concepts.x, concepts.note)


def _pictured(
    source: str, data: Data, table: str, reading: SpaceReading, provenance: Provenance, progress: Progress
) -> Iterator[AnalogySpace]:
    from embedscope.core.cache import VectorCache
    from embedscope.encoders import open_image_encoder
    from embedscope.sources.image_vectors import image_vectors

    images, concept = pictures_of(data, table)
    options = {k: v for k, v in reading.model.items() if k in ("device", "dtype")}
    encoder = open_image_encoder(source, seed=reading.seed, layers=reading.layers is not None, **options)
    provenance.models[source] = encoder.info.as_dict()
    vectors = image_vectors(encoder, images, VectorCache() if reading.cache else None, progress)
    own = next((s for s in ("image", "features", "pooled") if s in vectors.spaces), vectors.spaces[-1])
    for space in [own] if reading.layers is None else chosen_spaces(reading.layers, vectors.spaces):
        found = concept_means(vectors.matrix(space), concept, len(data.tables[table].texts))
        provenance.data[f"{data.name}, {source}, {space}"] = found.facts(data.tables[table].texts)
        yield AnalogySpace(source, None, space, data, found.x, found.note, pictured=True)
