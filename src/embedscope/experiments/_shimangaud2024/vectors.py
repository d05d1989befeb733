"""Vectors of concepts: of their names by a model of texts or a file of word vectors, or means over their images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.experiments._shimangaud2024.numbers import published_role
from embedscope.experiments._shimangaud2024.study_data import QuestionSet, StudyData
from embedscope.experiments.experiment import Options

if TYPE_CHECKING:
    from embedscope.encoders import TextEncoder
    from embedscope.sources.concept_means import Concepts

TEXT, IMAGE = "text", "image"
CONTEXTS = 50
"""Sentences of a word at most, where words are read in sentences."""


@dataclass
class Model:
    """One model; ``rows`` gives the concepts of a set (n, d) in one space, nan where a concept has no vector.

    ``role`` is the encoder of the study that it corresponds to; ``control_of`` is the model to which a random
    initialisation or the raw pixels are compared.
    """

    source: str
    modality: str
    spaces: tuple[str, ...]
    main: str
    rows: Callable[[QuestionSet, str], Floats]
    control_of: str | None = None
    concepts: Callable[[QuestionSet], Concepts] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    role: str | None = None

    @property
    def label(self) -> str:
        """Name for tables and curves."""
        return label_of(self.source)

    @property
    def baseline(self) -> bool:
        """Whether it serves only as a comparison."""
        return self.control_of is not None

    def reads(self, questions: QuestionSet) -> bool:
        """Whether it has vectors of the concepts."""
        return self.modality == TEXT or bool(questions.images)


def label_of(source: str) -> str:
    """Name for tables and curves: a model without its folder, ``(random)`` after a random initialisation.

    >>> label_of("random:minilm"), label_of("gensim:vectors/glove.txt")
    ('minilm (random)', 'glove.txt')
    """
    bare = source.removeprefix("random:")
    if bare.startswith("gensim:"):
        bare = bare.removeprefix("gensim:").partition("?")[0].rpartition("/")[2]
    return f"{bare} (random)" if source.startswith("random:") else bare


def modality_of(source: str) -> str:
    """``image`` for a model of images, which ``#image`` selects of a model with two towers; else ``text``.

    >>> [modality_of(s) for s in ("minilm", "pixels:8", "hf:openai/clip-vit-base-patch32#image", "gensim:a.bin")]
    ['text', 'image', 'image', 'text']
    """
    from embedscope.encoders import MODELS, ImageModel

    bare, _, tower = source.removeprefix("random:").partition("#")
    name = bare.partition("?")[0].partition(":")[0]
    reads_images = name in MODELS and isinstance(MODELS.get(name), ImageModel)
    return IMAGE if tower.startswith("image") or (reads_images and not tower.startswith("text")) else TEXT


def open_vectors(
    source: str, study_data: StudyData, options: Options, provenance: Provenance, *, of: str | None = None
) -> Model:
    """The model ``source`` with the vectors of all question sets that it reads; cached vectors are not recomputed."""
    with provenance.phase(f"vectors {source}"):
        read = _images if modality_of(source) == IMAGE else _texts
        model = read(source, study_data, options, provenance)
    model.control_of = of
    model.role = published_role(source, options.published)
    provenance.models[source] = model.facts
    return model


def _images(source: str, study_data: StudyData, options: Options, provenance: Provenance) -> Model:
    from embedscope.sources.concept_means import concept_means
    from embedscope.sources.models import extract_images, image_vector, open_image_model

    how = options.of_models
    encoder = open_image_model(source, how, provenance)
    space = image_vector(encoder.spaces)
    images = {image.key: image for questions in study_data.encoded for image in questions.images}
    if not images:
        raise InputError(f"{source} reads images, and there are none; install embedscope[images] or name --data")
    x = extract_images(encoder, list(images.values()), how, options.progress).matrix(space)
    options.progress.close()
    row_of = {key: i for i, key in enumerate(images)}

    @lru_cache(maxsize=1)  # every question of a set reads the same means
    def means(questions: QuestionSet) -> Concepts:
        rows = np.asarray(x[[row_of[image.key] for image in questions.images]], dtype=np.float64)
        return concept_means(rows, questions.owner, len(questions.concepts))

    return Model(
        source,
        IMAGE,
        (space,),
        space,
        lambda questions, _: means(questions).x,
        concepts=means,
        facts=encoder.info.as_dict(),
    )


def _texts(source: str, study_data: StudyData, options: Options, provenance: Provenance) -> Model:
    from embedscope.encoders import TextEncoder
    from embedscope.sources.models import open_text_model

    how = options.of_models
    if source.startswith("random:") and _is_lookup(source):
        return _noise(source, open_text_model(source.removeprefix("random:"), how, Provenance()), options.seed)
    model: Any = open_text_model(source, how, provenance)
    if isinstance(model, TextEncoder):
        if options.contexts is not None:
            return _in_context(source, model, study_data, options, provenance)
        return _layers(source, model, study_data, options)
    space = next(iter(model.spaces))
    return Model(
        source,
        TEXT,
        (space,),
        space,
        lambda questions, _: np.asarray(model.matrix(None, space, questions.concepts), dtype=np.float64),
        facts=dict(model.facts),
    )


def _in_context(
    source: str, encoder: TextEncoder, study_data: StudyData, options: Options, provenance: Provenance
) -> Model:
    """Every layer; the vector of a word is the mean of its states in ``CONTEXTS`` sentences that hold it.

    A word that no sentence holds has no vector, and its questions are left out and counted.
    """
    from embedscope.sources.word_contexts import ContextSpace, parse_contexts

    contexts = parse_contexts(f"contexts:{CONTEXTS}", options.contexts, options.data)
    words = tuple(dict.fromkeys(text for questions in study_data.encoded for text in questions.concepts))
    spaces = tuple(encoder.spaces)
    means = ContextSpace(encoder, source, words, contexts, spaces, options.of_models, provenance, options.progress)
    return Model(
        source,
        TEXT,
        spaces,
        spaces[-1],
        lambda questions, space: means.matrix(None, space, questions.concepts),
        facts=encoder.info.as_dict() | {"pooling": f"contexts:{CONTEXTS}", "contexts": means.note},
    )


def _is_lookup(source: str) -> bool:
    from embedscope.encoders import MODELS, Scheme

    name = source.removeprefix("random:").partition(":")[0]
    return name in MODELS and isinstance(MODELS.get(name), Scheme)


def _noise(source: str, lookup: Any, seed: int) -> Model:
    """Normal noise in place of word vectors, with the same dimensions, for the words that have one."""
    from embedscope.core.ids import combine, hash_texts

    space = next(iter(lookup.spaces))

    def rows(questions: QuestionSet, _: str) -> Floats:
        real = np.asarray(lookup.matrix(None, space, questions.concepts), dtype=np.float64)
        keys = combine(hash_texts(questions.concepts), seed)
        drawn = np.stack([np.random.default_rng(int(key)).normal(size=real.shape[1]) for key in keys])
        return np.where(np.isfinite(real), drawn, np.nan)

    return Model(source, TEXT, (space,), space, rows, facts={"kind": "normal noise", "seed": seed})


def _layers(source: str, encoder: TextEncoder, study_data: StudyData, options: Options) -> Model:
    from embedscope.sources.models import default_pooling, extract_texts

    pooling = default_pooling(encoder)
    poolings: list[str | None] = [pooling, *([None] if encoder.has_pooled else [])]
    texts = [text for questions in study_data.encoded for text in questions.concepts]
    vectors = extract_texts(encoder, texts, poolings, options.of_models, options.progress)
    options.progress.close()
    pooling_of: dict[str, str | None] = dict.fromkeys(vectors.spaces(pooling), pooling)
    if encoder.has_pooled:
        pooling_of[vectors.spaces(None)[-1]] = None
    return Model(
        source,
        TEXT,
        tuple(pooling_of),
        list(pooling_of)[-1],
        lambda questions, space: np.asarray(
            vectors.matrix(pooling_of[space], space, questions.concepts), dtype=np.float64
        ),
        facts=encoder.info.as_dict() | {"pooling": pooling},
    )
