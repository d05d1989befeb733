"""Tables with columns of vectors: several columns of one file are spaces over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.batch import Batch, Shard
from embedscope.core.block import block_rows
from embedscope.core.boundary import guard_batches
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import plan
from embedscope.readers._column_names import (
    ID_NAMES,
    TEXT_NAMES,
    Column,
    columns_of,
    no_rows,
    plain_columns,
    strings_column,
)
from embedscope.readers._column_values import matrix, parse_column, side_by_side
from embedscope.readers._keys import join_first
from embedscope.readers._row_strings import RowStrings
from embedscope.readers.paths import Place

Tables = Callable[["ColumnStream", Sequence[str], Sequence[int], int], Iterator[Any]]
"""(stream, names of columns, numbers of chunks, rows) -> record batches of at most so many rows of these chunks."""

_STRINGS = 8192


@dataclass(frozen=True)
class ColumnStream:
    """Columns of vectors of one file; shards are runs of whole chunks, so that each is decoded once a pass.

    Attributes
    ----------
    path : the file
    columns : what is read of it
    sizes : rows in each chunk (row group, record batch, run of lines)
    tables : how chunks are read
    places : where chunks begin in the file, for formats that need it
    schema : of all columns of the file
    ids, texts : names of the columns that hold the ids and the texts of the rows
    layout : what else ``tables`` must know
    notes : what was found out about the file
    texts_named : whether the user named the column of texts, so that no row may lack one
    largest_piece : how many bytes the largest piece of the file takes that is read whole
    """

    path: Place
    columns: tuple[Column, ...]
    sizes: tuple[int, ...]
    tables: Tables
    places: tuple[int, ...] = ()
    schema: Any = field(default=None, compare=False, repr=False)
    ids: str | None = None
    texts: str | None = None
    layout: Any = None
    notes: tuple[str, ...] = ()
    texts_named: bool = False
    largest_piece: Callable[[ColumnStream], int] | None = None

    @property
    def held(self) -> int:
        """Bytes that a worker holds beside the blocks that it gives: what the file stores in one piece."""
        return 0 if self.largest_piece is None else self.largest_piece(self)

    @property
    def row_bytes(self) -> int:
        """Bytes of the vectors of a row, as they are stored."""
        return sum(column.dim * max(np.dtype(column.dtype).itemsize, 1) for column in self.columns)

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every space."""
        return {column.space: column.dim for column in self.columns}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(self.sizes)

    @property
    def row_ids(self) -> RowStrings | None:
        """The ids of the rows, where a column holds them."""
        if self.ids is None:
            return None
        return RowStrings(f"column {self.ids} of {self.path}", self._strings(self.ids))

    @property
    def row_texts(self) -> RowStrings | None:
        """The texts of the rows, where a column holds them."""
        if self.texts is None:
            return None
        empty = not self.texts_named  # only what the user asks for must be there in every row
        return RowStrings(f"column {self.texts} of {self.path}", self._strings(self.texts, empty=empty))

    @property
    def row_columns(self) -> Mapping[str, RowStrings]:
        """Every other column of strings or whole numbers, by its name; what is empty is an empty string."""
        taken = {name for column in self.columns for name in column.needs} | {self.ids, self.texts}
        names = [] if self.schema is None else plain_columns(self.schema, {name for name in taken if name})
        return {name: RowStrings(f"column {name} of {self.path}", self._strings(name, empty=True)) for name in names}

    def _strings(self, name: str, *, empty: bool = False) -> Callable[[], Iterator[Sequence[str]]]:
        def blocks() -> Iterator[Sequence[str]]:
            row = 0
            for table in self.tables(self, [name], range(len(self.sizes)), _STRINGS):
                values = table.column(name).to_pylist()
                if empty:
                    values = ["" if value is None else value for value in values]
                if None in values:
                    raise InputError(
                        f"{self.path}::{name} is empty in row {row + values.index(None)}; fill it, or name another "
                        "column"
                    )
                yield [str(value) for value in values]
                row += len(values)
            if row != self.n_rows:
                raise InputError(f"{self.path} should have {self.n_rows:,} rows and gave {row:,}; write it again")

        return blocks

    def with_ids(self, rows: int) -> Iterator[tuple[list[str], npt.NDArray[Any]]]:
        """Ids and vectors of the one column that is read, at most ``rows`` at a time, checked as those of a shard."""
        (column,), ids = self.columns, self.ids
        if ids is None:
            raise InputError(f"{self.path} has no column of ids that is known by its name; add ?ids=COLUMN")
        row = 0
        for table in self.tables(self, list(dict.fromkeys([ids, *column.needs])), range(len(self.sizes)), rows):
            names = table.column(ids).to_pylist()
            if None in names:
                raise InputError(f"{self.path}::{ids} is empty in row {row + names.index(None)}; fill it")
            yield [str(name) for name in names], _matrix(table, column, f"{self.path}::{column.name}", row)
            row += table.num_rows

    def whole(self, rows: int) -> Iterator[tuple[Any, npt.NDArray[Any]]]:
        """All columns as Arrow tables, and the vectors of the one column that is read, at most ``rows`` at a time."""
        import pyarrow as pa

        (column,), row = self.columns, 0
        for table in self.tables(self, self.schema.names, range(len(self.sizes)), rows):
            yield pa.Table.from_batches([table]), _matrix(table, column, f"{self.path}::{column.name}", row)
            row += table.num_rows

    def naming(self, ids: str | None, texts: str | None) -> ColumnStream:
        """The same with the columns of ids and texts that are named, or else found by their names."""
        taken = {name for column in self.columns for name in column.needs}
        return replace(
            self,
            ids=strings_column(self.path, self.schema, ids, ID_NAMES, taken),
            texts=strings_column(self.path, self.schema, texts, TEXT_NAMES, taken),
            texts_named=texts is not None,
        )

    def shards(self) -> Sequence[Shard]:
        """Runs of chunks of at least one planned shard's rows."""
        wanted = plan(self.n_rows, max(self.dims.values()))[0][1]
        shards: list[Shard] = []
        chunks: list[int] = []
        start = rows = 0
        for i, size in enumerate(self.sizes):
            chunks.append(i)
            rows += size
            if rows >= wanted or i == len(self.sizes) - 1:
                shards.append(ColumnShard(self, tuple(chunks), start))
                start, rows, chunks = start + rows, 0, []
        return shards


