"""Files that gzip, bzip2, xz or zstd compressed: read in pieces, and checked to their end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Any, BinaryIO

from embedscope.core.errors import InputError

_PIECE = 1 << 20


@dataclass(frozen=True)
class Codec:
    """A way to compress a file: its name, how its files begin, and what opens a stream of them."""

    name: str
    magic: bytes
    opener: Callable[[Any], Any]


class _Zstd(io.RawIOBase):
    """The content of a zstd file, which older Pythons do not read; sought by reading it again from its beginning."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._begin()

    def _begin(self) -> None:
        import pyarrow as pa

        self._raw.seek(0)
        self._stream, self._at = pa.CompressedInputStream(pa.PythonFile(_Unclosed(self._raw), mode="r"), "zstd"), 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        part = self._stream.read(len(buffer))
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte, counted from the beginning or from here."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a zstd file is known when it is read")
        target = offset + (self._at if whence == io.SEEK_CUR else 0)
        if target < self._at:
            self._begin()
        while self._at < target and (part := self._stream.read(min(_PIECE, target - self._at))):
            self._at += len(part)
        return self._at

    def tell(self) -> int:
        """The byte that is read next."""
        return self._at


class _Unclosed(io.RawIOBase):
    """A file that Arrow does not close with the stream that it makes of it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._inner = raw

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(size)


def _zstd(raw: BinaryIO) -> Any:
    return io.BufferedReader(_Zstd(raw), _PIECE)


CODECS = {
    ".gz": Codec("gzip", b"\x1f\x8b", gzip.open),
    ".bz2": Codec("bzip2", b"BZh", bz2.open),
    ".xz": Codec("xz", b"\xfd7zXZ\x00", lzma.open),
    ".zst": Codec("zstd", b"\x28\xb5\x2f\xfd", _zstd),
}
"""Suffix -> how a file with it is compressed."""


def codec_of(name: str | PurePath) -> Codec | None:
    """How a file is compressed by the end of its name; None where that names no codec.

    >>> codec_of("corpus.jsonl.gz").name, codec_of("corpus.jsonl")
    ('gzip', None)
    """
    return CODECS.get(PurePosixPath(str(name)).suffix.lower())


def inner_name(name: str | PurePath) -> str:
    """The name of a file without the end that says how it is compressed.

    >>> inner_name("corpus.jsonl.gz"), inner_name("corpus.jsonl")
    ('corpus.jsonl', 'corpus.jsonl')
    """
    return str(name) if codec_of(name) is None else str(name)[: -len(PurePosixPath(str(name)).suffix)]


def inner_suffix(name: str | PurePath) -> str:
    """The suffix in lower case, with its dot, of what a file holds once it is decompressed.

    >>> inner_suffix("corpus.JSONL.gz"), inner_suffix("x.npy")
    ('.jsonl', '.npy')
    """
    return PurePosixPath(inner_name(name)).suffix.lower()


@contextmanager
def decompressing(raw: BinaryIO, name: str | PurePath) -> Generator[Any, None, None]:
    """The decompressed content of ``raw``, a file called ``name``, to be read in pieces.

    Raises
    ------
    InputError
        if it is not compressed as its name says, or is damaged or cut short; found while it is read.
    """
    codec = codec_of(name)
    if codec is None:
        raise InputError(f"{name} does not end in {', '.join(CODECS)}; name it as it is compressed")
    try:
        with codec.opener(raw) as content:
            yield content
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of the codec
        raise InputError(f"{name} is no whole {codec.name} file ({error}); copy or compress it again") from error


def decompress_bytes(content: bytes, name: str | PurePath) -> bytes:
    """The content of a file called ``name``; as it is where the name does not say that it is compressed."""
    if codec_of(name) is None:
        return content
    with decompressing(io.BytesIO(content), name) as stream:
        parts = []
        while part := stream.read(_PIECE):
            parts.append(part)
    return b"".join(parts)


def decompress(raw: BinaryIO, out: BinaryIO, name: str | PurePath) -> None:
    """Write the content of ``raw``, a file called ``name``, to ``out``, a piece at a time."""
    with decompressing(raw, name) as stream:
        while part := stream.read(_PIECE):
            out.write(part)
