"""Pictures as rows: something with an identity whose pixels can be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class Image(Protocol):
    """One picture; nothing is decoded before ``pixels`` is called."""

    @property
    def key(self) -> str:
        """Identity of the picture, the same on every machine (checksum of its bytes, vendor and code point)."""

    def pixels(self) -> Pixels:
        """RGB values, shape (height, width, 3), uint8."""


@dataclass(frozen=True)
class ImageTable:
    """Pictures of one kind; a row's index is its identity in relations.

    ``clusters`` names what a row belongs to (concept of a drawing); empty where rows stand for themselves.
    """

    images: tuple[Image, ...]
    unit: str = "image"
    clusters: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class PixelImage:
    """A picture that is in memory."""

    key: str
    values: Pixels

    def pixels(self) -> Pixels:
        """The values as they are."""
        return self.values


@dataclass(frozen=True)
class FileImage:
    """A picture file; ``key`` is the sha256 of its bytes, or whatever names it for good."""

    path: Path
    key: str

    def pixels(self) -> Pixels:
        """Decoded with Pillow, turned upright by its EXIF tag, transparent parts on white.

        Raises
        ------
        InputError
            if the file is no picture.
        """
        from embedscope.core.errors import InputError
        from embedscope.core.extras import require

        pil = require("PIL.Image", "images", f"the picture {self.path}")
        ops = require("PIL.ImageOps", "images", f"the picture {self.path}")
        try:
            with pil.open(self.path) as opened:
                upright = ops.exif_transpose(opened)
                if "A" in upright.getbands() or "transparency" in upright.info:
                    rgba = upright.convert("RGBA")
                    upright = pil.alpha_composite(pil.new("RGBA", rgba.size, "white"), rgba)
                return np.asarray(upright.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(f"{self.path} is no readable picture ({error}); replace it or leave it out") from error
