"""What a data set is: files known by checksum, and a loader that turns their text into tables and relations."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.images import ImageTable
from embedscope.core.tables import Data, Relation, TextTable
from embedscope.datasets.file import File

if TYPE_CHECKING:
    from embedscope.datasets._fetch import Finder

Loaded = tuple[Mapping[str, TextTable], Mapping[str, Relation]]
Loader = Callable[[Mapping[str, str]], Loaded]
LoadedMedia = tuple[Mapping[str, TextTable], Mapping[str, Relation], Mapping[str, ImageTable]]
MediaLoader = Callable[[Mapping[str, Path], "Finder"], LoadedMedia]


class Entry(Protocol):
    """What every data set is to the outside: its origin, whether it is at hand, and ``load``."""

    @property
    def name(self) -> str:
        """Its id."""

    @property
    def title(self) -> str:
        """Its name in words."""

    @property
    def version(self) -> str:
        """Its version or year."""

    @property
    def files(self) -> tuple[File, ...]:
        """Files known by checksum."""

    @property
    def licence(self) -> str:
        """Licence and whom to name."""

    @property
    def citation(self) -> str:
        """Key of docs/references.bib."""

    @property
    def homepage(self) -> str:
        """Where it comes from."""

    @property
    def about(self) -> str:
        """Its rows in words."""

    @property
    def hint(self) -> str:
        """How to get it, where it is not for download."""

    def present(self, finder: Finder) -> bool:
        """Whether it can be loaded without a download."""

    def load(self, finder: Finder) -> Data:
        """Tables and relations."""


@dataclass(frozen=True)
class Dataset:
    """A data set with its origin; ``load`` gives its tables and relations.

    ``citation`` is a key of docs/references.bib, ``about`` says its rows in words, ``hint`` how to get it when it
    cannot be downloaded ("" for its homepage).
    """

    name: str
    title: str
    version: str
    files: tuple[File, ...]
    licence: str
    citation: str
    homepage: str
    about: str
    loader: Loader = field(repr=False)
    hint: str = ""

    def present(self, finder: Finder) -> bool:
        """Whether every file that is not optional is on this machine."""
        return finder.has(self.files)

    def load(self, finder: Finder) -> Data:
        """Tables and relations with the checksums of the files read.

        Raises
        ------
        DataUnavailableError
            if a file is neither on this machine nor can be downloaded; the message says where to get it.
        """
        files = finder.read(self)
        texts = {name: raw.decode(file.encoding) for name, (file, raw) in files.items()}
        tables, relations = self.loader(texts)
        _distinct_texts(self.name, tables)
        return Data(self.name, tables, relations, {name: file.sha256 for name, (file, _) in files.items()})


@dataclass(frozen=True)
class MediaDataset:
    """A data set that gives images or is too large for memory: its loader gets paths, and reads what it needs.

    ``packages`` are importable modules whose folders hold further files (drawings); they are never imported. ``named``
    are files without a registered checksum (large archives, files that the user unpacks), taken by name from the data
    folder where they are; the checksum of what was read is recorded. ``unpacked`` are the files that the one archive
    in ``files`` holds; where all of them lie in the data folder, they are read instead of it. ``folders`` are folders
    of the user, at least one of which must be there; their files are known by name.
    """

    name: str
    title: str
    version: str
    files: tuple[File, ...]
    licence: str
    citation: str
    homepage: str
    about: str
    loader: MediaLoader = field(repr=False)
    hint: str = ""
    packages: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    unpacked: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def present(self, finder: Finder) -> bool:
        """Whether every package and every file that is not optional is on this machine."""
        there = self._is_unpacked(finder) or finder.has(self.files)
        there &= not self.folders or any(finder.folder(name) is not None for name in self.folders)
        return there and all(finder.package(module) is not None for module in self.packages)

    def _is_unpacked(self, finder: Finder) -> bool:
        return bool(self.unpacked) and all(finder.find(name) is not None for name in self.unpacked)

    def load(self, finder: Finder) -> Data:
        """Tables, relations and images with the checksums of the files read.

        Raises
        ------
        DataUnavailableError
            if a package is not installed, or a file is neither on this machine nor can be downloaded.
        """
        for module in self.packages:
            if finder.package(module) is None:
                where = self.hint or f"see {self.homepage}"
                raise DataUnavailableError(
                    f"data set {self.name} needs the package {module}, which is not installed; {where}"
                )
        unpacked = self._is_unpacked(finder)
        files = {} if unpacked else finder.paths(self)
        names = (*self.named, *(self.unpacked if unpacked else ()))
        extra = {name: path for name in names if (path := finder.find(name)) is not None}
        paths = {name: path for name, (_, path) in files.items()} | extra | self._folders(finder)
        tables, relations, images = self.loader(paths, finder)
        _distinct_texts(self.name, tables)
        sums = {name: file.sha256 for name, (file, _) in files.items()}
        return Data(self.name, tables, relations, sums | {n: finder.sha256(p) for n, p in extra.items()}, images)

    def _folders(self, finder: Finder) -> dict[str, Path]:
        folders = {name: path for name in self.folders if (path := finder.folder(name)) is not None}
        if self.folders and not folders:
            raise DataUnavailableError(
                f"data set {self.name} is not on this machine; {self.hint or f'get it from {self.homepage}'}, and name "
                f"the folder that holds {self.folders[0]} with --data DIR"
            )
        return folders


def _distinct_texts(dataset: str, tables: Mapping[str, TextTable]) -> None:
    for name, table in tables.items():
        if len(set(table.texts)) != len(table.texts):
            raise InputError(f"table {name} of data set {dataset} holds a string twice; its loader must drop one")


def read_file_table(path: Path, url: str = "") -> tuple[File, ...]:
    """Files from a table with the columns name, sha256, size (and package, path where a package brings them)."""
    with open(path, encoding="utf-8", newline="") as rows:
        return tuple(
            File(
                row["name"],
                row["sha256"],
                int(row["size"]),
                url,
                (row["package"], row["path"]) if "path" in row else None,
            )
            for row in csv.DictReader(rows)
        )
