"""Images as rows: something with an identity whose pixels can be had."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class Image(Protocol):
    """One image; nothing is decoded before ``pixels`` is called."""

    @property
    def key(self) -> str:
        """Identity of the image, the same on every machine (checksum of its bytes, vendor and code point)."""

    def pixels(self) -> Pixels:
        """RGB values, shape (height, width, 3), uint8."""


@dataclass(frozen=True)
class ImageTable:
    """Images of one kind; a row's index is its identity in relations.

    ``clusters`` names what a row belongs to (concept of a drawing); empty where rows stand for themselves.
    """

    images: tuple[Image, ...]
    unit: str = "image"
    clusters: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class PixelImage:
    """An image that is in memory."""

    key: str
    values: Pixels

    def pixels(self) -> Pixels:
        """The values as they are."""
        return self.values


@dataclass(frozen=True)
class FileImage:
    """An image file; ``key`` is the sha256 of its bytes, or whatever names it for good."""

    path: Path
    key: str

    def pixels(self) -> Pixels:
        """Decoded with Pillow, turned upright by its EXIF tag, transparent parts on white.

        Raises
        ------
        InputError
            if the file is no image, no regular file, unpacks to too many pixels, or nothing says which of its values
            is white.
        """
        from embedscope.core.errors import InputError
        from embedscope.core.extras import require
        from embedscope.core.regular import check_regular

        pil = require("PIL.Image", "images", f"the image {self.path}")
        ops = require("PIL.ImageOps", "images", f"the image {self.path}")
        check_regular(self.path)
        try:
            with warnings.catch_warnings(), pil.open(self.path) as opened:
                warnings.simplefilter("error", pil.DecompressionBombWarning)
                warnings.simplefilter("ignore", UserWarning)
                upright = ops.exif_transpose(opened)
                if upright.mode in _DEEP:
                    upright = pil.fromarray(_eight_bits(np.asarray(upright), upright.mode, str(self.path)))
                if "A" in upright.getbands() or "transparency" in upright.info:
                    rgba = upright.convert("RGBA")
                    upright = pil.alpha_composite(pil.new("RGBA", rgba.size, "white"), rgba)
                return np.asarray(upright.convert("RGB"))
        except (pil.DecompressionBombError, pil.DecompressionBombWarning) as error:
            raise InputError(
                f"{self.path} unpacks to more pixels than are read ({pil.MAX_IMAGE_PIXELS:,}); make it smaller"
            ) from error
        except InputError:
            raise
        except Exception as error:  # Pillow's decoders raise what they like on damaged files
            said = " ".join(str(error).split())[:160] or type(error).__name__
            raise InputError(f"{self.path} is no readable image ({said}); replace it or leave it out") from error


_DEEP = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})


def _eight_bits(values: npt.NDArray[Any], mode: str, name: str) -> Pixels:
    """Grey values of 16 bits, (height, width), as 8 bits: v * 255 / 65535, rounded.

    Raises
    ------
    InputError
        for the modes I and F unless their values are whole numbers from 0 to 65535 that use more than 8 bits, since
        nothing says which value is white.
    """
    from embedscope.core.errors import InputError

    if mode in {"I", "F"}:
        fits = values.size and values.min() >= 0 and 255 < values.max() <= 65535 and bool((values % 1 == 0).all())
        if mode == "F" or not fits:
            span = f"{values.min():g} to {values.max():g}" if values.size else "none"
            raise InputError(
                f"{name} is an image of mode {mode} (32 bits per pixel, values {span}), whose white is not known; "
                "save it with 8 or 16 bits per channel"
            )
    return np.asarray(np.round(values.astype(np.float64) * (255 / 65535)), dtype=np.uint8)
