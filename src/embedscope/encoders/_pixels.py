"""Raw pixels as vectors: the baseline that knows nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.images import Image
from embedscope.encoders._image_info import ImageInfo, Opening, Vectors
from embedscope.encoders._image_uris import parse_image_uri
from embedscope.encoders._preparing import as_pil

_LARGEST = 1024


class PixelEncoder:
    """RGB values of the image scaled to ``side`` x ``side`` by area averaging, one row per image, 0 to 1."""

    def __init__(self, uri: str, side: int, batch_size: int) -> None:
        self.side, self.batch_size = side, batch_size
        self.spaces: Mapping[str, str] = {"pixels": f"RGB values of {side} x {side} pixels, row by row, 0 to 1"}
        self.logit_scale: float | None = None
        self.logit_bias: float | None = None
        self.info = ImageInfo(
            uri=uri,
            name="pixels",
            kind="none",
            architecture="raw pixels",
            weights_sha256=hashlib.sha256(b"no weights").hexdigest(),
            image_size=(side, side),
            licence=None,
            policies={"resize": f"both sides to {side}, area average (Pillow BOX)", "range": "0 to 1"},
        )

    def encode(self, images: Sequence[Image]) -> dict[str, Vectors]:
        """Vectors (n, 3 side^2) of ``images``."""
        box = require("PIL.Image", "images", "an image encoder").Resampling.BOX
        out = np.empty((len(images), 3 * self.side**2), dtype=np.float32)
        for i, image in enumerate(images):
            small = as_pil(image).resize((self.side, self.side), box)
            out[i] = np.asarray(small, dtype=np.float32).reshape(-1) / 255.0
        return {"pixels": out}


def open_pixels(uri: str, how: Opening) -> PixelEncoder:
    """Open ``pixels:SIDE``; raises ``InputError`` for a side that is no number from 1 to 1,024."""
    parsed = parse_image_uri(uri, ())
    if parsed.random or not parsed.rest.isdecimal() or not 1 <= int(parsed.rest) <= _LARGEST:
        raise InputError(f"'{uri}' must be pixels:SIDE with a side from 1 to {_LARGEST}, such as pixels:32")
    return PixelEncoder(uri, int(parsed.rest), how.batch_size)
