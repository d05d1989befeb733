"""Ids and texts of the rows of a stream, as strings, read in blocks apart from the vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import sentences
from embedscope.core.errors import InputError


@dataclass(frozen=True)
class RowStrings:
    """A string for every row of a stream, in the order of its rows.

    Attributes
    ----------
    source : where they come from, in words: ``column id``, ``ids of the index``
    read : gives the strings block by block; may be called again
    """

    source: str
    read: Callable[[], Iterator[Sequence[str]]]

    def blocks(self) -> Iterator[Sequence[str]]:
        """The strings block by block; whatever goes wrong is a sentence."""
        with sentences(self.source):
            yield from self.read()

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks():
            yield from block

    def values(self) -> tuple[str, ...]:
        """All of them, held in memory."""
        return tuple(self)

    def unique(self) -> tuple[str, ...]:
        """All of them; ``InputError`` where one stands twice, naming it and both rows."""
        rows: dict[str, int] = {}
        for row, value in enumerate(self):
            first = rows.setdefault(value, row)
            if first != row:
                raise InputError(
                    f"{self.source}: '{value[:60]}' is in row {first} and in row {row}; ids must be unique to "
                    "match rows by them"
                )
        return tuple(rows)


def ids_of(stream: Stream) -> RowStrings | None:
    """The ids that a file keeps beside its vectors (a column, ids of an index), None where it keeps none.

    The hashes in ``Batch.ids`` stay those of row numbers: they decide samples, so that the same vectors give the same
    numbers in every format.
    """
    strings: RowStrings | None = getattr(stream, "row_ids", None)
    return strings


def texts_of(stream: Stream) -> RowStrings | None:
    """The texts that a file keeps beside its vectors, None where it keeps none."""
    strings: RowStrings | None = getattr(stream, "row_texts", None)
    return strings


def other_columns(stream: Stream) -> Mapping[str, RowStrings]:
    """The other columns of strings and whole numbers that a table keeps beside its vectors, by name."""
    columns: Mapping[str, RowStrings] = getattr(stream, "row_columns", {})
    return columns


def chain_strings(streams: Sequence[Any], name: str) -> RowStrings | None:
    """The strings ``name`` (``row_ids``, ``row_texts``) of streams one after the other; None where one lacks them."""
    columns: list[RowStrings] = [s for s in (getattr(stream, name, None) for stream in streams) if s is not None]
    return in_order(columns) if len(columns) == len(streams) else None


def in_order(columns: Sequence[RowStrings]) -> RowStrings:
    """Strings one after the other."""

    def blocks() -> Iterator[Sequence[str]]:
        for strings in columns:
            yield from strings.blocks()

    return RowStrings(" and ".join(dict.fromkeys(s.source for s in columns)), blocks)
