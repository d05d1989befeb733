"""Thumbnails of images, to draw on a figure or beside a row."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from embedscope.core.extras import require
from embedscope.core.images import Image

SIDE = 40
"""Pixels along a side of a thumbnail."""


def thumbnails(images: Sequence[Image]) -> tuple[str, ...]:
    """Small PNG files of ``images`` as base64, ``SIDE`` pixels along the longer side."""
    pil = require("PIL.Image", "images", "thumbnails")
    pictures = []
    for image in images:
        thumbnail = pil.fromarray(image.pixels())
        thumbnail.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        thumbnail.quantize(64).save(buffer, format="PNG", optimize=True)
        pictures.append(base64.b64encode(buffer.getvalue()).decode("ascii"))
    return tuple(pictures)
