"""``.parquet`` files with columns of vectors, read row group by row group; checksums of pages are verified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.readers._parquet_pages import ColumnChunk, check_pages, column_chunks, largest_page
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.paths import Place, arrow_file, on_disk, state_of

IDS = ("parquet",)

_BUFFER = 1 << 20
"""Bytes of a column that are read at a time: without it, a column of a whole row group is held."""

_THREADED = 8
"""Columns beyond which Arrow decodes in threads of its own, each with memory of its own."""


def open_parquet(path: Place, key: str | None = None) -> Stream:
    """Columns of vectors, all of one length: the only one, or those that ``key`` names (``a,b``, ``*``)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with arrow_file(path) as source, pq.ParquetFile(source) as file:
            meta, schema = file.metadata, file.schema_arrow
            sizes = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
        if meta.num_rows != sum(sizes) or min(sizes, default=0) < 0:
            raise InputError(f"{path} says {meta.num_rows:,} rows, its groups hold {sum(sizes):,}; write it again")
        return column_stream(path, schema, sizes, _tables, key, held=_largest_pages)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({reason(error)}); write it again") from error


def _largest_pages(stream: ColumnStream) -> int:
    """Bytes of the largest page of every column that is read, in its largest row group, stored and decompressed."""
    names = {name for column in stream.columns for name in column.needs}
    largest = max(range(len(stream.sizes)), key=lambda i: stream.sizes[i])
    with stream.path.open("rb") as content:
        return sum(largest_page(content, chunk) for chunk in _chunks(stream.path)[largest] if chunk.name in names)


def _chunks(path: Place) -> list[list[ColumnChunk]]:
    """The columns of each row group."""
    return _chunks_of(path, state_of(path))


@lru_cache(4)
def _chunks_of(path: Place, state: tuple[str, int, str]) -> list[list[ColumnChunk]]:
    """The same of a file in this ``state``; the last few are kept, since every shard of every pass asks."""
    with path.open("rb") as file:
        try:
            return column_chunks(file, path.stat().st_size)
        except ValueError as error:
            raise InputError(f"{path} is damaged: {error}; get or write it again") from error


def rows_and_columns(path: Place) -> tuple[int, bool]:
    """Rows of a parquet file, and whether it has a column of vectors; from its footer alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from embedscope.readers._column_names import has_vectors

    try:
        with arrow_file(path) as source, pq.ParquetFile(source) as file:
            return int(file.metadata.num_rows), has_vectors(file.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({reason(error)}); write it again") from error


def _check_pages(path: Place, names: Sequence[str], groups: Sequence[int]) -> None:
    """Raise ``InputError`` where a page of these columns says more bytes than it can have: Arrow would take them.

    Of a file elsewhere the pages are not looked at, since all of it would be fetched for that.
    """
    if on_disk(path) is not None:
        _check_pages_of(path, state_of(path), frozenset(names), tuple(groups))


@lru_cache(1024)
def _check_pages_of(path: Place, state: tuple[str, int, str], names: frozenset[str], groups: tuple[int, ...]) -> None:
    """The same of a file on this machine in this ``state``, once and not in every pass."""
    chunks = _chunks(path)
    with path.open("rb") as content:
        try:
            for chunk in (chunk for i in groups for chunk in chunks[i] if chunk.name in names):
                check_pages(content, path.stat().st_size, chunk)
        except ValueError as error:
            raise InputError(f"{path} is damaged: {error}; get or write it again") from error


def _tables(stream: ColumnStream, names: Sequence[str], groups: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with (
        arrow_file(stream.path) as source,
        pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False, buffer_size=_BUFFER) as file,
    ):
        _check_pages(stream.path, names, groups)
        for batch in file.iter_batches(
            rows, row_groups=list(groups), columns=list(names), use_threads=len(names) > _THREADED
        ):
            batch.validate(full=True)
            yield batch


ENTRIES = {"parquet": open_parquet}
