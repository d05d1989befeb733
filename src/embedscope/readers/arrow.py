"""Files of Arrow record batches, as Feather and IPC files or as streams (the shards of Hugging Face data sets)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.readers._arrow_messages import record_batches
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.paths import Place, arrow_file

IDS = ("arrow", "feather", "ipc", "arrows")

_MAGIC = b"ARROW1"


def open_arrow(path: Place, key: str | None = None) -> Stream:
    """Columns of vectors, all of one length: the only one, or those that ``key`` names (``a,b``, ``*``).

    Whether the file has an index of its batches (IPC file, Feather) or is a stream is seen from its first bytes.
    """
    import pyarrow as pa

    try:
        with path.open("rb") as file:
            indexed = file.read(len(_MAGIC)) == _MAGIC
            schema = _schema(path, indexed)
            size = path.stat().st_size
            batches, after = record_batches(file, size, indexed=indexed)
        if not indexed and after < size:
            raise InputError(f"{path} has {size - after:,} bytes after its last batch; copy or write it again")
        sizes, places = [b.rows for b in batches], [] if indexed else [b.place for b in batches]
        tables = _read_indexed if indexed else _read_streamed
        compressed = any(b.compressed for b in batches)
        return column_stream(path, schema, sizes, tables, key, places=places, layout=compressed, held=_largest_batch)
    except InputError:
        raise
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        raise InputError(
            f"{path} is not a readable file of Arrow batches ({reason(error)}); write it with pyarrow.feather or "
            "pyarrow.ipc"
        ) from error


def _schema(path: Place, indexed: bool) -> Any:
    import pyarrow as pa

    with arrow_file(path) as source:
        if indexed:
            with pa.ipc.open_file(source) as file:
                return file.schema
        schema = pa.ipc.read_schema(pa.ipc.read_message(source))
    if any(pa.types.is_dictionary(field.type) for field in schema):
        raise InputError(f"{path} is an Arrow stream with dictionaries; write it as a file: feather.write_feather")
    return schema


def _largest_batch(stream: ColumnStream) -> int:
    """Bytes of the vectors of the largest batch, which is read whole; twice where it is decompressed."""
    return max(stream.sizes) * stream.row_bytes * (2 if stream.layout else 1)


def _read_indexed(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    with arrow_file(stream.path) as source:
        with pa.ipc.open_file(source) as file:
            options = pa.ipc.IpcReadOptions(included_fields=[file.schema.get_field_index(name) for name in names])
        with pa.ipc.open_file(source, options=options) as file:
            for i in chunks:
                yield from _cut(file.get_batch(i), rows, names)


def _read_streamed(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    with arrow_file(stream.path) as source:
        schema = pa.ipc.read_schema(pa.ipc.read_message(source))
        for i in chunks:
            source.seek(stream.places[i])
            yield from _cut(pa.ipc.read_record_batch(pa.ipc.read_message(source), schema), rows, names)


def _cut(batch: Any, rows: int, names: Sequence[str]) -> Iterator[Any]:
    batch = batch.select(list(names))
    batch.validate(full=True)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


ENTRIES = dict.fromkeys(IDS, open_arrow)
