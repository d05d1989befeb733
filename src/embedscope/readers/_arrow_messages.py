"""Where the record batches of an Arrow file or stream lie, and their rows, from the metadata of its messages alone.

A message is its metadata, a flatbuffer, and a body that is skipped here: pyarrow would read it to count its rows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

_MAGIC = b"ARROW1"
_START = 8
"""Bytes before the first message of a file: the magic, padded."""
_MARK = 0xFFFFFFFF
_RECORD_BATCH = 3
_HEADER_TYPE, _HEADER, _BODY = 1, 2, 3
_ROWS, _COMPRESSION = 0, 3


@dataclass(frozen=True)
class Message:
    """A record batch: the byte its message begins at, its rows, and whether its buffers are compressed."""

    place: int
    rows: int
    compressed: bool


def record_batches(file: BinaryIO, size: int, *, indexed: bool) -> tuple[list[Message], int]:
    """The record batches of an open file of ``size`` bytes in their order, and the byte after the last message.

    ``indexed`` where it has an index at its end (IPC file, Feather), and is no stream.

    Raises
    ------
    ValueError
        if a message is damaged or goes beyond the end.
    """
    at, end = 0, size
    if indexed:
        file.seek(max(size - len(_MAGIC) - 4, 0))
        tail = file.read()
        if tail[4:] != _MAGIC:
            raise ValueError("it does not end with an index of its batches")
        at, end = _START, size - len(tail) - _number("<i", tail, 0)
    messages: list[Message] = []
    while at < end:
        file.seek(at)
        length, head = _prefix(file.read(8))
        if length == 0:
            return messages, at + head
        if length < 0 or at + head + length > end:
            raise ValueError(f"the message at byte {at:,} goes beyond the end")
        file.seek(at + head)
        table = _Table.root(file.read(length))
        body = table.number("<q", _BODY)
        after = at + head + length + body
        if body < 0 or after > end:
            raise ValueError(f"the batch at byte {at:,} goes beyond the end")
        if table.number("<B", _HEADER_TYPE) == _RECORD_BATCH:
            batch = table.table(_HEADER)
            rows = batch.number("<q", _ROWS)
            if rows < 0:
                raise ValueError(f"the batch at byte {at:,} has {rows:,} rows")
            messages.append(Message(at, rows, batch.place(_COMPRESSION) is not None))
        at = after
    return messages, at


def _prefix(content: bytes) -> tuple[int, int]:
    """Length of the metadata, and of what says it: 8 bytes, or 4 as before Arrow 0.15; 0 at the end."""
    if len(content) >= 4 and _number("<I", content, 0) != _MARK:
        return _number("<i", content, 0), 4
    return _number("<i", content, 4), 8


def _number(form: str, data: bytes, at: int) -> int:
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise ValueError("the metadata of a batch are damaged")
    return int(struct.unpack_from(form, data, at)[0])


@dataclass(frozen=True)
class _Table:
    """A table of a flatbuffer: its fields lie where its list of offsets says."""

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, _number("<I", data, 0))

    def place(self, field: int) -> int | None:
        """Where ``field`` lies; None where it has its default."""
        offsets = self.at - _number("<i", self.data, self.at)
        if 4 + 2 * field >= _number("<H", self.data, offsets):
            return None
        offset = _number("<H", self.data, offsets + 4 + 2 * field)
        return self.at + offset if offset else None

    def number(self, form: str, field: int) -> int:
        """The number ``field``, 0 by default."""
        place = self.place(field)
        return 0 if place is None else _number(form, self.data, place)

    def table(self, field: int) -> _Table:
        """The table ``field``."""
        place = self.place(field)
        if place is None:
            raise ValueError("a message lacks its batch")
        return _Table(self.data, place + _number("<I", self.data, place))
