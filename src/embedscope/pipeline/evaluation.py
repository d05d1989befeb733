"""``evaluate``: what a source is good for, as a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from embedscope.core.document import Document
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.pipeline.comparisons import comparisons
from embedscope.pipeline.contexts import Contexts, ContextSpace
from embedscope.pipeline.evaluate import (
    Job,
    Places,
    Scored,
    Vectors,
    data_facts,
    loaded_jobs,
    scores,
    texts_of,
    write_items,
)
from embedscope.pipeline.layers import chosen_spaces
from embedscope.pipeline.named import NamedVectors, named_vectors
from embedscope.pipeline.two_sided import names_of, two_sided
from embedscope.pipeline.vocabularies import first_words, takes_vocabulary, widened


def evaluate(  # noqa: PLR0913
    sources: str | Sequence[str],
    *,
    tasks: Sequence[str],
    settings: Sequence[str] | None = None,
    layers: str = "all",
    transform: str | None = None,
    names: str | Path | Sequence[str] | None = None,
    contexts: str | Path | Sequence[str] | None = None,
    items: str | Path | None = None,
    data: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Scores of ``tasks`` for every source, setting and layer, with bootstrap intervals.

    Parameters
    ----------
    sources : model URIs, or files of vectors with ``names``
    tasks : ids of tasks (``embedscope list tasks``)
    settings : how a vector is read (``plain``, ``bos_eos``, ``eos``, ``pooled``, ``static:N``, ``contexts:N``); None
        takes all that fit
    layers : ``all`` or a list such as ``0,4,final,pooled``
    transform : chain such as ``center,abtt:1``, fitted in each space on the texts of the tasks
    contexts : sentences for ``contexts:N``, a word's mean over N of them: a data set or a file with one a line
    items : CSV file to write what every item contributed to every score (cosine of a pair, effect size of a word)
    names : texts of the rows of a file of vectors: a list, or a file with one a line
    data : folder with data files

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError
    """
    from embedscope.datasets import Finder

    if not tasks:
        raise InputError("no tasks named; `embedscope list tasks` shows them")
    if not sources:
        raise InputError("no source named; wanted a model or a file of vectors, as in `embedscope evaluate minilm`")
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    with provenance.phase("data"):
        jobs, skipped = loaded_jobs(tasks, Finder(Path(data) if data else None))
    for s in skipped:
        progress.note(f"{s.what} is left out: {s.why}")
    found: list[Scored] = []
    model = {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "seed": seed}
    reading = _Reading(settings, layers, names, contexts, Path(data) if data else None, cache, model)
    for source in [sources] if isinstance(sources, str) else sources:
        with provenance.phase(source):
            for part in _parts(source, jobs, reading, provenance, progress):
                found += scores(
                    part.vectors,
                    part.jobs,
                    part.places,
                    source=source,
                    transform=transform,
                    seed=seed,
                    note=part.note,
                    progress=progress,
                )
    if items is not None:
        write_items(found, items)
    provenance.data |= data_facts(jobs)
    provenance.settings = {
        "tasks": list(tasks),
        "settings": list(settings) if settings else None,
        "layers": layers,
        "transform": transform,
        "dtype": dtype,
        "bootstrap_draws": 1000,
    }
    document = Document("Evaluation", skipped=tuple(skipped)) if skipped else None
    records = [*(s.record() for s in found), *comparisons(found)]
    return Result(tuple(records), provenance.as_dict(), document)


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

    settings: Sequence[str] | None
    layers: str
    names: str | Path | Sequence[str] | None
    contexts: str | Path | Sequence[str] | None
    data: Path | None
    cache: bool
    model: Mapping[str, Any]


