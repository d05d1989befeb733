"""``.parquet`` files with columns of vectors, read row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers._columns import ColumnStream, columns_of, no_rows, width_of
from embedscope.readers._paths import Place, arrow_file

IDS = ("parquet",)


def open_parquet(path: Place, key: str | None = None) -> Stream:
    """Columns of lists of numbers, all of one length: the only one, or those that ``key`` names (``a,b``, ``*``)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with arrow_file(path) as source, pq.ParquetFile(source) as file:
            meta = file.metadata
            sizes = tuple(meta.row_group(i).num_rows for i in range(meta.num_row_groups))
            if not sum(sizes):
                raise no_rows(path)
            columns = columns_of(
                path, file.schema_arrow, key, lambda name: width_of(file.iter_batches(1, columns=[name]), path, name)
            )
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error}); write it again") from error
    return ColumnStream(path, columns, sizes, _tables)


def rows_and_columns(path: Place) -> tuple[int, bool]:
    """Rows of a parquet file, and whether it has a column of vectors; from its footer alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from embedscope.readers._columns import has_vectors

    try:
        with arrow_file(path) as source, pq.ParquetFile(source) as file:
            return int(file.metadata.num_rows), has_vectors(file.schema_arrow)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error}); write it again") from error


def _tables(stream: ColumnStream, groups: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    names = [column.name for column in stream.columns]
    with arrow_file(stream.path) as source, pq.ParquetFile(source) as file:
        yield from file.iter_batches(rows, row_groups=list(groups), columns=names)


ENTRIES = {"parquet": open_parquet}
