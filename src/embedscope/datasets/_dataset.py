"""What a data set is: files known by checksum, and a loader that turns their text into tables and relations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Relation, TextTable

if TYPE_CHECKING:
    from embedscope.datasets._fetch import Finder

Loaded = tuple[Mapping[str, TextTable], Mapping[str, Relation]]
Loader = Callable[[Mapping[str, str]], Loaded]


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Attributes
    ----------
    name : file name, the key of its text in the loader
    sha256, size : its bytes; a file is recognised by them, never by its name
    url : address of the file, or of an archive that holds it; "" where it is not downloaded
    package : (module, path inside) where an installed package brings it
    optional : the data set loads without it
    encoding : of its text
    editions : other files with the same rows, taken where this one is not at hand
    """

    name: str
    sha256: str
    size: int
    url: str = ""
    package: tuple[str, str] | None = None
    optional: bool = False
    encoding: str = "utf-8"
    editions: tuple[File, ...] = ()


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

    def load(self, finder: Finder) -> Data:
        """Tables and relations with the checksums of the files read.

        Raises
        ------
        DataUnavailableError
            if a file is neither on this machine nor can be downloaded; the message says where to get it.
        """
        found = finder.read(self)
        texts = {name: raw.decode(file.encoding) for name, (file, raw) in found.items()}
        tables, relations = self.loader(texts)
        for name, table in tables.items():
            if len(set(table.texts)) != len(table.texts):
                raise InputError(f"table {name} of data set {self.name} holds a string twice; its loader must drop one")
        return Data(self.name, tables, relations, {name: file.sha256 for name, (file, _) in found.items()})
