"""What a store must give to be written to: a writer of a column that is there, and new collections."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.readers.columns import ColumnStream
from embedscope.readers.stores import StorePlace

Block = tuple[Sequence[str], npt.NDArray[Any], Any]
"""Ids, vectors (n, d), and an Arrow table of the other columns, of some rows."""


Blocks = Generator[Block, None, None]


@dataclass(frozen=True)
class Loss:
    """What a store does to the numbers that are written to it.

    Attributes
    ----------
    how : in a sentence
    read : vectors that it holds for those of some ids that are there, to be compared with what was written
    """

    how: str
    read: Callable[[Sequence[str]], Mapping[str, npt.NDArray[Any]]]


class StoreWriter(Protocol):
    """The vectors of one column of a collection, written by the ids of its rows.

    Attributes
    ----------
    loss : how the store changes the numbers that are written, None where it keeps every bit
    notes : what the user must know or do afterwards
    """

    loss: Loss | None
    notes: tuple[str, ...]

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Write the vectors ``rows`` (n, d) to the rows called ``ids``; an id that is gone is passed over."""


@dataclass(frozen=True)
class NewCollection:
    """What a new collection is to hold.

    Attributes
    ----------
    place : its address, where nothing is yet
    column : of the vectors
    dim : of the vectors
    schema : Arrow schema of the other columns, the ids among them
    ids, text : columns of the ids, and of the texts where there are any
    like : collection of the same store that it is a copy of but for the vectors
    source_column : column of the vectors that are read
    unfinished : whether a run that was killed may have left a part of it, which is to be removed first
    """

    place: StorePlace
    column: str
    dim: int
    schema: Any
    ids: str
    text: str | None = None
    like: StorePlace | None = None
    source_column: str = ""
    unfinished: bool = False


@dataclass(frozen=True)
class Made:
    """A new collection.

    Attributes
    ----------
    ids : column by which its ids are read as they were given, None where some had to be changed
    notes : what the user must know
    exact : whether it keeps every bit of the numbers
    """

    ids: str | None
    notes: tuple[str, ...] = ()
    exact: bool = True


def _fast(place: StorePlace, rows: int) -> str:
    return ""


@dataclass(frozen=True)
class StoreTarget:
    """How collections of a store are written.

    Attributes
    ----------
    open : (place, stream of its one column of vectors, dimensions to write) -> a writer; ``InputError`` where the
        column cannot hold them
    create : (what is made, its rows) -> what was made; on an error nothing is left of it
    there : whether something is where it would be made
    column : name of the vectors where a new collection has no name of its own for them
    slow : (place, rows) -> what is said before so many rows are written, where that takes long; empty where not
    """

    open: Callable[[StorePlace, ColumnStream, int], AbstractContextManager[StoreWriter]]
    create: Callable[[NewCollection, Blocks], Made]
    there: Callable[[NewCollection], bool]
    column: str = "vector"
    slow: Callable[[StorePlace, int], str] = _fast


def check_width(place: StorePlace, held: int | None, dim: int, remedy: str) -> None:
    """Raise ``InputError`` where a column of ``held`` dimensions (None: of any) cannot hold rows of ``dim``."""
    if held is not None and held != dim:
        raise InputError(
            f"{place} keeps {held:,} dimensions for good and the map gives {dim:,}, so it cannot be written in place; "
            f"{remedy}"
        )


def check_own_ids(place: StorePlace, stream: ColumnStream) -> None:
    """Raise ``InputError`` where rows are to be written by another field than the ids that the store has for them."""
    if stream.ids != "id":
        raise InputError(f"{place} is written by its own ids, not by {stream.ids}; leave ?ids= out")


def plain_fields(table: Any, without: Sequence[str]) -> list[dict[str, Any]]:
    """The other columns of each row that are text, numbers or true and false, without those that are empty."""
    names = [name for name in table.column_names if name not in without]
    return [
        {name: value for name, value in row.items() if isinstance(value, str | int | float | bool)}
        for row in table.select(names).to_pylist()
    ]
