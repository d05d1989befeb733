"""LanceDB tables written in place: rows that match by their id are updated, each block as one version of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.readers._column_names import fixed_size
from embedscope.readers._columns import ColumnStream
from embedscope.readers.store_writers._width import check_width
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.lancedb import open_table

IDS = ("lancedb",)


class LanceWriter:
    """A table, the column of its ids and that of its vectors; other columns and their indexes stay."""

    exact = True

    def __init__(self, table: Any, ids: str, column: str) -> None:
        self._table, self._ids, self._column = table, ids, column
        stale = [index.name for index in table.list_indices() if column in index.columns]
        self.notes = tuple(f"the index {name} was trained on the old vectors; create it again" for name in stale)

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Update the rows called ``ids``."""
        import pyarrow as pa

        keys, kind = self._table.schema.field(self._ids), self._table.schema.field(self._column).type
        numbers = pa.array(np.ascontiguousarray(rows).ravel())
        if fixed_size(kind):
            lists = pa.FixedSizeListArray.from_arrays(numbers, rows.shape[1])
        else:
            lists = pa.ListArray.from_arrays(np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1], numbers)
        columns = {self._ids: pa.array(list(ids)).cast(keys.type), self._column: lists.cast(kind)}
        self._table.merge_insert(self._ids).when_matched_update_all().execute(pa.table(columns))

    def read(self, ids: Sequence[str]) -> Mapping[str, npt.NDArray[Any]]:
        """Not needed: what was written is what is held."""
        raise NotImplementedError


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[LanceWriter]:
    """The writer of a table; its column of vectors must be lists, of ``dim`` numbers where it fixes their length."""
    (column,) = stream.columns
    kind = stream.schema.field(column.name).type if column.name in stream.schema.names else None
    if kind is None or column.parts or column.written:
        raise InputError(f"{place}::{column.name} is no column of lists, and only lists are written in place")
    remedy = f"write a new table: give {place}_new as OUT"
    check_width(place, fixed_size(kind) or None, dim, remedy)
    yield LanceWriter(open_table(place), str(stream.ids), column.name)


ENTRIES = {"lancedb": open_writer}
