"""A file of a data set: its address, checksum and licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


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


class FileSet(Protocol):
    """What the search for files needs to know of a data set."""

    @property
    def name(self) -> str:
        """Its id."""

    @property
    def files(self) -> tuple[File, ...]:
        """Files known by checksum."""

    @property
    def homepage(self) -> str:
        """Where it comes from."""

    @property
    def hint(self) -> str:
        """How to get it by hand, "" where there is no more to say than its homepage."""

    def present(self, finder: Any) -> bool:
        """Whether it can be loaded without a download."""
