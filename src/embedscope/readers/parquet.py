"""``.parquet`` files with a column of vectors, read row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import check_finite
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import block_rows, plan
from embedscope.readers._keys import chosen_key
from embedscope.readers._raw import check_matrix

IDS = ("parquet",)


def open_parquet(path: Path, key: str | None = None) -> Stream:
    """One column of lists of numbers, all of one length; without a key, the only such column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error}); write it again") from error
    with file:
        schema, meta = file.schema_arrow, file.metadata
        vectors = [f.name for f in schema if _item(f.type) is not None]
        if key is not None and key in schema.names and key not in vectors:
            raise InputError(
                f"{path}::{key} is a column of {schema.field(key).type}, wanted lists of numbers; "
                f"columns of vectors here: {', '.join(vectors) or 'none'}"
            )
        if key is None and not vectors:
            raise InputError(f"{path} has no column of vectors; its columns are {', '.join(schema.names)}")
        name = chosen_key(str(path), "column", key, vectors)
        sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
        label = f"{path}::{name}"
        dim = _width(file, name, label)
    check_matrix((sum(sizes), dim), np.dtype(_item(schema.field(name).type).to_pandas_dtype()), label)
    return ParquetStream(path, name, key or "vectors", label, dim, tuple(sizes))


@dataclass(frozen=True)
class ParquetStream:
    """A column of vectors; shards are runs of whole row groups, so that each is decoded once a pass."""

    path: Path
    column: str
    space: str
    name: str
    dim: int
    sizes: tuple[int, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of the one space."""
        return {self.space: self.dim}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(self.sizes)

    def shards(self) -> Sequence[Shard]:
        """Runs of row groups of at least one planned shard's rows."""
        wanted = plan(self.n_rows, self.dim)[0][1]
        shards: list[Shard] = []
        groups: list[int] = []
        start = rows = 0
        for i, size in enumerate(self.sizes):
            groups.append(i)
            rows += size
            if rows >= wanted or i == len(self.sizes) - 1:
                shards.append(ParquetShard(self, tuple(groups), start))
                start, rows, groups = start + rows, 0, []
        return shards


@dataclass(frozen=True)
class ParquetShard:
    """Some row groups, the first row of which is row ``start`` of the file."""

    stream: ParquetStream
    groups: tuple[int, ...]
    start: int

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, checked to be finite and of one length."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        s, row = self.stream, self.start
        try:
            with pq.ParquetFile(s.path) as file:
                step = block_rows(s.dim)
                for table in file.iter_batches(step, row_groups=list(self.groups), columns=[s.column]):
                    x = _matrix(table.column(0), s.dim, s.name, row)
                    if not len(x):
                        continue
                    check_finite(x, s.name, row)
                    ids = hash_rows(row, row + len(x))
                    yield Batch(ids, ids, {s.space: x})
                    row += len(x)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{s.name} could not be read at row {row} ({error}); write the file again") from error


def _item(kind: Any) -> Any:
    """Type of the numbers in a list type, None where it is not a list of numbers."""
    import pyarrow.types as pt

    kind = getattr(kind, "storage_type", kind)
    if not (pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)):
        return None
    return kind.value_type if pt.is_floating(kind.value_type) or pt.is_integer(kind.value_type) else None


def _width(file: Any, column: str, name: str) -> int:
    for table in file.iter_batches(1, columns=[column]):
        if len(table):
            first = _storage(table.column(0))
            if first.null_count:
                raise InputError(f"{name} has a null in row 0; drop the rows without a vector")
            return len(first.flatten())
    raise InputError(f"{name} must hold at least one row and one column, got 0 rows")


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
    return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(-1, dim)


ENTRIES = {"parquet": open_parquet}
