"""``.csv`` and ``.tsv`` files: one column per coordinate, or vectors written as strings, beside ids and texts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason, shown
from embedscope.core.errors import InputError
from embedscope.readers._column_names import gaps, no_rows
from embedscope.readers._columns import ColumnStream, column_stream
from embedscope.readers._lines import Runs, lines_between, runs_of_lines
from embedscope.readers._paths import Place

IDS = ("csv", "tsv")

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
_DECIMAL_COMMA = r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*"
_FIRST = 1 << 24


@dataclass(frozen=True)
class _Layout:
    """Where the lines lie, what parts their cells, and what the columns are called."""

    runs: Runs
    delimiter: str
    names: tuple[str, ...]
    decimal: str = "."


def open_csv(path: Place, key: str | None = None) -> Stream:
    """The vectors of a table: columns NAME0, NAME1, ..., or a column of strings ``[0.1, 0.2]``.

    The first line names the columns; where it holds a number in every cell but perhaps the first, there are no names,
    and the columns are called 0, 1, ... after an ``id`` in the first where that is no number, or a whole number before
    fractions. Numbers are read as float64. The cells are separated by what the first line has most of: commas, tabs,
    semicolons or vertical bars; where that is no comma, numbers may have a decimal comma. A first line ``sep=;`` of
    Excel says it.
    """
    with path.open("rb") as file:
        head = file.read(_FIRST)
    start = len(_BOM) if head.startswith(_BOM) else 0
    line, after = _first_line(path, head[start:])
    said = re.fullmatch(r"sep=([,;|\t])", line.strip(" "))
    if said:
        start += after
        line, after = _first_line(path, head[start:])
    suffix = "\t" if path.suffix.lower() == ".tsv" else ","
    delimiter = said[1] if said else _delimiter(path, line, suffix)
    notes = [] if delimiter == suffix else [f"cells separated by {_DELIMITERS[delimiter]}"]
    cells = _cells(path, line, delimiter)
    decimal = "."
    if delimiter != "," and _decimal_comma(path, head[start:], after, delimiter):
        decimal = ","
        notes.append("numbers with a decimal comma")
    named = not _is_data([cell.replace(",", ".") for cell in cells] if decimal == "," else cells)
    if named:
        start += after
    else:
        notes.append("no line of column names")
    runs = runs_of_lines(path, start, quotes=b'"' in head)
    if not runs.rows:
        raise no_rows(path)
    if not named:
        layout = _Layout(runs, delimiter, tuple(map(str, range(len(cells)))), decimal)
        bare = not _is_number(cells[0]) or _counts_rows(path, layout)
        if bare and _is_number(cells[0]):
            notes.append("ids from the first column, of whole numbers")
        cells = [*(["id"] if bare else []), *(str(i) for i in range(len(cells) - bare))]
    layout = _Layout(runs, delimiter, tuple(cells), decimal)
    schema = _schema(path, layout)
    try:
        return column_stream(
            path, schema, runs.rows, _tables, key, places=runs.starts, layout=layout, notes=notes, held=_held
        )
    except InputError as error:
        lacking = gaps(schema) if "has no column of vectors" in str(error) else ""
        raise (InputError(f"{path} has no vectors: {lacking}; write all coordinates") if lacking else error) from None


def _held(stream: ColumnStream) -> int:
    layout: _Layout = stream.layout
    return layout.runs.held


def _first_line(path: Place, head: bytes) -> tuple[str, int]:
    """The first row as text, and the byte after it; a line break between quotes does not end it."""
    at = -1
    while (at := head.find(b"\n", at + 1)) >= 0 and head.count(b'"', 0, at) % 2:
        pass
    end = len(head) if at < 0 else at
    try:
        line = head[:end].decode().rstrip("\r")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8 ({reason(error)}); save it as UTF-8") from error
    if "\0" in line:
        raise InputError(f"{path} holds null characters, so it is no text; is it another format under this name?")
    if "\r" in line.rstrip("\r"):
        raise InputError(f"{path} ends its lines by carriage returns alone; save it with line feeds (\\n)")
    if line.startswith("#"):
        raise InputError(f"{path} begins with a comment ({shown(line[:40])}); delete that line")
    if not line.strip():
        raise no_rows(path) if not head.strip() else InputError(f"{path} begins with an empty line; delete it")
    return line, end + 1


def _delimiter(path: Place, line: str, usual: str) -> str:
    """What separates the cells of a first line: what it has most of, but for commas inside numbers."""
    counts = {mark: _outside_quotes(line).count(mark) for mark in (usual, *_DELIMITERS)}
    for mark in _DELIMITERS:
        if mark != "," and counts[mark] and _have_decimal_commas(_cells(path, line, mark)):
            return mark
    most = max(counts, key=lambda mark: counts[mark])
    return most if counts[most] else usual


def _have_decimal_commas(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers with a comma in place of the point."""
    return sum(re.fullmatch(_DECIMAL_COMMA, cell) is not None for cell in cells) * 2 > len(cells)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _cells(path: Place, line: str, delimiter: str) -> list[str]:
    limit = csv.field_size_limit(_FIRST)
    try:
        return next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise InputError(f"{path} has no readable first line ({reason(error)}); write it again") from error
    finally:
        csv.field_size_limit(limit)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|\s*nan\s*|\s*[+-]?inf\s*", cell) is not None


