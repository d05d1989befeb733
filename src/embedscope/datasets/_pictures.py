"""Images of a data set by file name: found under the user's folder, or named as missing when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedscope.core.errors import DataUnavailableError
from embedscope.core.images import FileImage, Image, ImageTable, Pixels
from embedscope.datasets._fetch import Finder


@dataclass(frozen=True)
class MissingImage:
    """An image that is known by name and not on this machine; ``hint`` says where to get it."""

    key: str
    hint: str

    def pixels(self) -> Pixels:
        """Never gives pixels.

        Raises
        ------
        DataUnavailableError
            always; the message says where to get the image.
        """
        raise DataUnavailableError(f"the image {self.key} is not on this machine; {self.hint}")


def pictures(names: Sequence[str], finder: Finder, prefix: str, hint: str) -> ImageTable:
    """A table of the files called ``names``; their keys are ``prefix``/name, their clusters the names."""
    images: list[Image] = []
    for name in names:
        path, key = finder.find(name), f"{prefix}/{name}"
        images.append(MissingImage(key, hint) if path is None else FileImage(path, key))
    return ImageTable(tuple(images), "photo", tuple(names))
