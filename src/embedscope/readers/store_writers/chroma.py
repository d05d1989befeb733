"""Chroma collections written in place: ``update`` of the embeddings alone; documents and metadata stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.readers._columns import ColumnStream
from embedscope.readers.store_writers._width import check_width
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.chroma import keeps_unit_rows, open_collection

IDS = ("chroma",)

_ROWS = 2048
"""Rows of one request; Chroma takes some five thousand."""


class ChromaWriter:
    """A collection."""

    notes: tuple[str, ...] = ()

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.exact = not keeps_unit_rows(collection)

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Update the embeddings of ``ids``."""
        for first in range(0, len(ids), _ROWS):
            part = slice(first, first + _ROWS)
            self._collection.update(ids=list(ids[part]), embeddings=np.asarray(rows[part], dtype=np.float32))

    def read(self, ids: Sequence[str]) -> Mapping[str, npt.NDArray[Any]]:
        """The embeddings of ``ids``."""
        held: dict[str, npt.NDArray[Any]] = {}
        for first in range(0, len(ids), _ROWS):
            found = self._collection.get(ids=list(ids[first : first + _ROWS]), include=["embeddings"])
            held |= zip(found["ids"], found["embeddings"], strict=True)
        return held


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[ChromaWriter]:
    """The writer of a collection of ``dim`` dimensions."""
    remedy = f"write a new collection: give {place}_new as OUT"
    check_width(place, stream.columns[0].dim, dim, remedy)
    yield ChromaWriter(open_collection(place))


ENTRIES = {"chroma": open_writer}
