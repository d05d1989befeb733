"""``.csv`` and ``.tsv`` files: one column per coordinate, or vectors written as strings, beside ids and texts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason, shorten_name
from embedscope.core.errors import InputError
from embedscope.readers._column_names import gaps, may_be_coordinate, no_rows
from embedscope.readers._column_values import looks_like_vector
from embedscope.readers._lines import Runs, lines_between, runs_of_lines
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.paths import Place

IDS = ("csv", "tsv")

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
_DECIMAL_COMMA = r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*"
_FIRST = 1 << 24
_QUOTES = (
    "has double quotes that do not enclose whole cells, and rows with other numbers of cells where they are read as "
    "they are; enclose such cells, and double the quotes inside"
)


@dataclass(frozen=True)
class _Layout:
    """Where the lines lie, what parts their cells, and what the columns are called."""

    runs: Runs
    delimiter: str
    names: tuple[str, ...]
    decimal: str = "."


def open_csv(path: Place, key: str | None = None) -> Stream:
    """The vectors of a table: columns NAME0, NAME1, ..., or a column of strings ``[0.1, 0.2]``.

    The first line names the columns; where it holds a vector, fractions in most cells, or a number in every cell but
    perhaps the first, there are no names: coordinates are called 0, 1, ..., the first of the others ``id`` where it
    stands in front or is of whole numbers before fractions. Numbers are read as float64. The cells are separated by
    what the first line has most of: commas, tabs, semicolons or vertical bars; where that is no comma, numbers may have
    a decimal comma. A first line ``sep=;`` of Excel says it. Double quotes enclose cells, unless one stands inside a
    cell without being doubled: then they are part of the text.
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
        if not cells[0] and "index" not in cells:
            cells[0] = "index"  # that of a pandas data frame has no name
    else:
        notes.append("no line of column names")
    runs = runs_of_lines(path, start, delimiter)
    if not runs.rows:
        raise no_rows(path)
    if not runs.quoted:
        notes.append("double quotes are part of the cells")
    if not named:
        cells, note = _names_by_place(path, _Layout(runs, delimiter, tuple(cells), decimal))
        notes += note
    layout = _Layout(runs, delimiter, tuple(cells), decimal)
    schema = _schema(path, layout)
    try:
        return column_stream(
            path, schema, runs.rows, _tables, key, places=runs.starts, layout=layout, notes=notes, held=_held_bytes
        )
    except InputError as error:
        if not runs.quoted:
            raise InputError(f"{path} {_QUOTES}") from error
        lacking = gaps(schema) if "has no column of vectors" in str(error) else ""
        raise (InputError(f"{path} has no vectors: {lacking}; write all coordinates") if lacking else error) from None


def _held_bytes(stream: ColumnStream) -> int:
    layout: _Layout = stream.layout
    return layout.runs.held


def _names_by_place(path: Place, layout: _Layout) -> tuple[list[str], list[str]]:
    """Names of columns without any, whose first row is the names of ``layout``, and what must be known of them."""
    cells = layout.names
    numbers = [_is_number(cell.replace(",", ".") if layout.decimal == "," else cell) for cell in cells]
    if numbers[0] and _counts_rows(path, replace(layout, names=_bare_names(cells, numbers))):
        return list(_bare_names(cells, [False, *numbers[1:]])), ["ids from the first column, of whole numbers"]
    return list(_bare_names(cells, numbers)), []


def _bare_names(cells: Sequence[str], numbers: Sequence[bool]) -> tuple[str, ...]:
    """Names of columns without any: 0, 1, ... for ``numbers``, ``vectors`` for a vector, ``id`` for the first of all.

    >>> _bare_names(["a", "0.5", "2", "b c"], [False, True, True, False])
    ('id', '0', '1', 'column 4')
    """
    names, coordinate = [], 0
    for i, (cell, number) in enumerate(zip(cells, numbers, strict=True)):
        if number:
            names.append(str(coordinate))
            coordinate += 1
        elif looks_like_vector(cell) and "vectors" not in names:
            names.append("vectors")
        else:
            names.append(f"column {i + 1}" if i else "id")
    return tuple(names)


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
        raise InputError(f"{path} begins with a comment ({shorten_name(line[:40])}); delete that line")
    if not line.strip():
        raise no_rows(path) if not head.strip() else InputError(f"{path} begins with an empty line; delete it")
    return line, end + 1


