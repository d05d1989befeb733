"""Vectors of everything in the material, by a model of two towers or by an image model and a text model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.provenance import Provenance
from embedscope.experiments._experiment import Options
from embedscope.experiments._tyshchuk2023.material import Material
from embedscope.experiments._tyshchuk2023.numbers import published_role


@dataclass
class Vectors:
    """Vectors of one model, rows as in the material; ``scale`` is the factor the model puts on cosines.

    ``texts`` and ``images`` are aligned with the texts and images of the pairs, ``prompts`` with the classes,
    ``class_images`` with the images of the classes, ``english`` and ``languages`` with the parallel names.
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
    english: Floats | None = None
    languages: dict[str, Floats] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


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


def measured_vectors(
    source: str, study_data: Material, options: Options, provenance: Provenance, *, baseline: bool = False
) -> Vectors:
    """Encode the material with the model ``source``; what the cache holds is not computed again."""
    from embedscope.core.cache import VectorCache

    image_uri, text_uri = towers(source)
    cache = VectorCache() if options.cache else None
    pictures = list(study_data.pairs.images) + (list(study_data.classes.images) if study_data.classes else [])
    with provenance.phase(f"images {source}"):
        shown, encoder = _images(image_uri, pictures, options, cache)
    texts = [*study_data.pairs.texts, *(study_data.classes.prompts if study_data.classes else ())]
    texts += [t for p in study_data.languages for t in (*p.texts, *p.english)]
    with provenance.phase(f"texts {source}"):
        lookup, info = _texts(text_uri, texts, options, cache)
    n = len(study_data.pairs.images)
    found = Vectors(
        source,
        label_of(source),
        baseline,
        published_role(source, options.published),
        encoder.logit_scale,
        lookup(study_data.pairs.texts),
        shown[:n],
        facts={"image": encoder.info.as_dict(), "text": info},
    )
    if study_data.classes:
        found.prompts, found.class_images = lookup(study_data.classes.prompts), shown[n:]
    for parallel in study_data.languages:
        found.english = lookup(parallel.english) if found.english is None else found.english
        found.languages[parallel.language] = lookup(parallel.texts)
    provenance.models[source] = found.facts
    return found


def _images(uri: str, pictures: Sequence[Image], options: Options, cache: Any) -> tuple[Floats, Any]:
    from embedscope.encoders import open_image_encoder
    from embedscope.sources.image_vectors import image_vectors

    encoder = open_image_encoder(uri, device=options.device, dtype=options.dtype, seed=options.seed)
    space = "image" if "image" in encoder.spaces else next(iter(encoder.spaces))
    found = image_vectors(encoder, pictures, cache, options.progress).matrix(space)
    return np.asarray(found, dtype=np.float64), encoder


def _texts(uri: str, texts: Sequence[str], options: Options, cache: Any) -> tuple[Any, dict[str, Any]]:
    from embedscope.encoders import TextEncoder, open_model
    from embedscope.sources.text_vectors import extract

    encoder = open_model(
        uri,
        device=options.device,
        dtype=options.dtype,
        seed=options.seed,
        trust_remote_code=options.trust_remote_code,
    )
    if not isinstance(encoder, TextEncoder) or not encoder.has_pooled:
        raise InputError(f"{uri} has no vector of a whole text; name a sentence model such as minilm")
    found = extract(encoder, texts, [None], cache=cache, progress=options.progress)
    space = found.spaces(None)[-1]

    def lookup(asked: Sequence[str]) -> Floats:
        return np.asarray(found.matrix(None, space, asked), dtype=np.float64)

    return lookup, encoder.info.as_dict()


def unit(rows: Floats) -> Floats:
    """Rows (n, d) at length 1; zero rows stay zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0))
