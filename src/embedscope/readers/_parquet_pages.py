"""How large the pages of a Parquet file are: a page is decompressed whole, however few of its rows are wanted.

The footer does not say it, so the headers of the pages are read. Arrow takes the memory that a header says, so sizes
are checked before it reads them. Asked for damaged metadata of a column it ends the process, so these are read here.

Source: Apache Parquet format 2.11, ``FileMetaData`` and ``PageHeader`` in parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from embedscope.readers._thrift import Compact, CutShortError

_HEADERS = 1 << 10, 1 << 24
"""Bytes in which the header of a page of numbers lies, and of any: it may hold the least and the largest string."""
_TAIL = 8
"""Bytes at the end of a file: the length of its footer and "PAR1"."""
_EXPANDS = 1 << 15
"""Bytes that a codec makes of one at most: Zstandard of a block of one value."""
_SMALL = 1 << 26
"""Bytes of a page that are taken in any case: some writers get the sum of the footer wrong."""
_ROW_GROUPS, _COLUMNS, _META = 4, 1, 3
_PATH, _WHOLE, _STORED, _DATA, _DICTIONARY = 3, 6, 7, 9, 11
"""Fields of the metadata of a column."""
_PAGE_WHOLE, _PAGE_STORED = 2, 3


@dataclass(frozen=True)
class ColumnChunk:
    """A column in a row group: its name at the top level, where it begins, its bytes stored and in memory."""

    name: str
    begin: int
    stored: int
    whole: int


def column_chunks(file: BinaryIO, size: int) -> list[list[ColumnChunk]]:
    """The columns of each row group of an open file of ``size`` bytes; lists of coordinates are one column each.

    Raises
    ------
    ValueError
        if the footer is damaged.
    """
    file.seek(max(size - _TAIL, 0))
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(size - _TAIL - length, 0))
    try:
        footer = Compact(file.read(length)).struct()
        return [[_chunk(column[_META]) for column in group[_COLUMNS]] for group in footer[_ROW_GROUPS]]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError("its footer does not describe columns") from error


def _chunk(meta: dict[int, Any]) -> ColumnChunk:
    begin = min(meta[_DATA], meta.get(_DICTIONARY) or meta[_DATA])
    if min(begin, meta[_STORED], meta[_WHOLE]) < 0:
        raise ValueError("a column in its footer has fewer than 0 bytes")
    return ColumnChunk(meta[_PATH][0].decode(), begin, meta[_STORED], meta[_WHOLE])


def largest_page(file: BinaryIO, chunk: ColumnChunk) -> int:
    """Bytes of the largest page of a column in a row group, as it lies in the file and decompressed together.

    All of the column where its headers cannot be read.
    """
    try:
        return max((whole + stored for _, whole, stored in _pages(file, chunk)), default=0)
    except ValueError:
        return chunk.whole + chunk.stored


def check_pages(file: BinaryIO, size: int, chunk: ColumnChunk) -> None:
    """Raise ``ValueError`` where a page of a column in a row group says more bytes than it can have.

    Parameters
    ----------
    file, size : the open file and its bytes
    chunk : the column, from :func:`column_chunks`

    Raises
    ------
    ValueError
        if a header cannot be read, its page goes beyond the end of the file, or it says more than 64 MiB and more than
        all pages of the column together in the footer, or than 32,768 times its bytes in the file.
    """
    for at, whole, stored in _pages(file, chunk):
        if at + stored > size:
            raise ValueError(f"the page at byte {at:,} goes beyond the end of the file")
        if whole > max(_SMALL, min(chunk.whole, _EXPANDS * stored)):
            raise ValueError(f"the page at byte {at:,} says that it has {whole:,} bytes, more than it can have")


def _pages(file: BinaryIO, chunk: ColumnChunk) -> Iterator[tuple[int, int, int]]:
    """Where each page of a column begins, its header included, and its bytes in memory and in the file."""
    at, end = chunk.begin, chunk.begin + chunk.stored
    while at < end:
        whole, stored, length = _header(file, at)
        yield at, whole, stored
        at += length + stored


def _header(file: BinaryIO, at: int) -> tuple[int, int, int]:
    """Bytes of the page at byte ``at`` in memory and in the file, and the bytes of its header; else ``ValueError``."""
    for most in _HEADERS:
        file.seek(at)
        reader = Compact(file.read(most))
        try:
            fields = reader.struct()
        except CutShortError:
            continue
        except ValueError:
            break
        whole, stored = fields.get(_PAGE_WHOLE), fields.get(_PAGE_STORED)
        if isinstance(whole, int) and isinstance(stored, int) and min(whole, stored) >= 0:
            return whole, stored, reader.at
        break
    raise ValueError(f"there is no header of a page at byte {at:,}")
