"""``.jsonl`` files: an object per line with a vector and whatever else, or nothing but a list of numbers per line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.readers._column_names import is_number, may_be_coordinate, no_rows
from embedscope.readers._json_lines import command_for
from embedscope.readers._lines import Runs, lines_between, runs_of_lines
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.paths import Place

IDS = ("jsonl", "ndjson")

_BOM = b"\xef\xbb\xbf"
_SAMPLE = 1 << 20


@dataclass(frozen=True)
class _Layout:
    """Where the lines lie, and whether each is a list of numbers."""

    runs: Runs
    bare: bool


def open_jsonl(path: Place, key: str | None = None) -> Stream:
    """The vectors of objects, one per line: the only field that holds them, or those that ``key`` names.

    Fields are those of the first 4 MB; one that comes later is not read. Numbers are read as float64.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    start = len(_BOM) if head.startswith(_BOM) else 0
    if re.match(rb"\s*\[\s*[\[{]", head[start:]):
        raise InputError(
            f"{path} is one JSON array of all rows; write one row per line: {command_for(Path(str(path)), b'[')}"
        )
    runs = runs_of_lines(path, start)
    if not runs.rows:
        raise no_rows(path)
    layout = _Layout(runs, head[start:].lstrip()[:1] == b"[")
    if head[start:].lstrip()[:1] not in {b"[", b"{"}:
        raise InputError(f"{path} does not begin with an object {{...}} or a list [...]; wanted one per line")
    first = lines_between(path, runs.bounds(0))
    schema = _plain(_table(path, first, layout.bare, None, 0).schema)
    return column_stream(path, schema, runs.rows, _tables, key, places=runs.starts, layout=layout, held=_held_bytes)


def _held_bytes(stream: ColumnStream) -> int:
    layout: _Layout = stream.layout
    return layout.runs.held


def _plain(schema: Any) -> Any:
    """The schema to read with: lists of numbers as float64, and text where only nulls were seen."""
    import pyarrow as pa

    fields = []
    for field in schema:
        kind = field.type
        if pa.types.is_list(kind) and (is_number(kind.value_type) or pa.types.is_null(kind.value_type)):
            kind = pa.list_(pa.float64())
        elif pa.types.is_null(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            kind = pa.string()
        elif pa.types.is_integer(kind) and may_be_coordinate(field.name):
            kind = pa.float64()
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)


def _tables(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    layout: _Layout = stream.layout
    schema = pa.schema([stream.schema.field(name) for name in names])
    row = sum(stream.sizes[: chunks[0]]) if chunks else 0
    for i in chunks:
        content = lines_between(stream.path, layout.runs.bounds(i))
        table = _table(stream.path, content, layout.bare, schema, row)
        if table.num_rows != stream.sizes[i]:
            raise InputError(
                f"{stream.path} has {stream.sizes[i]:,} lines after row {row:,} and {table.num_rows:,} objects; wanted "
                "one object per line"
            )
        yield from table.select(list(names)).combine_chunks().to_batches(max_chunksize=rows)
        row += table.num_rows


def _table(path: Place, content: bytes, bare: bool, schema: Any, row: int) -> Any:
    """The objects of some lines, the first of which is row ``row``; fields that ``schema`` lacks are passed over."""
    import pyarrow as pa
    import pyarrow.json as pj

    if bare:
        lines = content.replace(b"\r", b"").strip(b"\n")
        content = b'{"vectors":' + re.sub(rb"\n+", b'}\n{"vectors":', lines) + b"}"
    read = pj.ReadOptions(use_threads=False, block_size=len(content) + 1)
    parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore")
    try:
        table = pj.read_json(pa.BufferReader(content), read_options=read, parse_options=parse)
        table.validate(full=True)
        return table
    except (pa.ArrowException, UnicodeDecodeError) as error:
        inner = re.search(r" in row (\d+)", str(error))
        where = f"row {row + int(inner[1]):,}" if inner else f"a row after {row:,}"
        said = re.sub(r" in row \d+", "", reason(error))
        raise InputError(
            f"{path} holds no valid JSON object in {where} ({said}); wanted one object per line, with the same type in "
            "every field"
        ) from error


ENTRIES = dict.fromkeys(IDS, open_jsonl)
