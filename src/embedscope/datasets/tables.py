"""Tables of texts and judgements: CSV, TSV, JSON lines, JSON and Parquet, as rows of named columns."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.compressed import CODECS, decompress_bytes, inner_suffix
from embedscope.core.errors import InputError
from embedscope.core.regular import check_regular
from embedscope.datasets.text import lines

Row = tuple[int, Mapping[str, Any]]
"""Number of a line or row, from 1 on, and its values by the names of the columns."""

OBJECTS = frozenset({".jsonl", ".ndjson", ".json"})
PARQUET = frozenset({".parquet"})
_PACKED = {codec.magic: f"{codec.name}-compressed; end its name in {end}" for end, codec in CODECS.items()}
_PACKED |= {b"PK\x03\x04": "a zip archive; unpack it and pass the text file inside"}
_CELL = 1 << 24
_ENCLOSED = r'(?:^|(?<=\t))"(?:[^"\n]|"")*"(?=[\t\r\n]|\Z)'


def read_text(path: str | Path, wanted: str = "a UTF-8 text file") -> str:
    """The text of a regular file in UTF-8, without a byte order mark; decompressed where its name says so.

    Raises
    ------
    InputError
        if there is no such file, or it is no UTF-8, damaged, or compressed without saying so.
    """
    content = read_content(path, wanted)
    packed = next((what for head, what in _PACKED.items() if content.startswith(head)), None)
    if packed:
        raise InputError(f"{path} is {packed}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start:,}); wanted {wanted}") from error


def read_content(path: str | Path, wanted: str = "a regular file") -> bytes:
    """The bytes of a regular file, decompressed where its name ends in .gz, .bz2, .xz or .zst."""
    path = Path(path)
    check_regular(path)
    try:
        return decompress_bytes(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror or error}); wanted {wanted}") from error


def objects(path: str | Path) -> Iterator[Row]:
    """The objects of JSON lines, or of one JSON array of objects, with their numbers."""
    text = read_text(path)
    if text.lstrip()[:1] == "[":
        for number, row in enumerate(_whole(path, text), 1):
            yield number, _object(path, f"entry {number}", row)
        return
    for number, line in enumerate(lines(text), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}, line {number}, is no JSON ({error}); wanted one object per line") from error
            yield number, _object(path, f"line {number}", row)


def _whole(path: str | Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON ({error}); wanted an array of objects, or one object per line") from error


def _object(path: str | Path, where: str, row: Any) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f"{path}, {where}, is no JSON object; wanted one object per line")
    return row


def single_object(path: str | Path, values: tuple[type, ...] = (dict, list)) -> Mapping[str, Any] | None:
    """The one object of a ``.json`` file whose ``values`` are of these types; None where it is something else."""
    text = read_text(path)
    if inner_suffix(path) != ".json" or text.lstrip()[:1] != "{":
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None  # objects line by line
    return parsed if isinstance(parsed, dict) and all(isinstance(v, values) for v in parsed.values()) else None


def parquet_rows(path: str | Path) -> Iterator[Row]:
    """The rows of a Parquet file with the numbers of the rows."""
    import pyarrow.parquet as pq

    content = read_content(path)
    try:
        table = pq.read_table(io.BytesIO(content))
        rows = table.to_pylist()
    except Exception as error:  # pyarrow raises what it likes on damaged files
        raise InputError(f"{path} is no readable Parquet file; write it again") from error
    yield from enumerate(rows, 1)


@dataclass(frozen=True)
class Lines:
    """Cells of every line of a text file that is not blank, with the numbers of the lines.

    Attributes
    ----------
    delimiter : what separates the cells; a space where they are words
    """

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str


def read_delimited(path: str | Path, delimiter: str | None = None) -> Lines:
    """Cells of a text file separated by tabs, commas or semicolons, whichever its first line has, or by spaces.

    Cells between commas or semicolons may be quoted, and then hold the delimiter and line breaks. Between tabs double
    quotes enclose cells where each encloses a whole one, and are text otherwise.

    Parameters
    ----------
    delimiter : what separates the cells, a space for words; None finds it
    """
    text = read_text(path)
    if delimiter is None:
        first = next((line for line in lines(text) if line.strip() and not line.startswith("#")), "")
        delimiter = next((mark for mark in ("\t", ",", ";") if mark in first), " ")
    if delimiter in {",", ";"} or (delimiter == "\t" and _enclose_cells(text)):
        return Lines(tuple(_read_quoted(path, text, delimiter)), delimiter)
    by = None if delimiter == " " else delimiter
    rows = enumerate(lines(text), 1)
    return Lines(tuple((number, tuple(line.split(by))) for number, line in rows if line.strip()), delimiter)


def _enclose_cells(text: str) -> bool:
    r"""Whether double quotes are there, and each encloses a whole cell between tabs or is doubled inside one.

    >>> _enclose_cells('"a" \t"b"'), _enclose_cells('"a"\tb'), _enclose_cells('a\tsay "hi"')
    (False, True, False)
    """
    n = text.count('"')
    return n > 0 and n == sum(cell[0].count('"') for cell in re.finditer(_ENCLOSED, text, re.MULTILINE))


def _read_quoted(path: str | Path, text: str, delimiter: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    limit = csv.field_size_limit(_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, tuple(cells)
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {number}, is no CSV ({error}); close its quotes and write it again") from error
    finally:
        csv.field_size_limit(limit)


def find_name(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The first of the ``wanted`` names that stands in ``names``; case, spaces, ``-`` and ``_`` do not matter.

    >>> find_name(["Query ID", "doc"], ["query-id"])
    'Query ID'
    """
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[_plain(name)] for name in wanted if _plain(name) in plain), None)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, as Python reads one.

    >>> is_number("1e-3"), is_number("grade")
    (True, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")


def join_columns(row: Mapping[str, Any]) -> str:
    """Names of the columns of a row, at most twelve, with the count of the others."""
    names = [name[:20] for name in sorted(map(str, row))]
    return f"{names[:12]}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
