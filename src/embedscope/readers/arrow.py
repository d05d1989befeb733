"""Files of Arrow record batches, as Feather and IPC files or as streams (the shards of Hugging Face data sets)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.readers._columns import ColumnStream, column_stream
from embedscope.readers._paths import Place, arrow_file, on_disk

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
        schema, sizes, places = _chunks(path) if indexed else _messages(path)
        return column_stream(path, schema, sizes, _indexed if indexed else _streamed, key, places=places)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise InputError(
            f"{path} is not a readable file of Arrow batches ({reason(error)}); write it with pyarrow.feather or "
            "pyarrow.ipc"
        ) from error


def _chunks(path: Place) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    import pyarrow as pa

    with arrow_file(path) as source, pa.ipc.open_file(source) as file:
        schema, numbers = file.schema, range(file.num_record_batches)
    if not len(schema):
        return schema, (), ()
    narrow = pa.ipc.IpcReadOptions(included_fields=[_narrowest(schema)])
    with arrow_file(path) as source, pa.ipc.open_file(source, options=narrow) as file:
        return schema, tuple(int(file.get_batch(i).num_rows) for i in numbers), ()


def _messages(path: Place) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Schema, rows of each batch and where it begins, found by walking over the messages.

    A local file is mapped for the walk alone, so that the vectors are not read for it.
    """
    import pyarrow as pa

    sizes: list[int] = []
    places: list[int] = []
    here = on_disk(path)
    with arrow_file(path) if here is None else pa.memory_map(str(here)) as source:
        schema = pa.ipc.read_schema(pa.ipc.read_message(source))
        if any(pa.types.is_dictionary(field.type) for field in schema):
            raise InputError(f"{path} is an Arrow stream with dictionaries; write it as a file: feather.write_feather")
        while True:
            place = source.tell()
            try:
                message = pa.ipc.read_message(source)
            except EOFError:
                left = path.stat().st_size - source.tell()
                if left:
                    raise InputError(
                        f"{path} has {left:,} bytes after its last batch; copy or write it again"
                    ) from None
                return schema, tuple(sizes), tuple(places)
            sizes.append(int(pa.ipc.read_record_batch(message, schema).num_rows))
            places.append(int(place))


def _narrowest(schema: Any) -> int:
    """Number of the column that takes least to read: one of fixed width, where there is one."""
    import pyarrow.types as pt

    plain = [i for i, f in enumerate(schema) if pt.is_primitive(f.type)]
    return plain[0] if plain else 0


def _indexed(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    with arrow_file(stream.path) as source:
        with pa.ipc.open_file(source) as file:
            options = pa.ipc.IpcReadOptions(included_fields=[file.schema.get_field_index(name) for name in names])
        with pa.ipc.open_file(source, options=options) as file:
            for i in chunks:
                yield from _cut(file.get_batch(i), rows, names)


def _streamed(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
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