def _is_data(cells: Sequence[str]) -> bool:
    """Whether a first row holds data: numbers in all cells after the first, which are not 0, 1, 2, ..."""
    if len(cells) < 2 or not all(map(_is_number, cells[1:])):
        return False
    numbered = [cell.strip() for cell in cells[1:]]
    first = int(numbered[0]) if numbered[0].isdecimal() else -1
    return first not in {0, 1} or numbered != [str(first + i) for i in range(len(numbered))]


def _decimal_comma(path: Place, head: bytes, after: int, delimiter: str) -> bool:
    """Whether the numbers of the second line, or of the only one, have a comma in place of the point."""
    rest = head[after:].lstrip(b"\r\n")
    line, _ = _first_line(path, rest if rest else head)
    return _have_decimal_commas(_cells(path, line, delimiter))


def _counts_rows(path: Place, layout: _Layout) -> bool:
    """Whether the first column is of whole numbers and all others of fractions: they are ids, not coordinates."""
    import pyarrow.types as pt

    first, *others = _table(path, lines_between(path, layout.runs.bounds(0)), layout, None, None, 0).schema.types
    return bool(pt.is_integer(first) and others and all(pt.is_floating(kind) for kind in others))


def _schema(path: Place, layout: _Layout) -> Any:
    """Names and types of the columns: numbers are float64, whatever else is text, as ids like 007 need it."""
    import pyarrow as pa

    content = lines_between(path, layout.runs.bounds(0))
    schema = _table(path, content, layout, None, None, 0).schema
    fields = []
    for field in schema:
        kind = field.type
        if pa.types.is_integer(kind) and re.fullmatch(r".*?[0-9]+[\])]?", field.name):
            kind = pa.float64()
        elif not pa.types.is_floating(kind):
            kind = pa.string()
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)


def _tables(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    layout: _Layout = stream.layout
    types = {name: stream.schema.field(name).type for name in names}
    row = sum(stream.sizes[: chunks[0]]) if chunks else 0
    for i in chunks:
        content = lines_between(stream.path, layout.runs.bounds(i))
        table = _table(stream.path, content, layout, names, types, row)
        if table.num_rows != stream.sizes[i]:
            raise InputError(
                f"{stream.path} has {stream.sizes[i]:,} lines after row {row:,} and {table.num_rows:,} rows; is a "
                "double quote left open?"
            )
        yield from table.combine_chunks().to_batches(max_chunksize=rows)
        row += table.num_rows


def _table(path: Place, content: bytes, layout: _Layout, names: Sequence[str] | None, types: Any, row: int) -> Any:
    """The rows of some lines, the first of which is row ``row``; the columns ``names``, or all."""
    import pyarrow as pa
    import pyarrow.csv as pc

    read = pc.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=list(layout.names))
    parse = pc.ParseOptions(delimiter=layout.delimiter, newlines_in_values=b'"' in content)
    convert = pc.ConvertOptions(
        include_columns=None if names is None else list(names),
        column_types=types,
        timestamp_parsers=[],
        null_values=[""],
        decimal_point=layout.decimal,
    )
    try:
        return pc.read_csv(pa.BufferReader(content), read_options=read, parse_options=parse, convert_options=convert)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        inner = re.search(r"Row #(\d+): ?", str(error))
        where = f"in row {row + int(inner[1]) - 1:,}" if inner else f"after row {row:,}"
        said = re.sub(r"Row #\d+: ?|CSV (parse|conversion) error[^:]*: ", "", reason(error))
        raise InputError(
            f"{path} cannot be read {where} ({said}); wanted as many cells as columns, and numbers in those of vectors"
        ) from error


ENTRIES = dict.fromkeys(IDS, open_csv)
