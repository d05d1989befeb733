"""Files here and elsewhere, under one interface: a local ``Path``, or a ``RemoteFile`` of any file system of fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from embedscope.core.errors import InputError, MissingExtraError
from embedscope.core.extras import require

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_PACKAGES |= {"http": "aiohttp", "https": "aiohttp", "hf": "huggingface_hub", "sftp": "paramiko", "ssh": "paramiko"}


@dataclass(frozen=True)
class RemoteFile:
    """A file at an address such as ``s3://bucket/x.npy``; only the address is sent to other processes."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Last part of the address."""
        return PurePosixPath(self.url).name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.url).stem

    @property
    def suffix(self) -> str:
        """Suffix of the name, with its dot."""
        return PurePosixPath(self.url).suffix

    @property
    def size(self) -> int:
        """Number of bytes."""
        system, path = file_system(self.url)
        return int(system.size(path))

    def open(self, mode: str = "rb", buffering: int = -1) -> Any:
        """The file, read in pieces as they are asked for."""
        system, path = file_system(self.url)
        return system.open(path, mode)

    def stat(self) -> RemoteStat:
        """What is known of it."""
        return RemoteStat(self.size)

    def version(self) -> str:
        """Something that changes when the file does: what the store says of it."""
        system, path = file_system(self.url)
        return str(system.ukey(path))


@dataclass(frozen=True)
class RemoteStat:
    """The part of ``os.stat_result`` that readers use."""

    st_size: int


Place = Path | RemoteFile


def is_remote(text: str) -> bool:
    """Whether ``text`` is an address with a protocol.

    >>> is_remote("s3://bucket/x.npy"), is_remote("x.npy"), is_remote("hf:gpt2")
    (True, False, False)
    """
    return re.match(r"[a-z][a-z0-9+.-]*://", text) is not None


def file_system(url: str) -> tuple[Any, str]:
    """The file system of fsspec for ``url`` and the path in it; an error says what to install."""
    fsspec = require("fsspec", "remote", f"reading {url}")
    protocol = url.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(protocol, "")
        line = f'pip install "embedscope[remote]" {package}'.strip() if package else str(error)
        raise MissingExtraError(f"reading {protocol}:// needs a package that is not installed: {line}") from error
    except ValueError as error:
        raise InputError(f"{url} cannot be read ({error}); wanted a path, or an address that fsspec knows") from error
    return system, str(path)


@contextmanager
def arrow_file(place: Place) -> Iterator[Any]:
    """The file as pyarrow reads it, never mapped."""
    import pyarrow as pa

    if isinstance(place, Path):
        with pa.OSFile(str(place)) as file:
            yield file
    else:
        with place.open() as raw, pa.PythonFile(raw, mode="r") as file:
            yield file


def state_of(place: Place) -> tuple[str, int, str]:
    """Name, size and time of change (or what a store has instead): what tells that a file is still the same."""
    if isinstance(place, Path):
        facts = place.stat()
        return str(place), facts.st_size, str(facts.st_mtime_ns)
    return str(place), place.size, place.version()
