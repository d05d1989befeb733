"""Vectors of the study data, by a model with two towers, or by a model of images and a model of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.experiments._tyshchuk2023.numbers import TEXT_ONLY, published_role
from embedscope.experiments._tyshchuk2023.study_data import StudyData
from embedscope.experiments.experiment import Options
from embedscope.sources.models import (
    check_known,
    encode_texts,
    extract_images,
    image_vector,
    open_image_model,
)
from embedscope.sources.options import ModelOptions
from embedscope.sources.single_space import single_space


@dataclass
class Vectors:
    """Vectors of one model, with rows as in the study data; ``scale`` is the factor of the model on cosines.

    ``texts`` and ``images`` are aligned with the texts and images of the pairs, ``prompts`` with the classes,
    ``class_images`` with the images of the classes, ``english`` and ``languages`` (both by language) with the parallel
    texts, ``russian`` with the captions of ruCOCO. A model of texts alone has no rows of ``images``.
    """

    source: str
    label: str
    baseline: bool
    role: str | None
    scale: float | None
    texts: Floats
    images: Floats
    prompts: Floats | None = None
    class_images: Floats | None = None
    english: dict[str, Floats] = field(default_factory=dict)
    languages: dict[str, Floats] = field(default_factory=dict)
    russian: Floats | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def sides(self) -> dict[str, Floats]:
        """Unit rows of texts and images, by the name of the side; of texts alone where there are no images."""
        both = {"text": self.texts, "image": self.images}
        return {name: unit(rows) for name, rows in both.items() if len(rows)}


def towers(source: str) -> tuple[str, str]:
    """URIs of the image and of the text encoder that ``source`` names: ``IMAGE+TEXT``, or one model of two towers.

    >>> towers("random:efficientnet-lite0+minilm")
    ('random:efficientnet-lite0', 'random:minilm')
    >>> towers("hf:openai/clip-vit-base-patch32")
    ('hf:openai/clip-vit-base-patch32', 'hf:openai/clip-vit-base-patch32#text')
    """
    image, plus, text = source.partition("+")
    if not plus:
        bare, _, query = image.partition("?")
        return image, f"{bare}#text" + (f"?{query}" if query else "")
    if image.startswith("random:") and not text.startswith("random:"):
        text = f"random:{text}"
    return image, text


def label_of(source: str) -> str:
    """Name for tables and curves."""
    bare = source.removeprefix("random:")
    how = "random, biases zero" if "bias=0" in bare else "random"
    name = bare.replace("?bias=0", "").replace("&bias=0", "")
    return f"{name} ({how})" if source.startswith("random:") else bare


def encode_study_data(
    source: str, study_data: StudyData, options: Options, provenance: Provenance, *, baseline: bool = False
) -> Vectors:
    """Encode the study data with the model ``source``; cached vectors are not recomputed."""
    image_uri, text_uri = towers(source)
    how = options.of_models
    images = list(study_data.pairs.images) + (list(study_data.classes.images) if study_data.classes else [])
    opened = Provenance()
    with provenance.phase(f"images {source}"):
        encoder = open_image_model(image_uri, how, opened)
        vectors = extract_images(encoder, images, how, options.progress)
        x = np.asarray(vectors.matrix(image_vector(encoder.spaces)), dtype=np.float64)
    texts = [*study_data.pairs.texts, *(study_data.classes.prompts if study_data.classes else ())]
    texts += [t for p in study_data.languages for t in (*p.texts, *p.english)]
    texts += study_data.russian
    with provenance.phase(f"texts {source}"):
        lookup = _text_lookup(text_uri, texts, how, opened, options.progress)
    n = len(study_data.pairs.images)
    result = Vectors(
        source,
        label_of(source),
        baseline,
        published_role(source, options.published),
        encoder.logit_scale,
        lookup(study_data.pairs.texts),
        x[:n],
        facts={"image": encoder.info.as_dict(), "text": opened.models[text_uri]},
    )
    if study_data.classes:
        result.prompts, result.class_images = lookup(study_data.classes.prompts), x[n:]
    for parallel in study_data.languages:
        result.english[parallel.language] = lookup(parallel.english)
        result.languages[parallel.language] = lookup(parallel.texts)
    if study_data.russian and result.role == "ruclip":
        result.russian = lookup(study_data.russian)
    provenance.models[source] = result.facts
    return result


def is_text_only(source: str, options: Options) -> bool:
    """Whether ``source`` is a model of texts alone: a published one, an alias, or one named with ``#text``."""
    from embedscope.encoders import ALIASES

    if "+" in source:
        return False
    return source in ALIASES or source.endswith("#text") or published_role(source, options.published) in TEXT_ONLY


def encode_study_texts(source: str, study_data: StudyData, options: Options, provenance: Provenance) -> Vectors:
    """Encode the texts of the study data with a model of texts alone."""
    texts = [*study_data.pairs.texts, *(t for p in study_data.languages for t in (*p.texts, *p.english))]
    opened = Provenance()
    with provenance.phase(f"texts {source}"):
        lookup = _text_lookup(source, texts, options.of_models, opened, options.progress)
    rows = lookup(study_data.pairs.texts)
    role, none = published_role(source, options.published), np.empty((0, rows.shape[1]))
    result = Vectors(source, label_of(source), False, role, None, rows, none, facts={"text": opened.models[source]})
    for parallel in study_data.languages:
        result.english[parallel.language] = lookup(parallel.english)
        result.languages[parallel.language] = lookup(parallel.texts)
    provenance.models[source] = result.facts
    return result


def _text_lookup(
    uri: str, texts: Sequence[str], options: ModelOptions, provenance: Provenance, progress: Progress
) -> Callable[[Sequence[str]], Floats]:
    """A function that gives the text vectors (n, d) of some of ``texts``."""
    vectors, spaces = encode_texts(uri, texts, options, provenance, progress)
    pooling, space = single_space(spaces)

    def lookup(some: Sequence[str]) -> Floats:
        return np.asarray(check_known(vectors.matrix(pooling, space, some), uri, "the study"), dtype=np.float64)

    return lookup


def unit(rows: Floats) -> Floats:
    """L2-normalised rows (n, d); zero rows stay zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0))
