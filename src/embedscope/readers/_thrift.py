"""Structs of Thrift in its compact form, as Parquet keeps its metadata: numbers of fields -> their values.

Source: "Thrift Compact protocol encoding", https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

_BOOLEANS, _VARINTS = (1, 2), (4, 5, 6)
_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 3, 7, 8, 9, 10, 12
_FIXED = {_BYTE: 1, _DOUBLE: 8} | dict.fromkeys(_BOOLEANS, 1)
"""Bytes of a value of these kinds in a list."""
_DEEPEST = 12


class CutShortError(ValueError):
    """The struct goes on after the bytes that there are."""


class Compact:
    """Values in ``content``, one after the other from byte ``at`` on.

    >>> Compact(bytes([0x15, 0x06, 0x28, 0x02, 0x68, 0x69, 0x00])).struct()
    {1: 3, 3: b'hi'}
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a struct: whole numbers, bytes, lists and structs; None for what is none of these.

        Raises
        ------
        CutShortError
            if it goes on after the end.
        ValueError
            if it is none, or is nested too deep.
        """
        if depth > _DEEPEST:
            raise ValueError("structs are nested too deep")
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._number()
            kind = head & 15
            fields[field] = None if kind in _BOOLEANS else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _VARINTS:
            return self._number()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in {_LIST, _SET}:
            return self._list(depth)
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind not in _FIXED:
            raise ValueError(f"there is no kind {kind} of values")
        self._bytes(_FIXED[kind])
        return None

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self.content):  # each takes a byte at least
            raise CutShortError("a list is cut short")
        return [self._value(head & 15, depth) for _ in range(count)]

    def _bytes(self, count: int) -> bytes:
        start = self.at
        self.at += count
        if self.at > len(self.content):
            raise CutShortError("a value is cut short")
        return self.content[start : self.at]

    def _byte(self) -> int:
        at = self.at
        self.at += 1
        try:
            return self.content[at]
        except IndexError:
            raise CutShortError("a value is cut short") from None

    def _varint(self) -> int:
        value = self._byte()
        if value < 0x80:
            return value
        value &= 0x7F
        for shift in range(7, 64, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a number is too long")

    def _number(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
