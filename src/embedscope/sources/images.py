"""Images that a model reads: those of a folder, flat or by class, and their vectors as a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_rows, hash_sample, hash_texts
from embedscope.core.images import FileImage
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
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


def images_in(folder: str | Path) -> list[FolderImage]:
    """The images below ``folder`` in the order of their paths; ``InputError`` where there are none."""
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"--images {root} is not a folder; wanted a folder of images, flat or class/*.jpg")
    files = sorted(f for f in root.rglob("*") if f.is_file() and f.suffix.lower() in _ENDINGS)
    if not files:
        raise InputError(f"--images {root} holds no images ({', '.join(_ENDINGS)})")
    return [FolderImage(f, str(file_facts(f)["sha256"]), f.relative_to(root).as_posix()) for f in files]


def sampled(images: Sequence[FolderImage], options: ModelOptions) -> list[FolderImage]:
    """The hash sample of ``max_rows`` images, in their order; all of them where no number is given."""
    chosen = hash_sample(hash_rows(0, len(images)), options.max_rows or 0, options.seed)
    return [images[i] for i in chosen.tolist()]


def image_source(
    uri: str, images: Sequence[FolderImage], options: ModelOptions, progress: Progress, provenance: Provenance
) -> Source:
    """The vectors of ``images`` by the model ``uri``, in its own space of whole images; rows are known by their names.

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
    encoder = open_image_model(uri, options, provenance)
    with provenance.phase(f"vectors {uri}"):
        space = image_vector(encoder.spaces)
        x = extract_images(encoder, images, options, progress).matrix(space)
    stream = ArrayStream({space: x}, hash_texts(image.name for image in images))
    return Source(uri, stream, local_engine(stream.dims.values()))
