"""Columns of vectors in tables of Arrow: several columns of one file are spaces over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import check_finite
from embedscope.core.batch import Batch, Shard
from embedscope.core.block import block_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import plan
from embedscope.readers._keys import ALL, EmptyFileError, chosen_keys
from embedscope.readers._paths import Place
from embedscope.readers._raw import check_matrix

Tables = Callable[["ColumnStream", Sequence[int], int], Iterator[Any]]
"""(stream, numbers of chunks, rows) -> record batches of at most so many rows of these chunks."""


@dataclass(frozen=True)
class Column:
    """A column of vectors: its name in the file, its space, width and type of numbers."""

    name: str
    space: str
    dim: int
    dtype: str


@dataclass(frozen=True)
class ColumnStream:
    """Columns of vectors of one file; shards are runs of whole chunks, so that each is decoded once a pass.

    Attributes
    ----------
    path : the file
    columns : what is read of it
    sizes : rows in each chunk (row group, record batch)
    tables : how chunks are read
    places : where chunks begin in the file, for formats that need it
    """

    path: Place
    columns: tuple[Column, ...]
    sizes: tuple[int, ...]
    tables: Tables
    places: tuple[int, ...] = ()

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return {column.space: column.dim for column in self.columns}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(self.sizes)

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

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, checked to be finite and of one length."""
        import pyarrow as pa

        s, row = self.stream, self.start
        try:
            for table in s.tables(s, self.chunks, block_rows(max(s.dims.values()))):
                if not table.num_rows:
                    continue
                spaces = {c.space: _matrix(table.column(c.name), c.dim, f"{s.path}::{c.name}", row) for c in s.columns}
                ids = hash_rows(row, row + table.num_rows)
                yield Batch(ids, ids, spaces)
                row += table.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{s.path} could not be read at row {row} ({error}); write the file again") from error


def columns_of(path: Place, schema: Any, key: str | None, width: Callable[[str], int]) -> tuple[Column, ...]:
    """The columns of vectors that ``key`` names in a file with this ``schema``.

    ``width`` finds how long the lists of a column are where the type does not say.
    """
    vectors = {f.name: _item(f.type) for f in schema if _item(f.type) is not None}
    if key is not None and key in schema.names and key not in vectors:
        raise InputError(
            f"{path}::{key} is a column of {schema.field(key).type}, wanted lists of numbers; "
            f"columns of vectors here: {', '.join(vectors) or 'none'}"
        )
    if key in {None, ALL} and not vectors:
        raise InputError(f"{path} has no column of vectors; its columns are {', '.join(schema.names)}")
    found = []
    for name in chosen_keys(str(path), "column", key, list(vectors)):
        dtype = np.dtype(vectors[name].to_pandas_dtype())
        dim = _fixed(schema.field(name).type) or width(name)
        check_matrix((1, dim), dtype, f"{path}::{name}")
        found.append(Column(name, "vectors" if key is None else name, dim, dtype.name))
    return tuple(found)


def width_of(tables: Iterator[Any], path: Place, name: str) -> int:
    """Length of the first list of column ``name``."""
    for table in tables:
        if table.num_rows:
            first = _storage(table.column(name))
            if first[0].as_py() is None:
                raise InputError(f"{path}::{name} has a null in row 0; drop the rows without a vector")
            return len(first[0].as_py())
    raise no_rows(path)


def no_rows(path: Place) -> EmptyFileError:
    """The error of a file without rows."""
    return EmptyFileError(f"{path} must hold at least one row and one column, got 0 rows")


def _kind(kind: Any) -> Any:
    return getattr(kind, "storage_type", kind)


def _item(kind: Any) -> Any:
    """Type of the numbers in a list type, None where it is not a list of numbers."""
    import pyarrow.types as pt

    kind = _kind(kind)
    if not (pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)):
        return None
    return kind.value_type if pt.is_floating(kind.value_type) or pt.is_integer(kind.value_type) else None


def _fixed(kind: Any) -> int:
    """Length of the lists of a type that fixes it, else 0."""
    return int(getattr(_kind(kind), "list_size", 0))


def _storage(column: Any) -> Any:
    return getattr(column, "storage", column)


def _matrix(column: Any, dim: int, name: str, row: int) -> npt.NDArray[Any]:
    column = _storage(column)
    if column.null_count:
        first = row + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise InputError(f"{name} has a null in row {first}; drop the rows without a vector")
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    if (lengths != dim).any():
        bad = int(np.argmax(lengths != dim))
        raise InputError(
            f"{name} is ragged: row {row + bad} has {int(lengths[bad])} numbers, row 0 has {dim}; "
            "all vectors must have one length"
        )
    flat = column.flatten()
    if flat.null_count:
        bad = row + int(np.argmax(flat.is_null().to_numpy(zero_copy_only=False))) // dim
        raise InputError(f"{name} has a null inside the vector of row {bad}; drop or repair this row")
    x = np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(-1, dim)
    check_finite(x, name, row)
    return x


def has_vectors(schema: Any) -> bool:
    """Whether a table with this ``schema`` has a column of vectors."""
    return any(_item(field.type) is not None for field in schema)
