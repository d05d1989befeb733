"""Vectors that ``evaluate`` scores: of a file or of a model, with the tasks and spaces that they fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.encoders import score_of
from embedscope.evaluation.scoring import Job, Vectors, texts_of
from embedscope.sources.image_text import ImageTextVectors, model_pair, read_images_and_texts
from embedscope.sources.labelled_vectors import read_named_vectors
from embedscope.sources.models import SpaceName, extract_texts, model_spaces, open_text_model, pair_spaces
from embedscope.sources.options import ModelOptions
from embedscope.sources.vocabulary import first_words, in_another_case, with_same_words, with_vocabulary
from embedscope.sources.word_contexts import CONTEXT_POOLINGS, ContextSpace, StaticSpace, parse_contexts

Names = str | Path | Sequence[str] | None


@dataclass(frozen=True)
class ScoredVectors:
    """Vectors with the jobs and spaces that they are scored on.

    ``note`` is for the records; ``compared`` is how the model compares its own text vectors.
    """

    vectors: Vectors
    jobs: Sequence[Job]
    spaces: Sequence[SpaceName]
    note: str | None = None
    compared: str = "cosine"


def read_vectors(
    source: str,
    jobs: Sequence[Job],
    options: ModelOptions,
    names: Names,
    contexts: Names,
    provenance: Provenance,
    progress: Progress,
) -> Iterator[ScoredVectors]:
    """The vectors of a source: of a file, or of a model in its poolings and in context.

    Parameters
    ----------
    names : texts of the rows of a file of vectors
    contexts : corpus of the poolings ``static:N`` and ``contexts:N``

    Raises
    ------
    InputError
        if options do not fit the source, or nothing is left to read.
    """
    from embedscope.core.fingerprints import file_facts
    from embedscope.encoders import TextEncoder, is_model
    from embedscope.readers import file_of, open_vectors
    from embedscope.sources.vector_files import vector_file_facts

    pair = model_pair(source)
    if any(job.images for job in jobs) or (pair is not None and pair[0] != source):
        yield _image_text_vectors(source, jobs, options, names, provenance, progress)
        return
    if not is_model(source):
        if options.pooling is not None or options.layers not in (None, "all"):
            raise InputError(
                f"--pooling and --layers are for models and {source} holds vectors already; leave them out"
            )
        named = read_named_vectors(source, names, progress.note)
        own = file_of(source)
        provenance.data[source] = file_facts(own) if own.is_file() else vector_file_facts(source, open_vectors(source))
        if isinstance(names, str | Path):
            provenance.data[str(names)] = file_facts(Path(names))
        yield ScoredVectors(named, jobs, [SpaceName(None, named.space)])
        return
    model = open_text_model(source, options, provenance, progress)
    if not isinstance(model, TextEncoder):
        spaces = model_spaces(model, source, options, "every", provenance, progress)
        yield from _lookup_vectors(model, jobs, spaces)
        provenance.models[source] |= dict(model.facts)  # with what was asked of a server meanwhile
        return
    in_context = [p for p in options.poolings or () if p.startswith(CONTEXT_POOLINGS)]
    alone = [p for p in options.poolings or () if p not in in_context]
    if alone or not in_context:
        spaces = model_spaces(model, source, _with_pooling(options, alone), "every", provenance, progress)
        vectors = extract_texts(model, texts_of(jobs), [s.pooling for s in spaces], options, progress)
        cut = {str(pooling or "pooled"): len(texts) for pooling, texts in vectors.truncated.items() if texts}
        provenance.models[source]["truncated_texts"] = cut
        yield ScoredVectors(vectors, jobs, spaces, compared=score_of(model))
    for pooling in in_context:
        yield _context_vectors(model, source, pooling, jobs, options, contexts, provenance, progress)


def _with_pooling(options: ModelOptions, poolings: Sequence[str]) -> ModelOptions:
    return replace(options, pooling=tuple(poolings) or None)


def _context_vectors(
    encoder: Any,
    source: str,
    pooling: str,
    jobs: Sequence[Job],
    options: ModelOptions,
    corpus: Names,
    provenance: Provenance,
    progress: Progress,
) -> ScoredVectors:
    """Vectors of the words of the jobs in the sentences of ``corpus``, in the selected layers."""
    contexts = parse_contexts(pooling, corpus, options.data)
    words = [job for job in jobs if job.unit == "word" and not job.images]
    if not words:
        raise InputError(f"pooling '{pooling}' is for words, and none of the tasks is about words alone")
    plain = model_spaces(encoder, source, _with_pooling(options, ["plain"]), "every", provenance, progress)
    layers = [s.space for s in plain if s.pooling is not None]
    spaces = pair_spaces([pooling], layers)
    if not pooling.startswith("contexts:"):
        static = StaticSpace(encoder, texts_of(words), contexts, provenance, progress)
        return ScoredVectors(static, words, spaces, static.note)
    means = ContextSpace(encoder, source, texts_of(words), contexts, layers, options, provenance, progress)
    return ScoredVectors(means, words, spaces, means.note)


def _lookup_vectors(vectors: Any, jobs: Sequence[Job], spaces: Sequence[SpaceName]) -> Iterator[ScoredVectors]:
    """Vectors without layers; jobs that rank words get the first words of the file as their candidates."""
    ranking = [job for job in jobs if hasattr(job.task, "candidates") and hasattr(vectors, "vocabulary")]
    for job in ranking:
        first = first_words(vectors, getattr(job.task, "candidates", len(vectors.vocabulary)))
        words = job.data.tables[job.task.tables[0]].texts
        spelled = in_another_case(words, first.vocabulary)
        note = f"{len(spelled):,} of {len(words):,} words read in another case" if spelled else None
        yield ScoredVectors(first, [add_candidates(job, first.vocabulary, spelled)], spaces, note)
    if others := [job for job in jobs if job not in ranking]:
        yield ScoredVectors(vectors, others, spaces, compared=score_of(vectors))


def _image_text_vectors(
    source: str, jobs: Sequence[Job], options: ModelOptions, names: Names, provenance: Provenance, progress: Progress
) -> ScoredVectors:
    """Vectors of images, and of texts beside them, in spaces ``IMAGE|TEXT`` where ``source`` is a pair of models."""
    if options.pooling is not None or options.layers not in (None, "all") or names is not None:
        raise InputError(
            "--pooling, --layers and --names are for texts; tasks with images take a model's own vectors, so leave "
            "them out"
        )
    images = {image.key: image for job in jobs for image in job.images}
    if not images:
        raise InputError(f"none of the tasks has images; name only the text model of {source}")
    vectors = read_images_and_texts(source, tuple(images.values()), texts_of(jobs), options, provenance, progress)
    _check_comparable(source, vectors, jobs)
    return ScoredVectors(vectors, jobs, [SpaceName(None, space) for space in vectors.spaces], vectors.notes)


def _check_comparable(source: str, vectors: ImageTextVectors, jobs: Sequence[Job]) -> None:
    """Raise ``InputError`` where a task compares images with texts of other dimensions, in every space."""
    both = [job for job in jobs if job.images and job.texts]
    if not both:
        return
    texts = vectors.matrix(None, vectors.spaces[0], both[0].texts[:1]).shape[1]
    images = [vectors.image_matrix(space, both[0].images[:1]).shape[1] for space in vectors.spaces]
    if texts not in images:
        names = ", ".join(dict.fromkeys(job.task.id for job in both))
        raise InputError(
            f"images of {source} have {images[0]} dimensions and texts {texts}, and {names} compares the two by "
            "cosine; name a model that puts both into one space, such as hf:openai/clip-vit-base-patch32"
        )


def add_candidates(job: Job, vocabulary: Sequence[str], spelled: Mapping[str, str]) -> Job:
    """``job`` with the words of ``vocabulary`` as further candidates; ``spelled`` names those of its own."""
    table = job.task.tables[0]
    extended = with_vocabulary(job.data, table, vocabulary, spelled)
    return replace(job, data=with_same_words(extended, table, job.data.tables[table].texts))