def _parts(
    source: str, jobs: Sequence[Job], reading: _Reading, provenance: Provenance, progress: Progress
) -> Iterator[_Part]:
    """The vectors of a source: of a file, or of a model in its settings and as static vectors."""
    from embedscope.core.cache import VectorCache
    from embedscope.encoders import TextEncoder, is_model, open_model
    from embedscope.pipeline.extract import extract
    from embedscope.pipeline.reading import file_facts
    from embedscope.readers import file_of

    if any(job.images for job in jobs) or (names_of(source) or (source,))[0] != source:
        yield from _two_sided_parts(source, jobs, reading, provenance, progress)
        return
    if not is_model(source):
        if reading.settings or reading.layers != "all":
            raise InputError(f"--settings and --layers are for models; {source} holds vectors already: leave them out")
        named = named_vectors(source, reading.names)
        provenance.data[source] = file_facts(file_of(source))
        if isinstance(reading.names, str | Path):
            provenance.data[str(reading.names)] = file_facts(Path(reading.names))
        yield _Part(named, jobs, Places((), (named.space,), unnamed=True))
        return
    progress.start(f"loading {source}", None, "models")
    encoder = open_model(source, **reading.model)
    progress.close()
    if not isinstance(encoder, TextEncoder):
        provenance.models[source] = dict(encoder.facts)
        places = Places((), chosen_spaces(reading.layers, tuple(encoder.spaces)), unnamed=True)
        yield from _looked_up(encoder, jobs, places)
        return
    provenance.models[source] = encoder.info.as_dict()
    chosen = _settings(reading.settings, encoder)
    spaces = chosen_spaces(reading.layers, (*encoder.spaces, *(["pooled"] if encoder.has_pooled else [])))
    static = [s for s in chosen if s is not None and s.startswith(_OF_WORDS)]
    places = Places(
        tuple(s for s in chosen if s is not None and s not in static),
        tuple(s for s in spaces if s != "pooled" or None in chosen),
    )
    read: list[str | None] = list(dict.fromkeys(setting for setting, _ in places))
    if not read and not static:
        raise InputError(f"layers {reading.layers} do not occur in the settings asked for; pooled has no layers")
    if read:
        vectors = extract(
            encoder, texts_of(jobs), read, cache=VectorCache() if reading.cache else None, progress=progress
        )
        cut = {str(setting or "pooled"): len(texts) for setting, texts in vectors.truncated.items() if texts}
        provenance.models[source]["truncated_texts"] = cut
        yield _Part(vectors, jobs, places)
    words = [j for j in jobs if j.unit == "word" and not j.images]
    layers = tuple(s for s in spaces if s != "pooled")
    for setting in static:
        found: StaticSpace | ContextSpace
        if setting.startswith("contexts:"):
            asked = (texts_of(words), _contexts(setting, reading), layers, reading.model["seed"])
            found = ContextSpace(encoder, *asked, provenance, progress)
            provenance.data |= {f"{setting}, {source}, {space}": facts for space, facts in found.facts.items()}
        else:
            found = StaticSpace(encoder, texts_of(words), setting, reading.data, progress)
            provenance.data[found.corpus] = found.facts
        yield _Part(found, words, Places((setting,), layers), found.note)


_OF_WORDS = ("static:", "contexts:")
"""Settings in which a word is read in sentences, not alone."""


def _contexts(setting: str, reading: _Reading) -> Contexts:
    count = setting.partition(":")[2]
    if not count.isdigit() or reading.contexts is None:
        raise InputError(
            f"setting '{setting}' wants a number of sentences a word and --contexts with the sentences, as in "
            "--settings contexts:50 --contexts lee_sentences"
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
    if reading.settings or reading.layers != "all" or reading.names is not None:
        raise InputError(
            "--settings, --layers and --names are for texts; tasks with pictures take a model's own vectors"
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


class StaticSpace:
    """Static vectors of words over the first N sentences of the corpus; a word without a context is a row of nan."""

    def __init__(self, encoder: Any, words: Sequence[str], setting: str, data: Path | None, progress: Progress) -> None:
        from embedscope.pipeline.static import static_vectors

        count = setting.partition(":")[2]
        if not count.isdigit() or int(count) < 1:
            raise InputError(f"setting '{setting}' wants a number of sentences, as in static:10000")
        if not words:
            raise InputError(f"setting '{setting}' is for words, and none of the tasks is about words alone")
        self.corpus, loaded, self.facts = _corpus(data)
        sentences = loaded[: int(count)]
        self.note = f"{setting}: contexts in {len(sentences):,} sentences of {self.corpus}"
        if len(sentences) < int(count):
            self.note += f", which has no more than {len(loaded):,}"
        progress.note(self.note)
        self._found = static_vectors(encoder, words, sentences, limit=len(sentences), progress=progress)
        self._rows = {w: i for i, w in enumerate(self._found.words)}

    def matrix(self, setting: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``."""
        return NamedVectors.of(self._found.vectors[space], self._rows, texts)


def _corpus(data: Path | None) -> tuple[str, Sequence[str], dict[str, Any]]:
    """Sentences for contexts: those of STS 2012-2016 where they are on this machine, else the Lee corpus."""
    from embedscope.datasets import DATASETS, Finder

    finder = Finder(data)
    name = next((n for n in ("sts_sentences", "lee_sentences") if finder.present(DATASETS.get(n))), "lee_sentences")
    entry = DATASETS.get(name)
    loaded = entry.load(finder)
    facts = {"licence": entry.licence, "citation": entry.citation, "sha256": dict(loaded.checksums)}
    return name, loaded.tables["sentences"].texts, facts


def _settings(settings: Sequence[str] | None, encoder: Any) -> list[str | None]:
    """The settings to read, None standing for the model's own sentence embedding."""
    known: list[str | None] = list(encoder.settings)
    if settings is None:
        return [*known, *([None] if encoder.has_pooled else [])]
    chosen: list[str | None] = []
    for name in settings:
        if name == "pooled" and encoder.has_pooled:
            chosen.append(None)
        elif name in known or name.startswith(_OF_WORDS):
            chosen.append(name)
        else:
            have = ", ".join([*map(str, known), *(["pooled"] if encoder.has_pooled else []), "static:N", "contexts:N"])
            raise InputError(f"setting '{name}' does not fit this model; it has {have}")
    return chosen
