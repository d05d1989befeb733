"""What an image encoder is, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embedscope.core.images import Image
from embedscope.encoders.lookup import Lookup

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ImageInfo:
    """Facts that identify an image model and how it is read.

    Attributes
    ----------
    kind : training objective: "classification", "contrastive", "none" (pixels), "random" or "unknown"
    image_size : (height, width) of the model's input in pixels; (0, 0) where the input keeps its size
    policies : whatever can change a number, preprocessing included
    notes : what a reader of the numbers must know
    """

    uri: str
    name: str
    kind: str
    architecture: str
    weights_sha256: str
    image_size: tuple[int, int]
    licence: str | None
    policies: Mapping[str, Any]
    revision: str | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON types."""
        lists = {"image_size": list(self.image_size), "notes": list(self.notes)}
        return asdict(self) | lists | {"policies": dict(self.policies)}


class ImageEncoder(Protocol):
    """Images to vectors in every space of a model; made by :func:`embedscope.encoders.open_image_encoder`."""

    @property
    def info(self) -> ImageInfo:
        """Facts of the model."""

    @property
    def spaces(self) -> Mapping[str, str]:
        """Name -> description of each space, in order."""

    @property
    def batch_size(self) -> int:
        """Images in one forward pass."""

    @property
    def logit_scale(self) -> float | None:
        """Factor on inner products that the model was trained with (exp of the parameter); None where it has none."""

    @property
    def logit_bias(self) -> float | None:
        """Constant added to the scaled inner products (SigLIP); None where the model has none."""

    def encode(self, images: Sequence[Image]) -> dict[str, Vectors]:
        """Vectors of ``images`` in every space: {space: (n, d) float32}."""


@dataclass(frozen=True)
class Opening:
    """How an image encoder is opened; every kind of model takes the same."""

    device: str = "auto"
    dtype: str = "float32"
    batch_size: int = 32
    layers: bool = False
    normalise: bool = False
    seed: int = 0


@dataclass(frozen=True)
class ImageModel:
    """A model, or a kind of model, that reads images: ``open`` gets the URI and how to open it.

    Attributes
    ----------
    module : the package that it needs
    open_text : opens the text tower of a URI, where there is one
    cite : bibtex key
    """

    name: str
    title: str
    description: str
    licence: str
    cite: str
    install: str
    module: str
    open: Callable[[str, Opening], ImageEncoder]
    open_text: Callable[[str, Opening], Lookup] | None = None

    def path(self) -> Path | None:
        """Folder of the library that is needed, None where it is not installed; it is never imported."""
        import importlib.util

        spec = importlib.util.find_spec(self.module)
        folders = spec.submodule_search_locations if spec is not None else None
        return Path(next(iter(folders))) if folders else None
