"""Files here and elsewhere, under one interface.

A local ``Path``, a ``RemoteFile`` of any file system of fsspec, or a ``CompressedFile`` in one of these places.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from embedscope.core.compressed import codec_of, decompress, inner_name
from embedscope.core.errors import InputError, MissingExtraError
from embedscope.core.extras import require

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_PACKAGES |= {"http": "aiohttp", "https": "aiohttp", "hf": "huggingface_hub", "sftp": "paramiko", "ssh": "paramiko"}


class _NamedFile(ABC):
    """A file with the parts of a name that ``Path`` has."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the file without its folder."""

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Suffix of the name, with its dot."""
        return PurePosixPath(self.name).suffix


@dataclass(frozen=True)
class RemoteFile(_NamedFile):
    """A file at an address such as ``s3://bucket/x.npy``; only the address is sent to other processes."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Last part of the address."""
        return PurePosixPath(self.url).name

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


@dataclass(frozen=True)
class CompressedFile(_NamedFile):
    """A file that gzip, bzip2, xz or zstd compressed, read from a temporary copy that is not.

    The copy is made when it is first needed, and removed when no file or stream of it is left; only the place of the
    compressed file is sent to other processes.
    """

    packed: Path | RemoteFile

    def __str__(self) -> str:
        return str(self.packed)

    def __reduce__(self) -> tuple[type[CompressedFile], tuple[Path | RemoteFile]]:
        return CompressedFile, (self.packed,)

    @property
    def name(self) -> str:
        """Name of what is inside: that of the file without its last suffix."""
        return inner_name(self.packed.name)

    @property
    def size(self) -> int:
        """Number of bytes of the compressed file."""
        return self.packed.stat().st_size

    @cached_property
    def _copied(self) -> _Copy:
        return _copy_of(self.packed, state_of(self.packed))

    @property
    def copy(self) -> Path:
        """The copy."""
        return self._copied.path

    def open(self, mode: str = "rb", buffering: int = -1) -> Any:
        """The content."""
        return self.copy.open(mode, buffering)

    def stat(self) -> Any:
        """What is known of the content."""
        return self.copy.stat()

    def version(self) -> str:
        """Something that changes when the compressed file does."""
        return state_of(self.packed)[2]


class _Copy:
    """A decompressed copy, removed when nobody holds it any more."""

    def __init__(self, packed: Path | RemoteFile) -> None:
        folder = tempfile.mkdtemp(prefix="embedscope-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / "content"
        with packed.open("rb") as raw, self.path.open("wb") as out:
            decompress(raw, out, str(packed))


@lru_cache(4)
def _copy_of(packed: Path | RemoteFile, state: tuple[str, int, str]) -> _Copy:
    """The copy of a file in this ``state``; the last few are kept, for workers that are sent one shard at a time."""
    return _Copy(packed)


Place = Path | RemoteFile | CompressedFile


def place_at(text: str | Path) -> Place:
    """The file at a path or an address, decompressed where its name says how it is compressed.

    >>> place_at("docs.jsonl.gz").name
    'docs.jsonl'
    """
    place: Path | RemoteFile = RemoteFile(str(text)) if is_remote(str(text)) else Path(text)
    return place if codec_of(place.name) is None else CompressedFile(place)


def on_disk(place: Place) -> Path | None:
    """The path of the content on this machine; None where it is elsewhere."""
    if isinstance(place, CompressedFile):
        return place.copy
    return place if isinstance(place, Path) else None


def source_of(place: Place) -> Path | RemoteFile:
    """The file as it lies there: the compressed one where it is compressed."""
    return place.packed if isinstance(place, CompressedFile) else place


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

    here = on_disk(place)
    if here is not None:
        with pa.OSFile(str(here)) as file:
            yield file
    else:
        with place.open("rb") as raw, pa.PythonFile(raw, mode="r") as file:
            yield file


def state_of(place: Place) -> tuple[str, int, str]:
    """Name, size and time of change (or what a store has instead): what tells that a file is still the same."""
    if isinstance(place, Path):
        facts = place.stat()
        return str(place), facts.st_size, str(facts.st_mtime_ns)
    return str(place), place.size, place.version()
