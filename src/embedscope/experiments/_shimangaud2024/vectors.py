"""Vectors of concepts: of their names by a text encoder or a file of word vectors, or the mean over their pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.cache import VectorCache
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.experiments._experiment import Options
from embedscope.experiments._shimangaud2024.material import Material, QuestionSet
from embedscope.experiments._shimangaud2024.numbers import published_role

if TYPE_CHECKING:
    from embedscope.sources.concept_means import Concepts

TEXT, IMAGE = "text", "image"


@dataclass
class Model:
    """One model; ``rows`` gives the concepts of a set (n, d) in one space, nan where a concept has no vector.

    ``role`` is which encoder of the study it is; ``control_of`` is the model that a random initialisation or the raw
    pixels stand beside.
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
        """Whether it is only there to be compared with."""
        return self.control_of is not None

    def reads(self, questions: QuestionSet) -> bool:
        """Whether it has vectors of the concepts."""
        return self.modality == TEXT or bool(questions.images)


def label_of(source: str) -> str:
    """Name for tables and curves: a model without its folder, ``(random)`` behind a fresh initialisation.

    >>> label_of("random:minilm"), label_of("gensim:vectors/glove.txt")
    ('minilm (random)', 'glove.txt')
    """
    bare = source.removeprefix("random:")
    if bare.startswith("gensim:"):
        bare = bare.removeprefix("gensim:").partition("?")[0].rpartition("/")[2]
    return f"{bare} (random)" if source.startswith("random:") else bare


def modality_of(source: str) -> str:
    """``image`` for a model that reads pictures, with ``#image`` behind a two-tower model; else ``text``.

    >>> [modality_of(s) for s in ("minilm", "pixels:8", "hf:openai/clip-vit-base-patch32#image", "gensim:a.bin")]
    ['text', 'image', 'image', 'text']
    """
    from embedscope.encoders import MODELS, ImageModel

    bare, _, tower = source.removeprefix("random:").partition("#")
    name = bare.partition("?")[0].partition(":")[0]
    pictures = name in MODELS and isinstance(MODELS.get(name), ImageModel)
    return IMAGE if tower.startswith("image") or (pictures and not tower.startswith("text")) else TEXT


def opened(
    source: str, study_data: Material, options: Options, provenance: Provenance, *, of: str | None = None
) -> Model:
    """The model ``source`` with the vectors of all sets that it reads; what the cache holds is not computed again."""
    with provenance.phase(f"vectors {source}"):
        make = _pictures if modality_of(source) == IMAGE else _texts
        model = make(source, study_data, options)
    model.control_of = of
    model.role = published_role(source, options.published)
    provenance.models[source] = model.facts
    return model


def _pictures(source: str, study_data: Material, options: Options) -> Model:
    from embedscope.encoders import open_image_encoder
    from embedscope.sources.concept_means import concept_means
    from embedscope.sources.image_vectors import image_vectors

    encoder = open_image_encoder(source, device=options.device, dtype=options.dtype, seed=options.seed)
    space = "image" if "image" in encoder.spaces else next(iter(encoder.spaces))
    pictures = {image.key: image for asked in study_data.encoded for image in asked.images}
    if not pictures:
        raise InputError(f"{source} reads pictures, and none are at hand; install embedscope[images] or name --data")
    cache = VectorCache() if options.cache else None
    found = image_vectors(encoder, list(pictures.values()), cache, options.progress).matrix(space)
    options.progress.close()
    place = {key: i for i, key in enumerate(pictures)}

    @lru_cache(maxsize=1)  # every question about a set reads the same means
    def means(asked: QuestionSet) -> Concepts:
        shown = np.asarray(found[[place[image.key] for image in asked.images]], dtype=np.float64)
        return concept_means(shown, asked.owner, len(asked.concepts))

    return Model(
        source,
        IMAGE,
        (space,),
        space,
        lambda asked, _: means(asked).x,
        concepts=means,
        facts=encoder.info.as_dict(),
    )


def _texts(source: str, study_data: Material, options: Options) -> Model:
    from embedscope.encoders import TextEncoder, open_model

    if source.startswith("random:") and _is_lookup(source):
        return _noise(source, open_model(source.removeprefix("random:")), options.seed)
    encoder: Any = open_model(
        source,
        device=options.device,
        dtype=options.dtype,
        seed=options.seed,
        trust_remote_code=options.trust_remote_code,
    )
    if isinstance(encoder, TextEncoder):
        return _layers(source, encoder, study_data, options)
    space = next(iter(encoder.spaces))
    return Model(
        source,
        TEXT,
        (space,),
        space,
        lambda asked, _: np.asarray(encoder.matrix(None, space, asked.concepts), dtype=np.float64),
        facts=dict(encoder.facts),
    )


def _is_lookup(source: str) -> bool:
    from embedscope.encoders import MODELS, Scheme

    name = source.removeprefix("random:").partition(":")[0]
    return name in MODELS and isinstance(MODELS.get(name), Scheme)


def _noise(source: str, lookup: Any, seed: int) -> Model:
    """Normal noise in place of word vectors, of the same width, for the words that have one."""
    from embedscope.core.ids import combine, hash_texts

    space = next(iter(lookup.spaces))

    def rows(asked: QuestionSet, _: str) -> Floats:
        real = np.asarray(lookup.matrix(None, space, asked.concepts), dtype=np.float64)
        keys = combine(hash_texts(asked.concepts), seed)
        drawn = np.stack([np.random.default_rng(int(key)).normal(size=real.shape[1]) for key in keys])
        return np.where(np.isfinite(real), drawn, np.nan)

    return Model(source, TEXT, (space,), space, rows, facts={"kind": "normal noise", "seed": seed})


def _layers(source: str, encoder: Any, study_data: Material, options: Options) -> Model:
    from embedscope.sources.text_vectors import extract

    pooling = "bos_eos" if "bos_eos" in encoder.poolings else encoder.poolings[0]
    poolings: list[str | None] = [pooling, *([None] if encoder.has_pooled else [])]
    texts = list(dict.fromkeys(text for asked in study_data.encoded for text in asked.concepts))
    cache = VectorCache() if options.cache else None
    found = extract(encoder, texts, poolings, cache=cache, progress=options.progress)
    options.progress.close()
    where: dict[str, str | None] = dict.fromkeys(found.spaces(pooling), pooling)
    if encoder.has_pooled:
        where[found.spaces(None)[-1]] = None
    return Model(
        source,
        TEXT,
        tuple(where),
        list(where)[-1],
        lambda asked, space: np.asarray(found.matrix(where[space], space, asked.concepts), dtype=np.float64),
        facts=encoder.info.as_dict() | {"pooling": pooling},
    )
