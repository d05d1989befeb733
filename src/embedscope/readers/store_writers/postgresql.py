"""PostgreSQL tables written in place: ``UPDATE`` by key, a transaction for each block, other columns as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.readers._columns import ColumnStream
from embedscope.readers.store_writers._width import check_width
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.postgresql import connected

IDS = ("postgresql", "postgres")


class PostgresWriter:
    """A table, its key and its column of vectors."""

    exact = True

    def __init__(self, connection: Any, table: str, key: tuple[str, str], column: tuple[str, str]) -> None:
        from psycopg.sql import SQL, Identifier

        self._connection = connection
        self._brackets = "{}" if column[1].endswith("[]") else "[]"
        connection.execute("create temporary table embedscope_block (key text, vector text) on commit delete rows")
        self._update = SQL(
            "update {table} set {column} = block.vector::{kind} from embedscope_block block "
            "where {table}.{key} = block.key::{key_kind}"
        ).format(
            table=SQL(table),
            column=Identifier(column[0]),
            kind=SQL(column[1]),
            key=Identifier(key[0]),
            key_kind=SQL(key[1]),
        )
        stale = connection.execute(
            "select relname from pg_index join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam "
            "join pg_attribute on attrelid = indrelid and attnum = any(indkey) "
            "where indrelid = %s::regclass and amname = 'ivfflat' and attname = %s",
            [table, column[0]],
        ).fetchall()
        self.notes = tuple(
            f"the lists of {name} were made of the old vectors: reindex index {name}" for (name,) in stale
        )
        connection.commit()

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Update the rows called ``ids`` in one transaction."""
        left, right = self._brackets
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy("copy embedscope_block (key, vector) from stdin") as copy:
                for name, row in zip(ids, np.asarray(rows, dtype=np.float64).tolist(), strict=True):
                    copy.write_row((name, f"{left}{','.join(map(repr, row))}{right}"))
            cursor.execute(self._update)

    def read(self, ids: Sequence[str]) -> Mapping[str, npt.NDArray[Any]]:
        """Not needed: what was written is what is held."""
        raise NotImplementedError


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[PostgresWriter]:
    """The writer of a table whose column holds ``dim`` dimensions, or any number of them."""
    (column,), ids = stream.columns, str(stream.ids)
    kinds = stream.layout
    fixed = re.search(r"\((\d+)\)", kinds[column.name])
    remedy = f"write a new column: give {place}::{column.name}_new as OUT"
    check_width(place, int(fixed[1]) if fixed else None, dim, remedy)
    with connected(place, read_only=False) as (connection, table):
        yield PostgresWriter(connection, table, (ids, kinds[ids]), (column.name, kinds[column.name]))


ENTRIES = dict.fromkeys(IDS, open_writer)
