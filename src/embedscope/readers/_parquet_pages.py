"""How large the pages of a Parquet file are: a page is decompressed whole, however few of its rows are wanted.

The footer does not say it, so the headers of the pages are read: structs of Thrift in its compact form.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

_HEADER = 1 << 10
"""Bytes in which the header of a page of numbers lies."""
_SIZES = 2, 3
"""Fields of a header: bytes of the page in memory and in the file."""
_BOOLEANS, _VARINTS = (1, 2), (4, 5, 6)
_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 3, 7, 8, 9, 10, 11, 12


def largest_page(file: BinaryIO, column: Any) -> int:
    """Bytes of the largest page of a column in a row group, as it lies in the file and decompressed together.

    All of the column where its headers cannot be read.
    """
    first = column.dictionary_page_offset
    at = column.data_page_offset if first is None else min(first, column.data_page_offset)
    end, largest = at + column.total_compressed_size, 0
    while at < end:
        file.seek(at)
        try:
            sizes, length = _header(file.read(_HEADER))
        except (ValueError, IndexError, struct.error):
            return int(column.total_uncompressed_size + column.total_compressed_size)
        largest = max(largest, sum(sizes))
        at += length + sizes[1]
    return largest


def _header(content: bytes) -> tuple[tuple[int, int], int]:
    """Bytes of a page in memory and in the file, and the bytes of its header."""
    reader = _Compact(content)
    fields = reader.struct(depth=0)
    size, stored = (fields.get(number, -1) for number in _SIZES)
    if size < 0 or stored < 0:
        raise ValueError("no header of a page")
    return (size, stored), reader.at


class _Compact:
    """Values of Thrift's compact protocol, one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while (byte := self.byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def number(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def struct(self, depth: int) -> dict[int, int]:
        """The whole numbers among the fields; the others are passed over."""
        numbers: dict[int, int] = {}
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.number()
            value = self.value(head & 15, depth)
            if value is not None:
                numbers[field] = value
        return numbers

    def value(self, kind: int, depth: int) -> int | None:
        """The value, where it is a whole number."""
        if depth > 8:
            raise ValueError("nested too deep")
        if kind in _VARINTS:
            return self.number()
        if kind == _STRUCT:
            self.struct(depth + 1)
        elif kind in {_LIST, _SET}:
            self.items(depth)
        elif kind == _BINARY:
            length = self.varint()
            self.at += length
        elif kind not in _BOOLEANS:
            self.at += {_BYTE: 1, _DOUBLE: 8}[kind] if kind in {_BYTE, _DOUBLE} else len(self.content)
        return None

    def items(self, depth: int) -> None:
        head = self.byte()
        for _ in range(head >> 4 if head >> 4 < 15 else self.varint()):
            if head & 15 in _BOOLEANS:
                self.at += 1
            else:
                self.value(head & 15, depth + 1)
