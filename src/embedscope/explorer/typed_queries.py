"""A query that is typed in: embedded by the model of the rows, in each of their spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.images import FileImage
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import ImageEncoder, Lookup, Role, TextEncoder
from embedscope.sources.image_text import model_pair
from embedscope.sources.images import is_image_file
from embedscope.sources.models import (
    SpaceName,
    encode_opened,
    image_vector,
    model_spaces,
    open_text_model,
)
from embedscope.sources.options import ModelOptions
from embedscope.sources.text_vectors import TextVectors

Vectors = Mapping[str, npt.NDArray[Any]]
"""Space -> vector (d,) of a query."""

Opened = tuple[TextEncoder | Lookup, list[SpaceName]]
"""A model of texts, and the spaces of it that are read."""


@dataclass(frozen=True, eq=False)
class QueryEncoder:
    """The model that typed queries are embedded with.

    Attributes
    ----------
    model : its name
    text, image : how a text and how an image is read; None where the model reads none
    """

    model: str
    text: Callable[[str], Vectors] | None = None
    image: Callable[[str], Vectors] | None = None

    @property
    def takes(self) -> str:
        """What may be typed in."""
        kinds = (("a text", self.text), ("the path of an image", self.image))
        return " or ".join(name for name, reader in kinds if reader is not None)

    def vector(self, query: str, space: str) -> npt.NDArray[np.float64]:
        """The vector (d,) of ``query`` in the space ``space`` of the rows; the only one of its kind where they differ.

        Raises
        ------
        InputError
            if the query is empty, of a kind that the model does not read, or without a vector.
        """
        asked = query.strip()
        if not asked:
            raise InputError(f"the query is empty; type {self.takes}")
        reader = self.image if self.image is not None and is_image_file(asked) else self.text
        if reader is None:
            raise InputError(f"{self.model} reads images, and '{asked[:60]}' is no file of one; type {self.takes}")
        by_space = reader(asked)
        x = by_space[space] if space in by_space else next(iter(by_space.values()))
        if not np.isfinite(x).all():
            raise InputError(f"{self.model} has no vector for '{asked[:60]}'; type words that it knows")
        return np.asarray(x, dtype=np.float64)

    def dimensions(self, space: str) -> int:
        """Of the vector of a text in the space ``space``."""
        by_space = {} if self.text is None else self.text("a query")
        return len(by_space[space] if space in by_space else next(iter(by_space.values()), ()))


class TextTower:
    """A model of texts and the spaces of it that are read; opened when it is asked for the first time, and kept."""

    def __init__(self, uri: str, options: ModelOptions, role: Role | None, opened: Opened | None = None) -> None:
        self._uri, self._options, self._role, self._given = uri, options, role, opened

    @cached_property
    def _opened(self) -> Opened:
        if self._given is not None:
            return self._given
        provenance = Provenance()
        model = open_text_model(self._uri, self._options, provenance)
        return model, model_spaces(model, self._uri, self._options, "one", provenance, Silent())

    def __call__(self, text: str) -> Vectors:
        """The vector of ``text`` in each space that the options name; nan where the model does not know it."""
        model, spaces = self._opened
        provenance = Provenance()
        provenance.models[self._uri] = {}
        sides = encode_opened(model, self._uri, spaces, [(self._role, [text])], self._options, provenance, Silent())
        return {space_label(SpaceName(s.pooling, s.space)): s.matrix(0)[0] for s in sides}


class ImageTower:
    """A model of images that is open."""

    def __init__(self, encoder: ImageEncoder) -> None:
        self._encoder = encoder

    def __call__(self, path: str) -> Vectors:
        """The vector of the image at ``path`` in the space of whole images."""
        space = image_vector(self._encoder.spaces)
        return {space: self._encoder.encode([FileImage(Path(path), path)])[space][0]}


def space_label(name: SpaceName) -> str:
    """What a space of a model of texts is called on the page.

    >>> space_label(SpaceName(None, "pooled")), space_label(SpaceName("plain", "layer03"))
    ('pooled', 'layer03 plain')
    """
    return name.space if name.pooling is None else f"{name.space} {name.pooling}"


def text_query_encoder(uri: str, options: ModelOptions, vectors: Any, spaces: Sequence[SpaceName]) -> QueryEncoder:
    """Queries that are texts, read by the model ``uri`` that gave ``vectors`` of the rows in ``spaces``."""
    model = vectors.encoder if isinstance(vectors, TextVectors) else vectors
    return QueryEncoder(uri, TextTower(uri, options, None, (model, list(spaces))))


def model_query_encoder(uri: str, options: ModelOptions, progress: Progress) -> QueryEncoder:
    """Queries of documents that are given as vectors, read by the model ``uri`` as it reads queries."""
    provenance = Provenance()
    model = open_text_model(uri, options, provenance, progress)
    spaces = model_spaces(model, uri, options, "one", provenance, progress)
    return QueryEncoder(uri, TextTower(uri, options, "query", (model, spaces)))


def image_query_encoder(uri: str, encoder: ImageEncoder, options: ModelOptions) -> QueryEncoder:
    """Queries that are images, and texts where the model ``uri`` has a tower for them."""
    pair = model_pair(uri)
    text = None if pair is None or pair[1] is None else TextTower(pair[1], options, None)
    return QueryEncoder(uri, text, ImageTower(encoder))
