"""Images that a model reads: those of a folder, flat or by class, and their vectors as a source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_rows, hash_sample, hash_texts
from embedscope.core.images import FileImage
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.regular import check_not_root
from embedscope.execution import local_engine
from embedscope.readers import ArrayStream
from embedscope.sources.models import extract_images, image_vector, open_image_model
from embedscope.sources.options import ModelOptions, Source

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class FolderImage(FileImage):
    """An image of a folder; ``name`` is its path inside the folder, ``key`` the sha256 of its bytes."""

    name: str = ""

    @property
    def folder(self) -> str:
        """Name of the folder that it lies in, its class in ``class/*.jpg``; empty at the top."""
        return self.path.parent.name if "/" in self.name else ""


@dataclass(frozen=True)
class Images:
    """What a model encodes, one image per row: those of a folder, in the order of their paths."""

    name: str
    images: tuple[FolderImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def titles(self) -> tuple[str, ...]:
        """What each row is called."""
        return tuple(image.name for image in self.images)

    @property
    def keys(self) -> tuple[str, ...]:
        """Equal where two rows hold the same image."""
        return tuple(image.key for image in self.images)

    @property
    def clusters(self) -> tuple[str, ...]:
        """What each row belongs to: the image itself."""
        return self.keys

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The folder of each image in ``class/*.jpg``; None where an image lies at the top, or all in one folder."""
        folders = tuple(image.folder for image in self.images)
        return folders if all(folders) and len(set(folders)) > 1 else None

    def sample(self, n: int | None, seed: int) -> Images:
        """The hash sample of ``n`` images, in their order; all of them where there are no more, or n is None or 0."""
        if not n or n >= len(self.images):
            return self
        rows = hash_sample(hash_rows(0, len(self.images)), n, seed).tolist()
        return Images(f"{n:,} of {self.name}", tuple(self.images[i] for i in rows))


def images_of(folder: str | Path, provenance: Provenance) -> Images:
    """The images below ``folder`` as rows, recorded as data with a checksum of them all."""
    images = tuple(images_in(folder))
    whole = hashlib.sha256("".join(f"{image.name} {image.key}\n" for image in images).encode()).hexdigest()
    provenance.data[str(folder)] = {"images": len(images), "sha256": whole}
    return Images(str(folder), images)


def is_image_file(path: str | Path) -> bool:
    """Whether there is a file at ``path`` whose name ends as that of an image."""
    file = Path(path)
    return file.suffix.lower() in _ENDINGS and file.is_file()


def images_in(folder: str | Path) -> list[FolderImage]:
    """The images below ``folder`` in the order of their paths; ``InputError`` where there are none."""
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"--images {root} is not a folder; wanted a folder of images, flat or class/*.jpg")
    check_not_root(root, "the images")
    files = sorted(f for f in root.rglob("*") if f.is_file() and f.suffix.lower() in _ENDINGS)
    if not files:
        raise InputError(f"--images {root} holds no images ({', '.join(_ENDINGS)})")
    return [FolderImage(f, str(file_facts(f)["sha256"]), f.relative_to(root).as_posix()) for f in files]


def image_source(uri: str, images: Images, options: ModelOptions, progress: Progress, provenance: Provenance) -> Source:
    """The vectors of ``images`` by the model ``uri``, in its own space of whole images; rows are known by their names.

    Raises
    ------
    InputError
        if the model reads no images, or an option is about texts.
    """
    space, x = encode_images(uri, images.images, options, provenance, progress)
    stream = ArrayStream({space: x}, hash_texts(images.titles))
    return Source(uri, stream, local_engine(stream.dims.values()))


def encode_images(
    uri: str, images: Sequence[FolderImage], options: ModelOptions, provenance: Provenance, progress: Progress
) -> tuple[str, npt.NDArray[Any]]:
    """Name of the space of whole images of the model ``uri``, and the vectors (n, d) of ``images`` in it.

    Raises
    ------
    InputError
        if the model reads no images, or an option is about texts.
    """
    named = next((name for name in ("unit", "layers", "pooling") if getattr(options, name) is not None), None)
    if named is not None:
        raise InputError(
            f"--{named} is about texts, and --images takes the model's own vector of an image; leave it out"
        )
    encoder = open_image_model(uri, options, provenance, progress)
    with provenance.phase(f"vectors {uri}"):
        space = image_vector(encoder.spaces)
        return space, np.asarray(extract_images(encoder, images, options, progress).matrix(space))
