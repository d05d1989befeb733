"""What ``evaluate`` reads of a source: vectors with the tasks and spaces they are scored in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.evaluation.scoring import (
    Job,
    Places,
    Vectors,
    texts_of,
)
from embedscope.sources.image_text import names_of, two_sided
from embedscope.sources.labelled_vectors import named_vectors
from embedscope.sources.layer_selection import chosen_spaces
from embedscope.sources.vocabulary import first_words, with_vocabulary
from embedscope.sources.word_contexts import _OF_WORDS, Contexts, ContextSpace, StaticSpace


@dataclass(frozen=True)
class _Part:
    """Vectors with the jobs and places they are scored on."""

    vectors: Vectors
    jobs: Sequence[Job]
    places: Places
    note: str | None = None


@dataclass(frozen=True)
class _Reading:
    """How sources are read: the arguments of ``evaluate`` of these names; ``model`` goes to ``open_encoder``."""

    poolings: Sequence[str] | None
    layers: str
    names: str | Path | Sequence[str] | None
    contexts: str | Path | Sequence[str] | None
    data: Path | None
    cache: bool
    model: Mapping[str, Any]


def _parts(
    source: str, jobs: Sequence[Job], reading: _Reading, provenance: Provenance, progress: Progress
) -> Iterator[_Part]:
    """The vectors of a source: of a file, or of a model in its poolings and as static vectors."""
    from embedscope.core.cache import VectorCache
    from embedscope.core.fingerprints import file_facts
    from embedscope.encoders import TextEncoder, is_model, open_model
    from embedscope.readers import file_of
    from embedscope.sources.text_vectors import extract

    if any(job.images for job in jobs) or (names_of(source) or (source,))[0] != source:
        yield from _two_sided_parts(source, jobs, reading, provenance, progress)
        return
    if not is_model(source):
        if reading.poolings or reading.layers != "all":
            raise InputError(f"--pooling and --layers are for models; {source} holds vectors already: leave them out")
        named = named_vectors(source, reading.names)
        provenance.data[source] = file_facts(file_of(source))
        if isinstance(reading.names, str | Path):
            provenance.data[str(reading.names)] = file_facts(Path(reading.names))
        yield _Part(named, jobs, Places((), (named.space,), unnamed=True))
        return
    progress.start(f"loading {source}", None, "models")
    encoder = open_model(source, **{"cache": reading.cache, "note": progress.note, **reading.model})
    progress.close()
    if not isinstance(encoder, TextEncoder):
        provenance.models[source] = dict(encoder.facts)
        places = Places((), chosen_spaces(reading.layers, tuple(encoder.spaces)), unnamed=True)
        yield from _looked_up(encoder, jobs, places)
        provenance.models[source] = dict(encoder.facts)  # with what was asked of a server meanwhile
        return
    provenance.models[source] = encoder.info.as_dict()
    chosen = _poolings(reading.poolings, encoder)
    spaces = chosen_spaces(reading.layers, (*encoder.spaces, *(["pooled"] if encoder.has_pooled else [])))
    static = [s for s in chosen if s is not None and s.startswith(_OF_WORDS)]
    places = Places(
        tuple(s for s in chosen if s is not None and s not in static),
        tuple(s for s in spaces if s != "pooled" or None in chosen),
    )
    read: list[str | None] = list(dict.fromkeys(pooling for pooling, _ in places))
    if not read and not static:
        raise InputError(f"layers {reading.layers} do not occur in the poolings asked for; pooled has no layers")
    if read:
        vectors = extract(
            encoder, texts_of(jobs), read, cache=VectorCache() if reading.cache else None, progress=progress
        )
        cut = {str(pooling or "pooled"): len(texts) for pooling, texts in vectors.truncated.items() if texts}
        provenance.models[source]["truncated_texts"] = cut
        yield _Part(vectors, jobs, places)
    words = [j for j in jobs if j.unit == "word" and not j.images]
    layers = tuple(s for s in spaces if s != "pooled")
    for pooling in static:
        found: StaticSpace | ContextSpace
        if pooling.startswith("contexts:"):
            asked = (texts_of(words), _contexts(pooling, reading), layers, reading.model["seed"])
            found = ContextSpace(encoder, *asked, provenance, progress)
            provenance.data |= {f"{pooling}, {source}, {space}": facts for space, facts in found.facts.items()}
        else:
            found = StaticSpace(encoder, texts_of(words), pooling, reading.data, progress)
            provenance.data[found.corpus] = found.facts
        yield _Part(found, words, Places((pooling,), layers), found.note)


def _contexts(pooling: str, reading: _Reading) -> Contexts:
    count = pooling.partition(":")[2]
    if not count.isdigit() or reading.contexts is None:
        raise InputError(
            f"pooling '{pooling}' wants a number of sentences a word and --contexts with the sentences, as in "
            "--pooling contexts:50 --contexts lee_sentences"
        )
    return Contexts(reading.contexts, int(count), reading.data)


def _looked_up(vectors: Any, jobs: Sequence[Job], places: Places) -> Iterator[_Part]:
    """Jobs on vectors without layers; those whose candidates are the words of a file get these words."""
    for job in (j for j in jobs if takes_vocabulary(j, vectors)):
        first = first_words(vectors, getattr(job.task, "candidates", len(vectors.vocabulary)))
        yield _Part(first, [widened(job, first)], places)
    if others := [j for j in jobs if not takes_vocabulary(j, vectors)]:
        yield _Part(vectors, others, places)


def _two_sided_parts(
    source: str, jobs: Sequence[Job], reading: _Reading, provenance: Provenance, progress: Progress
) -> Iterator[_Part]:
    """Vectors of pictures, of texts beside them, and of a pair of models in spaces ``IMAGE|TEXT``."""
    if reading.poolings or reading.layers != "all" or reading.names is not None:
        raise InputError(
            "--pooling, --layers and --names are for texts; tasks with pictures take a model's own vectors"
        )
    images = {image.key: image for job in jobs for image in job.images}
    if not images:
        raise InputError(f"none of the tasks has pictures; name the model of texts in {source} alone")
    vectors = two_sided(
        source,
        tuple(images.values()),
        texts_of(jobs),
        reading.model,
        cache=reading.cache,
        provenance=provenance,
        progress=progress,
    )
    yield _Part(vectors, jobs, Places((), vectors.spaces, unnamed=True), vectors.notes)


def _poolings(poolings: Sequence[str] | None, encoder: Any) -> list[str | None]:
    """The poolings to read, None standing for the model's own sentence embedding."""
    known: list[str | None] = list(encoder.poolings)
    if poolings is None:
        return [*known, *([None] if encoder.has_pooled else [])]
    chosen: list[str | None] = []
    for name in poolings:
        if name == "pooled" and encoder.has_pooled:
            chosen.append(None)
        elif name in known or name.startswith(_OF_WORDS):
            chosen.append(name)
        else:
            have = ", ".join([*map(str, known), *(["pooled"] if encoder.has_pooled else []), "static:N", "contexts:N"])
            raise InputError(f"pooling '{name}' does not fit this model; it has {have}")
    return chosen


def takes_vocabulary(job: Job, vectors: Any) -> bool:
    """Whether the candidates of ``job`` are the first words of ``vectors``."""
    return hasattr(job.task, "candidates") and hasattr(vectors, "vocabulary")


def widened(job: Job, vectors: Any) -> Job:
    """``job`` with the words of ``vectors`` as candidates."""
    return replace(job, data=with_vocabulary(job.data, job.task.tables[0], vectors.vocabulary))