@dataclass(frozen=True)
class ColumnShard:
    """Some chunks, the first row of which is row ``start`` of the file."""

    stream: ColumnStream
    chunks: tuple[int, ...]
    start: int

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"{self.stream.path}, from row {self.start:,} on,"

    @guard_batches
    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, checked to be finite, of one length, and as many as the file says."""
        s, row = self.stream, self.start
        names = list(dict.fromkeys(name for column in s.columns for name in column.needs))
        for table in s.tables(s, names, self.chunks, block_rows(max(s.dims.values()))):
            if not table.num_rows:
                continue
            spaces = {c.space: _matrix(table, c, f"{s.path}::{c.name}", row) for c in s.columns}
            ids = hash_rows(row, row + table.num_rows)
            yield Batch(ids, ids, spaces)
            row += table.num_rows
        wanted = sum(s.sizes[i] for i in self.chunks)
        if row - self.start != wanted:
            raise InputError(f"{s.path} should have {wanted:,} rows here and gave {row - self.start:,}; write it again")


def column_stream(
    path: Place,
    schema: Any,
    sizes: Sequence[int],
    tables: Tables,
    key: str | None,
    *,
    places: Sequence[int] = (),
    layout: Any = None,
    notes: Sequence[str] = (),
    held: Callable[[ColumnStream], int] | None = None,
) -> ColumnStream:
    """The columns of vectors that ``key`` names in a table, with its ids and texts where their names tell them.

    Raises
    ------
    EmptyFileError
        if it has no rows.
    """
    if not sum(sizes):
        raise no_rows(path)
    plain = ColumnStream(path, (), tuple(sizes), tables, tuple(places), schema, None, None, layout, largest_piece=held)
    first = next(i for i, size in enumerate(sizes) if size)

    def value(name: str) -> Any:
        for table in tables(plain, [name], [first], 1):
            if table.num_rows:
                return table.column(name)[0].as_py()
        raise no_rows(path)

    columns = columns_of(path, schema, key, value)
    stream = replace(plain, columns=columns).naming(None, None)
    return replace(stream, notes=(*notes, *_coordinate_notes(stream)))


def _coordinate_notes(stream: ColumnStream) -> Iterator[str]:
    """Notes on the columns: which are coordinates."""
    for column in stream.columns:
        if column.parts:
            yield f"{column.space} from the {column.dim:,} columns {column.parts[0]} to {column.parts[-1]}"
        if column.written:
            yield f"{column.space} from the strings in column {column.name}"


def column_notes(stream: ColumnStream) -> tuple[str, ...]:
    """Notes on ids, texts and the columns that are not read."""
    used = {name for column in stream.columns for name in column.needs}
    names = []
    for what, name in (("ids", stream.ids), ("texts", stream.texts)):
        if name is not None:
            names.append(f"{what} from column {name}")
            used.add(name)
    others = [name for name in (stream.schema.names if stream.schema is not None else []) if name not in used]
    if others:
        names.append(f"column{'s' if len(others) > 1 else ''} {join_first(others)} not read")
    return tuple(names)


def _matrix(table: Any, column: Column, label: str, row: int) -> npt.NDArray[Any]:
    if column.parts:
        return side_by_side([table.column(part) for part in column.parts], column.parts, label, row)
    values = table.column(column.name)
    if column.written:
        import pyarrow.types as pt

        values = values.dictionary_decode() if pt.is_dictionary(values.type) else values
        values = parse_column(values, label, row)
    return matrix(values, column.dim, label, row)
