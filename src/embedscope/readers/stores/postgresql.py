"""PostgreSQL tables with columns of pgvector: ``postgresql://USER@HOST/DATABASE/TABLE::column``.

The part before ``/TABLE`` is an address as libpq takes it; a password may stand in the environment (``PGPASSWORD``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.waiting import end_after
from embedscope.readers._keys import check_key
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.stores._place import PATIENCE, StorePlace

IDS = ("postgresql", "postgres")

_CODES = {"vector": ">f4", "halfvec": ">f2"}
_WHOLE = {"smallint", "integer", "bigint"}
_STRINGS = {"text", "character varying", "character", "uuid", "name", "citext"}
_CONNECT_SECONDS = 20
_LISTS = {"real[]", "double precision[]"}


def open_postgresql(place: StorePlace, key: str | None = None) -> ColumnStream:
    """The columns of vectors that ``key`` names in a table or view (``SCHEMA.TABLE``), read by one cursor."""
    import pyarrow as pa

    with connect(place) as (connection, table):
        kinds = dict(
            connection.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass "
                "and attnum > 0 and not attisdropped order by attnum",
                [table],
            ).fetchall()
        )
        (n,) = connection.execute(f"select count(*) from {table}").fetchone()
    schema = pa.schema([(name, kind) for name, kind in zip(kinds, map(_arrow, kinds.values()), strict=True) if kind])
    return column_stream(place, schema, (int(n),), _batches, key, layout=kinds)


def _arrow(kind: str) -> Any:
    """The Arrow type of a type of PostgreSQL, None for those that are not read."""
    import pyarrow as pa

    plain = re.sub(r"\(.*?\)", "", kind)
    if plain in _CODES:
        return pa.list_(pa.float32() if plain == "vector" else pa.float16())
    if plain in _LISTS:
        return pa.list_(pa.float32() if plain == "real[]" else pa.float64())
    return pa.int64() if plain in _WHOLE else pa.string() if plain in _STRINGS else None


@contextmanager
def connect(place: StorePlace, *, read_only: bool = True, make: bool = False) -> Iterator[tuple[Any, str]]:
    """A connection and the quoted name of the table, which must be there unless it is to be made.

    One that reads sees one state of the database; one that writes waits half a minute at most for a lock. Every answer
    has a bounded time.
    """
    psycopg = require("psycopg", "postgres", f"reading {place}")
    parts = urlsplit(place.url)
    database, _, table = parts.path.rpartition("/")
    if not database.strip("/") or not table:
        raise InputError(f"{place} names no table; wanted postgresql://USER@HOST/DATABASE/TABLE::COLUMN")
    address = urlunsplit(parts._replace(path=database))
    names = [psycopg.sql.Identifier(part) for part in unquote(table).split(".")]
    try:
        with _patient(psycopg).connect(address, connect_timeout=_CONNECT_SECONDS) as connection:
            if read_only:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
            else:
                connection.execute("set lock_timeout = '30s'")
            connection.execute("set synchronize_seqscans = off")  # else a scan may begin in the middle
            quoted = psycopg.sql.SQL(".").join(names).as_string(connection)
            if not make and connection.execute("select to_regclass(%s)", [quoted]).fetchone()[0] is None:
                there = connection.execute(
                    "select relname from pg_class where relkind in ('r', 'v', 'm', 'p', 'f') and relnamespace not in "
                    "('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and relname not like 'pg_toast%%'"
                ).fetchall()
                check_key(
                    f"{place.scheme} database {database.strip('/')}", "table", table, sorted(row[0] for row in there)
                )
            if not read_only:
                connection.commit()
            yield connection, quoted
    except psycopg.Error as error:
        said = " ".join(str(error).split())[:160]
        done = "read" if read_only else "written"
        raise InputError(
            f"{place} cannot be {done} ({said}); check that the server runs, the user and the table"
        ) from error


def _patient(psycopg: Any) -> Any:
    """The class of a connection that is ended where the server is silent; every question comes through ``wait``."""

    class PatientConnection(psycopg.Connection):  # type: ignore[misc]
        def wait(self, *args: Any, **kwargs: Any) -> Any:
            with end_after(PATIENCE, self.pgconn.socket) as is_over:
                try:
                    return super().wait(*args, **kwargs)
                except psycopg.Error as error:
                    if is_over.is_set():
                        raise psycopg.OperationalError(f"no answer in {PATIENCE:g} s") from error
                    raise

    return PatientConnection


def _batches(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    place: Any = stream.path
    kinds = {name: re.sub(r"\(.*?\)", "", stream.layout[name]) for name in names}
    with connect(place) as (connection, table):
        from psycopg.sql import Identifier

        asked = ", ".join(_select_expression(Identifier(name).as_string(connection), kinds[name]) for name in names)
        with connection.cursor("embedscope", binary=True) as cursor:
            cursor.execute(f"select {asked} from {table}")
            while chunks and (records := cursor.fetchmany(rows)):
                columns = zip(*records, strict=True)
                arrays = [
                    _vectors(values, _CODES[kinds[name]])
                    if kinds[name] in _CODES
                    else pa.array(list(values), stream.schema.field(name).type)
                    for name, values in zip(names, columns, strict=True)
                ]
                yield pa.record_batch(arrays, names=list(names))


def _select_expression(name: str, kind: str) -> str:
    """How a column is asked for: vectors as their bytes, strings as text."""
    if kind in _CODES:
        return f"{kind}_send({name})"
    return f"{name}::text" if kind in _STRINGS else name


def _vectors(values: Sequence[bytes | None], code: str) -> Any:
    """Vectors as pgvector sends them (two bytes dimensions, two unused, the numbers) as a column of lists."""
    import pyarrow as pa

    bodies = [b"" if value is None else value[4:] for value in values]
    x = np.frombuffer(b"".join(bodies), dtype=code)
    lengths = [len(body) // x.itemsize for body in bodies]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    mask = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(offsets, pa.array(x.astype(x.dtype.newbyteorder("="))), mask=mask)


ENTRIES = dict.fromkeys(IDS, open_postgresql)
