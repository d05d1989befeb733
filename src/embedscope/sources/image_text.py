"""Models that read pictures, alone or beside a model that reads texts, as vectors of the tables of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance

_OWN = ("image", "features", "pooled")


class TwoSided:
    """Vectors of pictures from one model and of texts from another, in spaces named ``IMAGE|TEXT``.

    ``texts`` is None for a model of pictures alone; its spaces have their own names then.
    """

    def __init__(self, pictures: Any, texts: Any, text_space: tuple[str | None, str] | None, notes: str | None) -> None:
        self.notes = notes
        self._pictures, self._texts, self._text_space = pictures, texts, text_space
        own = next((s for s in _OWN if s in pictures.spaces), None)
        spaces = tuple(pictures.spaces) if own is None else (own, *(s for s in pictures.spaces if s != own))
        self.spaces = spaces if text_space is None else tuple(f"{space}|{text_space[1]}" for space in spaces)
        self._rows = {key: i for i, key in enumerate(pictures.keys)}

    def pictures(self, space: str, images: Sequence[Image]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``images``."""
        x: npt.NDArray[Any] = self._pictures.matrix(space.partition("|")[0])
        return x[np.array([self._rows[image.key] for image in images], dtype=np.intp)]

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; a text without a vector is a row of nan."""
        if self._text_space is None:
            raise InputError("this model reads pictures alone, and the task has texts; name a pair such as IMAGE+TEXT")
        x: npt.NDArray[Any] = self._texts.matrix(*self._text_space, texts)
        return x


def names_of(source: str) -> tuple[str, str | None] | None:
    """URIs of the image model and of the text model that ``source`` names, None where it names no image model.

    ``IMAGE+TEXT`` is a pair; a model with two towers (``hf:``, ``st:``) is a pair by itself.

    >>> names_of("efficientnet-lite0+minilm"), names_of("efficientnet-lite0"), names_of("minilm")
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
    return (source, _text_tower(source)) if name in ("hf", "st") else None


def _text_tower(uri: str) -> str:
    body, mark, options = uri.partition("?")
    return f"{body}#text{mark}{options}"


def two_sided(
    source: str,
    images: Sequence[Image],
    texts: Sequence[str],
    model: Mapping[str, Any],
    *,
    cache: bool,
    provenance: Provenance,
    progress: Progress,
) -> TwoSided:
    """Open the models that ``source`` names and read ``images`` and ``texts`` with them.

    Raises
    ------
    InputError
        if it names no model of pictures, or texts are asked of a model of pictures alone.
    """
    from embedscope.core.cache import VectorCache
    from embedscope.encoders import open_image_encoder
    from embedscope.sources.image_vectors import image_vectors

    named = names_of(source)
    if named is None:
        raise InputError(f"{source} reads texts alone, and pictures are asked for; name a pair such as IMAGE+{source}")
    kept = VectorCache() if cache else None
    encoder = open_image_encoder(named[0], device=model["device"], dtype=model["dtype"], seed=model["seed"])
    provenance.models[named[0]] = encoder.info.as_dict()
    pictures = image_vectors(encoder, images, kept, progress)
    said = "; ".join(encoder.info.notes) or None
    if not texts:
        return TwoSided(pictures, None, None, said)
    if named[1] is None:
        raise InputError(f"{source} reads pictures alone, and texts are asked for; name a pair such as {source}+minilm")
    vectors, space = _text_side(named[1], texts, model, kept, provenance, progress)
    return TwoSided(pictures, vectors, space, said)


def _text_side(
    uri: str, texts: Sequence[str], model: Mapping[str, Any], cache: Any, provenance: Provenance, progress: Progress
) -> tuple[Any, tuple[str | None, str]]:
    """Vectors of ``texts`` as the model itself pools or projects them, and their pooling and space."""
    from embedscope.encoders import TextEncoder, open_model
    from embedscope.sources.text_vectors import extract

    encoder = open_model(uri, **model)
    if not isinstance(encoder, TextEncoder):
        provenance.models[uri] = dict(encoder.facts)
        return encoder, (None, next(iter(encoder.spaces)))
    provenance.models[uri] = encoder.info.as_dict()
    if not encoder.has_pooled:
        raise InputError(f"{uri} defines no vector of a whole text; name one that does, such as minilm")
    return extract(encoder, list(dict.fromkeys(texts)), [None], cache=cache, progress=progress), (None, "pooled")
