"""CIFAR-10 and CIFAR-100: 60,000 small photos of objects (Krizhevsky 2009)."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.images import ImageTable, Pixels
from embedscope.core.tables import Classes, TextTable
from embedscope.datasets._cifar_files import entries, names
from embedscope.datasets._fetch import Finder
from embedscope.datasets.dataset import LoadedMedia, MediaDataset
from embedscope.datasets.file import File

IDS = ("cifar10", "cifar100")
_SIDE = 32
_HOME = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class Layout:
    """Where the parts of an archive lie and under which keys."""

    folder: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels: Mapping[str, tuple[str, str]]
    """Relation: key of the labels, key of their names."""

    @property
    def members(self) -> tuple[str, ...]:
        """Paths of all files that are read."""
        return tuple(f"{self.folder}/{name}" for name in (*self.train, self.test, self.meta))


TEN = Layout(
    "cifar-10-batches-py",
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test_batch",
    "batches.meta",
    {"classes": ("labels", "label_names")},
)
HUNDRED = Layout(
    "cifar-100-python",
    ("train",),
    "test",
    "meta",
    {"classes": ("fine_labels", "fine_label_names"), "superclasses": ("coarse_labels", "coarse_label_names")},
)


@dataclass(frozen=True, eq=False)
class BatchImage:
    """Row ``row`` of a batch (n, 3072): the red plane, then green, then blue."""

    key: str
    batch: Pixels = field(repr=False)
    row: int

    def pixels(self) -> Pixels:
        """RGB values (32, 32, 3)."""
        return np.moveaxis(self.batch[self.row].reshape(3, _SIDE, _SIDE), 0, 2)


def read_cifar(paths: Mapping[str, Path], layout: Layout) -> LoadedMedia:
    """Images ``train`` and ``test``, relations ``train_classes``, ``test_classes``, names of the classes as a table.

    ``paths`` has the one archive (.tar.gz) or every file of ``layout.members`` under its name. All pixels are in
    memory: 3,072 bytes an image, 184 MB for an official archive.

    Raises
    ------
    InputError
        if a file is missing, or is anything but the dictionary it should be.
    """
    parts = {name: entries(raw) for name, raw in _members(paths, layout)}
    if lacking := [name for name in layout.members if name not in parts]:
        raise InputError(f"{lacking[0]} is not in the archive; get it again from {_HOME}cifar.html")
    meta = parts[f"{layout.folder}/{layout.meta}"]
    images: dict[str, ImageTable] = {}
    relations: dict[str, Classes] = {}
    for split, files in (("train", layout.train), ("test", (layout.test,))):
        batches = [parts[f"{layout.folder}/{name}"] for name in files]
        images[split] = ImageTable(tuple(image for batch in batches for image in _images(batch)), "photo")
        for relation, (key, named) in layout.labels.items():
            label = np.array([number for batch in batches for number in _get(batch, key)], dtype=np.intp)
            relations[f"{split}_{relation}"] = Classes(split, label, names(_get(meta, named)))
            _check_labels(label, len(images[split]), len(_get(meta, named)))
    tables = {name: TextTable(names(_get(meta, named)), "word") for name, (_, named) in layout.labels.items()}
    return tables, relations, images


def _members(paths: Mapping[str, Path], layout: Layout) -> Iterator[tuple[str, bytes]]:
    archive = next((path for name, path in paths.items() if name not in layout.members), None)
    if archive is None:
        yield from ((name, path.read_bytes()) for name, path in paths.items())
        return
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                if entry.isfile() and entry.name in layout.members and (content := tar.extractfile(entry)) is not None:
                    yield entry.name, content.read()
    except (tarfile.TarError, EOFError) as error:
        raise InputError(
            f"{archive} is no complete tar archive ({error}); get it again from {_HOME}cifar.html"
        ) from error


def _get(part: Mapping[str, Any], key: str) -> Any:
    if key not in part:
        raise InputError(f"a CIFAR file has no {key!r} (it has {', '.join(sorted(part))}); get the archive again")
    return part[key]


def _images(batch: Mapping[str, Any]) -> list[BatchImage]:
    data = _get(batch, "data")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != 3 * _SIDE * _SIDE:
        raise InputError("the data of a CIFAR file must be an array (n, 3072); get the archive again")
    name = hashlib.sha256(data.tobytes()).hexdigest()[:16]
    return [BatchImage(f"cifar/{name}/{row}", data, row) for row in range(len(data))]


def _check_labels(label: np.ndarray[Any, Any], images: int, classes: int) -> None:
    if len(label) != images or not 0 <= label.min() <= label.max() < classes:
        raise InputError(f"{len(label)} labels of {classes} classes do not fit {images} images; get the archive again")


def _loader(layout: Layout) -> Callable[[Mapping[str, Path], Finder], LoadedMedia]:
    return lambda paths, _: read_cifar(paths, layout)


def _entry(name: str, layout: Layout, archive: File, about: str) -> MediaDataset:
    return MediaDataset(
        name=name,
        title=name.upper().replace("CIFAR", "CIFAR-"),
        version="2009, archive for Python",
        files=(archive,),
        licence="none stated",
        citation="krizhevsky2009",
        homepage=_HOME + "cifar.html",
        about=about,
        loader=_loader(layout),
        unpacked=layout.members,
    )


ENTRIES = {
    "cifar10": _entry(
        "cifar10",
        TEN,
        File(
            "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            170498071,
            _HOME + "cifar-10-python.tar.gz",
        ),
        "50,000 train and 10,000 test photos, 32 x 32, of 10 classes",
    ),
    "cifar100": _entry(
        "cifar100",
        HUNDRED,
        File(
            "cifar-100-python.tar.gz",
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            169001437,
            _HOME + "cifar-100-python.tar.gz",
        ),
        "50,000 train and 10,000 test photos, 32 x 32, of 100 classes in 20 superclasses",
    ),
}
