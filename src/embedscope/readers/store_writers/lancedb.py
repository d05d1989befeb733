"""LanceDB tables: rows that match by their id are updated, each block as one version of the table; new tables.

A table that a killed run was making has no version yet, so it is not there, and its files go with the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.readers._column_names import fixed_size
from embedscope.readers.columns import ColumnStream
from embedscope.readers.store_writers._target import Blocks, Loss, Made, NewCollection, StoreTarget, check_width
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.lancedb import open_table

IDS = ("lancedb",)


class LanceWriter:
    """A table, the column of its ids and that of its vectors; other columns and their indexes stay."""

    loss: Loss | None = None

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


def create(new: NewCollection, blocks: Blocks) -> Made:
    """A table of all columns of the source, with vectors of float32."""
    import pyarrow as pa

    lancedb = require("lancedb", "lancedb", f"writing {new.place}")
    schema = new.schema.append(pa.field(new.column, pa.list_(pa.float32(), new.dim)))

    ended: list[BaseException] = []

    def batches() -> Iterator[Any]:
        try:
            for _, rows, table in blocks:
                numbers = pa.array(np.ascontiguousarray(rows, dtype=np.float32).ravel())
                lists = pa.FixedSizeListArray.from_arrays(numbers, new.dim)
                yield from table.append_column(schema.field(new.column), lists).cast(schema).to_batches()
        except BaseException as error:  # of the rows, which LanceDB wraps in its own
            ended.append(error)
            raise

    database = lancedb.connect(new.place.path)
    try:
        database.create_table(new.place.collection, pa.RecordBatchReader.from_batches(schema, batches()))
    except Exception as error:
        database.drop_table(new.place.collection, ignore_missing=True)
        raise ended[0] if ended else error from error
    return Made(new.ids)


def there(new: NewCollection) -> bool:
    """Whether a table is there: one that has a version."""
    return (Path(new.place.path) / f"{new.place.collection}.lance" / "_versions").is_dir()


ENTRIES = {"lancedb": StoreTarget(open_writer, create, there)}
