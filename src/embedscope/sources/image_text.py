"""Models of images, alone or beside a model of texts, as vectors for tasks with tables of images and texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.sources.image_vectors import ImageVectors
from embedscope.sources.models import (
    SpaceName,
    encode_texts,
    extract_images,
    image_vector,
    open_image_model,
)
from embedscope.sources.options import ModelOptions
from embedscope.sources.single_space import single_space


class ImageTextVectors:
    """Vectors of images by one model and of texts by another, in spaces named ``IMAGE|TEXT``.

    ``texts`` is None for a model of images alone, whose spaces keep their own names.
    """

    def __init__(self, images: ImageVectors, texts: Any, text_space: SpaceName | None, notes: str | None) -> None:
        self.notes = notes
        self._images, self._texts, self._text_space = images, texts, text_space
        first = image_vector(images.spaces)
        spaces = (first, *(s for s in images.spaces if s != first))
        self.spaces = spaces if text_space is None else tuple(f"{space}|{text_space.space}" for space in spaces)
        self._rows = {key: i for i, key in enumerate(images.keys)}

    def image_matrix(self, space: str, images: Sequence[Image]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``images``."""
        x: npt.NDArray[Any] = self._images.matrix(space.partition("|")[0])
        return x[np.array([self._rows[image.key] for image in images], dtype=np.intp)]

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; a text without a vector is a row of nan."""
        if self._text_space is None:
            raise InputError("this model reads images only, and the task has texts; name a pair such as IMAGE+TEXT")
        x: npt.NDArray[Any] = self._texts.matrix(*self._text_space, texts)
        return x


def model_pair(source: str) -> tuple[str, str | None] | None:
    """URIs of the image model and of the text model that ``source`` names; None where it names no image model.

    ``IMAGE+TEXT`` is a pair; a model with two towers (``hf:``, ``st:``) is a pair by itself.

    >>> model_pair("efficientnet-lite0+minilm"), model_pair("efficientnet-lite0"), model_pair("minilm")
    (('efficientnet-lite0', 'minilm'), ('efficientnet-lite0', None), None)
    """
    from embedscope.encoders import MODELS, ImageModel, is_model

    left, plus, right = source.partition("+")
    if plus and is_model(left) and is_model(right):
        return left, right
    name = source.removeprefix("random:").partition("?")[0].partition(":")[0]
    model = MODELS.get(name) if name in MODELS else None
    if isinstance(model, ImageModel):
        return source, source if model.open_text is not None else None
    return (source, text_tower(source)) if name in ("hf", "st") else None


def text_tower(uri: str) -> str:
    """URI of the text tower of a model with two towers.

    >>> text_tower("hf:openai/clip-vit-base-patch32?size=224")
    'hf:openai/clip-vit-base-patch32#text?size=224'
    """
    body, mark, options = uri.partition("?")
    return f"{body}#text{mark}{options}"


def read_images_and_texts(
    source: str,
    images: Sequence[Image],
    texts: Sequence[str],
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
) -> ImageTextVectors:
    """Vectors of ``images`` and ``texts`` by the models that ``source`` names; each model's own vector of a text.

    Raises
    ------
    InputError
        if ``source`` names no model of images, or no model of texts where there are texts.
    """
    pair = model_pair(source)
    if pair is None:
        raise InputError(f"{source} reads texts only, and the tasks have images; name a pair such as IMAGE+{source}")
    encoder = open_image_model(pair[0], options, provenance)
    image_vectors = extract_images(encoder, images, options, progress)
    notes = "; ".join(encoder.info.notes) or None
    if not texts:
        return ImageTextVectors(image_vectors, None, None, notes)
    if pair[1] is None:
        raise InputError(f"{source} reads images only, and the tasks have texts; name a pair such as {source}+minilm")
    own = replace(options, layers=None)  # one vector of a text, however many layers are read of images
    vectors, spaces = encode_texts(pair[1], texts, own, provenance, progress)
    return ImageTextVectors(image_vectors, vectors, single_space(spaces), notes)
