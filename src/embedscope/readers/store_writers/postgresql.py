"""PostgreSQL tables: ``UPDATE`` by key, a transaction for each block, other columns stay; new tables and columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.readers.columns import ColumnStream
from embedscope.readers.store_writers._target import Blocks, Loss, Made, NewCollection, StoreTarget, check_width
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.postgresql import connect

IDS = ("postgresql", "postgres")


class PostgresWriter:
    """A table, its key and its column of vectors."""

    loss: Loss | None = None

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
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy("copy embedscope_block (key, vector) from stdin") as copy:
                for name, row in zip(ids, _numbers(rows), strict=True):
                    copy.write_row((name, _write_vector(row, self._brackets)))
            cursor.execute(self._update)


def _numbers(rows: npt.NDArray[Any]) -> Iterator[list[float]]:
    for first in range(0, len(rows), 1024):  # Python's numbers take eight times as much memory
        yield from np.asarray(rows[first : first + 1024], dtype=np.float64).tolist()


def _write_vector(row: Sequence[float], brackets: str = "[]") -> str:
    """A vector as text; the shortest form of a float64, from which PostgreSQL reads the same float32."""
    return f"{brackets[0]}{','.join(map(repr, row))}{brackets[1]}"


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[PostgresWriter]:
    """The writer of a table whose column holds ``dim`` dimensions, or any number of them."""
    (column,), ids = stream.columns, str(stream.ids)
    kinds = stream.layout
    fixed = re.search(r"\((\d+)\)", kinds[column.name])
    remedy = f"write a new column: give {place}::{column.name}_new as OUT"
    check_width(place, int(fixed[1]) if fixed else None, dim, remedy)
    with connect(place, read_only=False) as (connection, table):
        yield PostgresWriter(connection, table, (ids, kinds[ids]), (column.name, kinds[column.name]))


def create(new: NewCollection, blocks: Blocks) -> Made:
    """A new column of the table that is read, or a new table, in one transaction, with columns of plain types."""
    if new.like is not None and new.like.url == new.place.url:
        return _new_column(new, blocks)
    from psycopg.sql import SQL, Identifier

    kinds = {field.name: _kind(field.type) for field in new.schema}
    names = [name for name, kind in kinds.items() if kind is not None]
    columns = [SQL("{} {}").format(Identifier(name), SQL(str(kinds[name]))) for name in names]
    with connect(new.place, read_only=False, make=True) as (connection, table):
        connection.execute("create extension if not exists vector")
        connection.execute(
            SQL("create table {} ({}, {} vector({}), primary key ({}))").format(
                SQL(table), SQL(", ").join(columns), Identifier(new.column), SQL(str(new.dim)), Identifier(new.ids)
            )
        )
        asked = SQL(", ").join(Identifier(name) for name in [*names, new.column])
        with connection.cursor().copy(SQL("copy {} ({}) from stdin").format(SQL(table), asked)) as copy:
            for _, rows, others in blocks:
                values = [others.column(name).to_pylist() for name in names]
                for row in zip(*values, map(_write_vector, _numbers(rows)), strict=True):
                    copy.write_row(row)
    left = [name for name, kind in kinds.items() if kind is None]
    return Made(
        new.ids, (f"columns that are neither text nor numbers were left out: {', '.join(left)}",) if left else ()
    )


def _new_column(new: NewCollection, blocks: Blocks) -> Made:
    from psycopg.sql import SQL, Identifier

    with connect(new.place, read_only=False) as (connection, table):
        drop = SQL("alter table {} drop column if exists {}").format(SQL(table), Identifier(new.column))
        if new.unfinished:
            connection.execute(drop)
        kind = f"vector({new.dim})"
        connection.execute(SQL("alter table {} add column {} " + kind).format(SQL(table), Identifier(new.column)))
        connection.commit()
        (key,) = connection.execute(
            "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass and attname = %s",
            [table, new.ids],
        ).fetchone()
        try:
            writer = PostgresWriter(connection, table, (new.ids, key), (new.column, kind))
            for ids, rows, _ in blocks:
                writer.replace(ids, rows)
        except BaseException:
            blocks.close()  # it reads the table, which cannot be altered meanwhile
            connection.rollback()
            connection.execute(drop)
            connection.commit()
            raise
    return Made(new.ids)


def _kind(kind: Any) -> str | None:
    """The type of PostgreSQL for an Arrow type, None for those that are not copied."""
    import pyarrow.types as pt

    known = {
        "text": pt.is_string(kind) or pt.is_large_string(kind),
        "bigint": pt.is_integer(kind),
        "double precision": pt.is_floating(kind),
        "boolean": pt.is_boolean(kind),
    }
    return next((name for name, fits in known.items() if fits), None)


def there(new: NewCollection) -> bool:
    """Whether the table is there, or for a new column of the table that is read, that column."""
    with connect(new.place, make=True) as (connection, table):
        if connection.execute("select to_regclass(%s)", [table]).fetchone()[0] is None:
            return False
        if new.like is None or new.like.url != new.place.url:
            return True
        asked = "select 1 from pg_attribute where attrelid = %s::regclass and attname = %s and not attisdropped"
        return connection.execute(asked, [table, new.column]).fetchone() is not None


ENTRIES = dict.fromkeys(IDS, StoreTarget(open_writer, create, there))
