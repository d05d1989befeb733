"""Vectors of images in every space of a model: each distinct image is encoded once and cached."""

from __future__ import annotations

import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import LostChunkError, Place, VectorCache, namespace_of, text_key
from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.progress import Progress, Silent
from embedscope.core.steady_cache import LOST_CHUNKS, SteadyCache
from embedscope.encoders import ImageEncoder

Floats32 = npt.NDArray[np.float32]

_CHUNK_BYTES = 32 * 2**20
_CHUNK_SECONDS = 10.0
_FORMAT = 1
_LIBRARIES = ("torch", "transformers", "timm", "open_clip_torch", "pillow")


class ImageVectors:
    """Vectors of images by space, aligned with its images and read from the cache when needed.

    Attributes
    ----------
    keys : key of each image, in the order of the images
    """

    def __init__(self, encoder: ImageEncoder, images: Sequence[Image], cache: SteadyCache) -> None:
        self.encoder = encoder
        self.keys = tuple(image.key for image in images)
        self.spaces = tuple(encoder.spaces)
        self._images = dict(zip(self.keys, images, strict=True))
        self._cache = cache
        self._owner = uuid.uuid4().hex
        self._namespace = namespace_of(fingerprint(encoder))
        self._places: dict[str, Place] = {}
        weakref.finalize(self, cache.release, self._owner)

    def matrix(self, space: str) -> Floats32:
        """Vectors (n, d) float32 of one space, one row per image; raises ``InputError`` for an unknown space."""
        if space not in self.spaces:
            raise InputError(f"{self.encoder.info.uri} has no space '{space}'; it has {', '.join(self.spaces)}")
        for _ in range(LOST_CHUNKS):
            try:
                return self._read(space)
            except LostChunkError:
                self.fill(Silent())
        return self._read(space)

    def fill(self, progress: Progress) -> None:
        """Compute and write the vectors that the cache lacks."""
        addresses = {key: text_key(key) for key in self._images}
        places = self._cache.find(self._namespace, list(addresses.values()), self._owner)
        self._places = {key: places[a] for key, a in addresses.items() if a in places}
        missing = [key for key in self._images if key not in self._places]
        if missing:
            progress.start(f"extract {self.encoder.info.uri}", len(missing), "images")
            self._compute(missing, progress)

    def _compute(self, keys: Sequence[str], progress: Progress) -> None:
        pending: list[str] = []
        parts: list[dict[str, Floats32]] = []
        since, size = time.monotonic(), 0
        step = self.encoder.batch_size
        for i in range(0, len(keys), step):
            batch = keys[i : i + step]
            part = self.encoder.encode([self._images[key] for key in batch])
            parts.append(part)
            pending += batch
            size += sum(x.nbytes for x in part.values())
            progress.advance(len(batch))
            if size > _CHUNK_BYTES or time.monotonic() - since > _CHUNK_SECONDS or i + step >= len(keys):
                self._store(pending, {space: np.concatenate([p[space] for p in parts]) for space in self.spaces})
                pending, parts, since, size = [], [], time.monotonic(), 0

    def _store(self, keys: Sequence[str], spaces: Mapping[str, Floats32]) -> None:
        chunk = self._cache.put(self._namespace, [text_key(key) for key in keys], spaces, self._owner)
        self._places.update((key, (chunk, i)) for i, key in enumerate(keys))

    def _read(self, space: str) -> Floats32:
        rows: dict[str, tuple[list[int], list[int]]] = {}
        for i, key in enumerate(self.keys):
            chunk, position = self._places[key]
            targets, positions = rows.setdefault(chunk, ([], []))
            targets.append(i)
            positions.append(position)
        parts = [(targets, self._cache.read(chunk, space)[positions]) for chunk, (targets, positions) in rows.items()]
        out = np.empty((len(self.keys), parts[0][1].shape[1]), dtype=np.float32)
        for targets, part in parts:
            out[targets] = part
        return out


def image_vectors(
    encoder: ImageEncoder, images: Sequence[Image], cache: VectorCache | None = None, progress: Progress | None = None
) -> ImageVectors:
    """Vectors of ``images`` in every space of ``encoder``; images of equal key are encoded once.

    Cached vectors are not computed again, and new ones are written to the cache as they are computed. Without a cache
    the vectors are in a temporary folder that is deleted with the result.

    Raises
    ------
    InputError
        if there are no images, or one cannot be read.
    """
    if not images:
        raise InputError("image_vectors needs at least one image, got none")
    progress = progress or Silent()
    vectors = ImageVectors(encoder, images, SteadyCache(cache, progress.note))
    vectors.fill(progress)
    return vectors


def fingerprint(encoder: ImageEncoder) -> dict[str, Any]:
    """Everything but the image that decides a vector: weights, preprocessing, spaces, versions of the libraries."""
    info = encoder.info
    return {
        "format": _FORMAT,
        "weights": info.weights_sha256,
        "architecture": info.architecture,
        "image_size": list(info.image_size),
        "policies": dict(info.policies),
        "spaces": list(encoder.spaces),
        "versions": {name: _version(name) for name in _LIBRARIES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
