"""Images to the arrays that models take, with Pillow; what is done is said by the model's policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.images import Image

Floats = npt.NDArray[np.float32]


def as_pil(image: Image) -> Any:
    """The image as a Pillow image in RGB; raises ``InputError`` where its pixels are not (h, w, 3) uint8."""
    pil = require("PIL.Image", "images", "an image encoder")
    pixels = np.asarray(image.pixels())
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise InputError(f"image {image.key} has pixels {pixels.shape} {pixels.dtype}; wanted (height, width, 3) uint8")
    return pil.fromarray(np.ascontiguousarray(pixels))


def resize_short_side(picture: Any, side: int) -> Any:
    """Scale a Pillow image so that its shorter side has ``side`` pixels, bicubic; the longer one is rounded down."""
    bicubic = require("PIL.Image", "images", "an image encoder").Resampling.BICUBIC
    width, height = picture.size
    short = min(width, height)
    return picture.resize((side * width // short, side * height // short), bicubic)


def crop_centre(picture: Any, size: int) -> Any:
    """Cut ``size`` x ``size`` pixels from the middle of a Pillow image."""
    left, top = (round((n - size) / 2) for n in picture.size)
    return picture.crop((left, top, left + size, top + size))


def scale_images(images: Sequence[Image], size: int, resize_to: int, mean: float, std: float) -> Floats:
    """Short side to ``resize_to``, centre crop, values (v / 255 - mean) / std: (n, 3, size, size) float32."""
    out = np.empty((len(images), 3, size, size), dtype=np.float32)
    for i, image in enumerate(images):
        cut = crop_centre(resize_short_side(as_pil(image), resize_to), size)
        out[i] = ((np.asarray(cut, dtype=np.float32) / 255.0 - mean) / std).transpose(2, 0, 1)
    return out
