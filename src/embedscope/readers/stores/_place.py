"""Where a collection of a vector store lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import InputError
from embedscope.core.regular import near_name
from embedscope.readers.paths import RemoteFile

PATIENCE = 300.0
"""Seconds that a server may take for one answer: a page of rows, a count, a block that is written."""

FIRST_ANSWER = 60.0
"""Seconds for its first answer, which tells that it is there."""

_PASSWORD = re.compile(r"(://[^:/@?]*:)[^@/?]+(?=@)|([?&](?:ssl)?password=)[^&]+")


@dataclass(frozen=True, repr=False)
class StorePlace(RemoteFile):
    """``SCHEME:PATH/COLLECTION``; only this address is sent to other processes.

    Attributes
    ----------
    url : as the user wrote it; without a password, since results name their source
    """

    def __post_init__(self) -> None:
        if _PASSWORD.search(self.url):
            raise InputError(
                f"{self} comes with a password, and results name their source; leave it out of the address and set the "
                "environment variable PGPASSWORD, or write it to ~/.pgpass"
            )

    def __str__(self) -> str:
        return _PASSWORD.sub(lambda match: f"{match[1] or match[2]}...", self.url)

    __repr__ = __str__

    @property
    def scheme(self) -> str:
        """What stands before the first colon."""
        return self.url.partition(":")[0]

    @property
    def path(self) -> str:
        """The folder or address of the store."""
        return self._parts[0]

    @property
    def collection(self) -> str:
        """The table or collection in it."""
        return self._parts[1]

    @property
    def _parts(self) -> tuple[str, str]:
        path, _, collection = self.url.partition(":")[2].rpartition("/")
        if not path or not collection:
            raise InputError(f"{self} names no collection; wanted {self.scheme}:PATH/COLLECTION")
        return path, collection

    @property
    def is_local(self) -> bool:
        """Whether it lies in a folder of this machine, whether that is there or not, and not on a server."""
        return not self.path.startswith("//") and "://" not in self.path

    @property
    def form(self) -> str:
        """What it is called where files are counted."""
        return f"a collection of {self.scheme}"

    @property
    def name(self) -> str:
        """The collection, as the name of a file."""
        return self.collection

    @property
    def suffix(self) -> str:
        """The scheme, in place of the suffix of a file."""
        return f".{self.scheme}"

    @property
    def size(self) -> int:
        """Bytes, which no store tells."""
        return 0

    def version(self) -> str:
        """Nothing tells whether a store has changed but its rows, which are hashed block by block."""
        return self.scheme

    def folder(self, holds: str = "") -> Path:
        """The folder of a local store, which must be there and contain a file called ``holds``: none is made."""
        folder = Path(self.path)
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder} for {self}; {near_name(folder)}")
        if holds and not (folder / holds).exists():
            raise InputError(f"{folder} is no {self.scheme} store, since it lacks {holds}; check the path")
        return folder
