"""LanceDB tables: ``lancedb:PATH/TABLE::vector``, in the order of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from embedscope.core.extras import require
from embedscope.readers._keys import check_key
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.stores._place import StorePlace
from embedscope.readers.stores._ranges import chunks_of, ranges

IDS = ("lancedb",)


def open_lancedb(place: StorePlace, key: str | None = None) -> ColumnStream:
    """The columns of vectors that ``key`` names in a table; rows that were deleted are not there."""
    table = open_table(place)
    return column_stream(place, table.schema, chunks_of(table.count_rows()), _batches, key)


def open_table(place: StorePlace) -> Any:
    """The table, as it is now."""
    lancedb = require("lancedb", "lancedb", f"reading {place}")
    folder = place.folder()
    database = lancedb.connect(str(folder))
    names = sorted(path.stem for path in folder.glob("*.lance"))
    return database.open_table(check_key(str(folder), "table", place.collection, names))


def _batches(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    place: Any = stream.path
    table = open_table(place)
    for start, stop in ranges(stream.sizes, chunks):
        query = table.search().select(list(names)).offset(start).limit(stop - start)
        for batch in query.to_batches(batch_size=rows):
            for first in range(0, batch.num_rows, rows):
                yield batch.slice(first, rows)


ENTRIES = {"lancedb": open_lancedb}
