"""The spaces in which analogies are answered: vectors of words, or means over images, one per row of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Data
from embedscope.encoders import TextEncoder, is_model
from embedscope.sources.concept_means import concept_means, images_of
from embedscope.sources.image_text import model_pair
from embedscope.sources.labelled_vectors import NamedVectors, read_named_vectors
from embedscope.sources.layer_selection import FINAL, select_spaces
from embedscope.sources.models import (
    extract_images,
    extract_texts,
    image_vector,
    model_spaces,
    open_image_model,
    open_text_model,
)
from embedscope.sources.options import ModelOptions
from embedscope.sources.vocabulary import first_words, with_vocabulary
from embedscope.sources.word_contexts import Contexts, context_spaces

MAX_WORDS = 300_000
"""Words of a file of word vectors that are candidates at most, where none are named."""


@dataclass(frozen=True, eq=False)
class AnalogySpace:
    """Vectors ``x`` (n, d) of the rows of a table of ``data``, nan for rows without one; the rows are the candidates.

    ``note`` says what a row averages where it is a mean over images or contexts; ``any_word`` whether the source reads
    any letters, so that a misspelt word has a vector too.
    """

    source: str
    pooling: str | None
    space: str
    data: Data
    x: npt.NDArray[Any]
    note: str | None = None
    any_word: bool = False


def default_candidates(data: str | Path | None = None) -> tuple[str, ...]:
    """Words of the Google analogies and of WordSim-353: candidates of a source that has no words of its own.

    Parameters
    ----------
    data : folder with data files

    Raises
    ------
    DataUnavailableError
        if the data sets are neither on this machine nor can be fetched.
    """
    from embedscope.datasets import DATASETS, Finder

    finder = Finder(None if data is None else Path(data))
    try:
        tables = [DATASETS.get(name).load(finder).tables["words"] for name in ("google_analogies", "wordsim353")]
    except DataUnavailableError as error:
        raise DataUnavailableError(
            f"a model has no words of its own to choose from: name some with --words FILE; or, since {error}"
        ) from error
    return tuple(dict.fromkeys(text for table in tables for text in table.texts))


def analogy_spaces(
    source: str,
    data: Data,
    table: str,
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress | None = None,
    *,
    names: str | Path | Sequence[str] | None = None,
    contexts: Contexts | None = None,
    max_words: int = 0,
) -> Iterator[AnalogySpace]:
    """The spaces of ``source`` that ``options`` name, one where they name none, over the rows of ``table``.

    A row of a model of images is the mean over the images that show it.

    Parameters
    ----------
    names : names of the rows of a file of vectors
    contexts : sentences over which the states of a word are averaged, instead of reading the word alone
    max_words : candidates that are put in front of the table: so many first words of a file, or for a model all of
        :func:`default_candidates`; 0 for none

    Raises
    ------
    InputError
        if the source has no vectors for the table, or an option has no effect on it.
    """
    progress = progress or Silent()
    reads_images = bool(data.images) and model_pair(source) is not None
    if contexts is not None and (reads_images or not is_model(source)):
        raise InputError(f"{source} reads no sentences; leave out the contexts, or name a model of texts")
    if data.images and not reads_images:
        raise InputError(f"{source} reads no images; name a model of images, or leave out --images")
    if names is not None and is_model(source):
        raise InputError(f"names are those of rows of vectors, and {source} is a model; leave them out")
    if reads_images:
        yield from _image_spaces(source, data, table, options, provenance, progress)
        return
    if is_model(source):
        yield from _model_spaces(source, data, table, options, provenance, progress, contexts, max_words)
        return
    vectors = read_named_vectors(source, names)
    data = with_vocabulary(data, table, vectors.names[:max_words]) if max_words else data
    yield held_space(vectors, source, data, table, options)


def _model_spaces(
    source: str,
    data: Data,
    table: str,
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
    contexts: Contexts | None,
    max_words: int,
) -> Iterator[AnalogySpace]:
    model: Any = open_text_model(source, options, provenance, progress)
    has_words = hasattr(model, "vocabulary")
    if max_words and not has_words:
        data = with_vocabulary(data, table, default_candidates(options.data))
    if contexts is not None:
        if not isinstance(model, TextEncoder):
            raise InputError(f"{source} has one vector per word and reads no sentences; leave out the contexts")
        yield from _context_spaces(source, model, data, table, options, contexts, provenance, progress)
        return
    spaces = model_spaces(model, source, options, "one", provenance, progress)
    vectors: Any = model
    if isinstance(model, TextEncoder):
        vectors = extract_texts(model, data.tables[table].texts, [s.pooling for s in spaces], options, progress)
    elif max_words and has_words:
        vectors = first_words(model, max_words)
        data = with_vocabulary(data, table, vectors.vocabulary)
    for pooling, space in spaces:
        x = vectors.matrix(pooling, space, data.tables[table].texts)
        yield AnalogySpace(source, pooling, space, data, x, any_word=not has_words)


def held_space(vectors: NamedVectors, source: str, data: Data, table: str, options: ModelOptions) -> AnalogySpace:
    """The texts of a table looked up among ``vectors``; raises ``InputError`` where options of a model are given."""
    if options.layers is not None or options.pooling is not None:
        raise InputError(f"{source} holds vectors already; leave out layers and pooling")
    x = vectors.matrix(None, vectors.space, data.tables[table].texts)
    return AnalogySpace(source, None, vectors.space, data, x)


def _context_spaces(
    source: str,
    encoder: TextEncoder,
    data: Data,
    table: str,
    options: ModelOptions,
    contexts: Contexts,
    provenance: Provenance,
    progress: Progress,
) -> Iterator[AnalogySpace]:
    if options.pooling is not None:
        raise InputError(
            f"words in context are read in the tokenizer's own framing; leave out pooling {options.pooling}"
        )
    texts = data.tables[table].texts
    spaces = select_spaces(options.layers or FINAL, tuple(encoder.spaces))
    for space, means in context_spaces(encoder, texts, contexts, spaces, options.seed, provenance, progress):
        provenance.data[f"{data.name}, {source}, {space}"] = means.facts(texts)
        yield AnalogySpace(source, contexts.pooling, space, data, means.x, means.note, any_word=True)


def _image_spaces(
    source: str, data: Data, table: str, options: ModelOptions, provenance: Provenance, progress: Progress
) -> Iterator[AnalogySpace]:
    texts = data.tables[table].texts
    images, concept = images_of(data, table)
    encoder = open_image_model(source, options, provenance, layers=options.layers is not None)
    vectors = extract_images(encoder, images, options, progress)
    own = image_vector(vectors.spaces)
    for space in [own] if options.layers is None else select_spaces(options.layers, vectors.spaces):
        means = concept_means(vectors.matrix(space), concept, len(texts))
        provenance.data[f"{data.name}, {source}, {space}"] = means.facts(texts)
        yield AnalogySpace(source, None, space, data, means.x, means.note)