def _delimiter(path: Place, line: str, usual: str) -> str:
    """What separates the cells of a first line: what it has most of, but for commas inside numbers."""
    counts = {mark: _outside(line).count(mark) for mark in (usual, *_DELIMITERS)}
    for mark in _DELIMITERS:
        if mark != "," and counts[mark] and _have_decimal_commas(_cells(path, line, mark)):
            return mark
    most = max(counts, key=lambda mark: counts[mark])
    return most if counts[most] else usual


def _have_decimal_commas(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers with a comma in place of the point."""
    return sum(re.fullmatch(_DECIMAL_COMMA, cell) is not None for cell in cells) * 2 > len(cells)


def _outside(line: str) -> str:
    """A line without what stands between quotes, and without vectors between brackets."""
    return re.sub(r"\[[^\]]*\]", "", "".join(line.split('"')[::2]))


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
    """Whether a first row holds data: a vector, fractions in most cells, or numbers in all cells after the first.

    The numbers 0, 1, 2, ... are names, and so are 1, 2, ... after a first cell that is no number.
    """
    if any(map(looks_like_vector, cells)):
        return True
    fractions = sum(_is_number(cell) and "." in cell for cell in cells)
    if fractions > 1 and 2 * fractions > len(cells):
        return True
    if len(cells) < 2 or not all(map(_is_number, cells[1:])):
        return False
    named = not _is_number(cells[0])
    numbered = [cell.strip() for cell in cells[named:]]
    first = int(numbered[0]) if numbered[0].isdecimal() else -1
    return not 0 <= first <= named or numbered != [str(first + i) for i in range(len(numbered))]


def _decimal_comma(path: Place, head: bytes, after: int, delimiter: str) -> bool:
    """Whether the numbers of the second line, or of the only one, have a comma in place of the point."""
    rest = head[after:].lstrip(b"\r\n")
    line, _ = _first_line(path, rest if rest else head)
    return _have_decimal_commas(_cells(path, line, delimiter))


def _counts_rows(path: Place, layout: _Layout) -> bool:
    """Whether the first column is of whole numbers and all others of fractions: they are ids, not coordinates."""
    import pyarrow.types as pt

    first, *others = _table(path, lines_between(path, layout.runs.bounds(0)), layout, None, None, 0).schema
    kinds = [field.type for field in others if field.name.isdecimal() or field.name == "vectors"]
    return bool(pt.is_integer(first.type) and kinds and not any(map(pt.is_integer, kinds)))


def _schema(path: Place, layout: _Layout) -> Any:
    """Names and types of the columns: numbers are float64, whatever else is text, as ids like 007 need it."""
    import pyarrow as pa

    content = lines_between(path, layout.runs.bounds(0))
    schema = _table(path, content, layout, None, None, 0).schema
    fields = []
    for field in schema:
        kind = field.type
        if pa.types.is_integer(kind) and may_be_coordinate(field.name):
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
                f"{stream.path} has {stream.sizes[i]:,} lines after row {row:,} and {table.num_rows:,} rows; it "
                f"{_QUOTES}"
            )
        yield from table.combine_chunks().to_batches(max_chunksize=rows)
        row += table.num_rows


def _table(path: Place, content: bytes, layout: _Layout, names: Sequence[str] | None, types: Any, row: int) -> Any:
    """The rows of some lines, the first of which is row ``row``; the columns ``names``, or all."""
    import pyarrow as pa
    import pyarrow.csv as pc

    read = pc.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=list(layout.names))
    quoted = layout.runs.quoted
    parse = pc.ParseOptions(
        delimiter=layout.delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted and b'"' in content
    )
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
        if not quoted:
            raise InputError(f"{path} {_QUOTES}") from error
        if "invalid UTF8" in str(error):
            raise InputError(f"{path} is no text in UTF-8, after row {row:,}; save it as UTF-8") from error
        inner = re.search(r"Row #(\d+): ?", str(error))
        where = f"in row {row + int(inner[1]) - 1:,}" if inner else f"after row {row:,}"
        said = re.sub(r"Row #\d+: ?|CSV (parse|conversion) error[^:]*: ", "", reason(error))
        raise InputError(
            f"{path} cannot be read {where} ({said}); wanted as many cells as columns, and numbers in those of vectors"
        ) from error


ENTRIES = dict.fromkeys(IDS, open_csv)
