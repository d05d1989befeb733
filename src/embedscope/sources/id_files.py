"""Text files with one entry per row (ids, groups, labels), and those that lie beside files of vectors."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.compressed import inner_name, inner_suffix
from embedscope.core.errors import InputError
from embedscope.core.wording import count
from embedscope.readers import facts_of, file_of, join_first, source_of


def is_text_table(path: str | Path) -> bool:
    """Whether a file has columns by its suffix: CSV, TSV or JSON.

    >>> is_text_table("meta.csv.gz"), is_text_table("groups.txt")
    (True, False)
    """
    return inner_suffix(path) in {".csv", ".tsv", ".jsonl", ".ndjson", ".json"}


def read_entries(path: str | Path, what: str) -> list[str]:
    """Entries of a UTF-8 text file with one ``what`` (id, group, label) per line, without spaces at their ends.

    Raises
    ------
    InputError
        if it cannot be read, is a table of several columns, or a line is empty: rows without an id or a group would
        belong together.
    """
    from embedscope.datasets.tables import OBJECTS, read_text
    from embedscope.datasets.text import lines

    columns = _columns(path) if is_text_table(path) else []
    if len(columns) > 1:
        raise InputError(
            f"{path} is a table with the columns {join_first(columns)}; name the one with the {what}s, as in "
            f"{path}::{columns[0]}"
        )
    if columns and inner_suffix(path) in OBJECTS:
        return read_table_entries(path, columns[0], what)
    entries = [line.strip() for line in lines(read_text(path, f"UTF-8 text, one {what} per line"))]
    if "" in entries:
        raise InputError(f"line {entries.index('') + 1:,} of {path} is empty; wanted one {what} per line")
    return entries


def read_table_entries(path: str | Path, column: str, what: str) -> list[str]:
    """Entries of the ``column`` of a CSV or TSV file with a header, or of JSON lines, one ``what`` for every row.

    Raises
    ------
    InputError
        if it cannot be read, has no such column, or a row has no entry.
    """
    from embedscope.datasets.tables import OBJECTS, objects

    columns = _columns(path)
    check_column(path, column, columns)
    if inner_suffix(path) in OBJECTS:
        values = [row.get(column) for _, row in objects(path)]
    else:
        place = columns.index(column)
        values = [row[place].strip() if len(row) > place else None for row in _cells(path)[1:]]
    return whole_column(values, f"column {column} of {path}", what)


def check_column(path: str | Path, column: str, columns: Sequence[str]) -> None:
    """Raise ``InputError`` where ``column`` is none of the ``columns`` of a table."""
    if column not in columns:
        near = difflib.get_close_matches(column, columns, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(f"{path} has no column '{column}'; {hint}its columns are {join_first(columns)}")


def _columns(path: str | Path) -> list[str]:
    """Names of the columns: the cells of the first line, or the fields of the objects."""
    from embedscope.datasets.tables import OBJECTS, objects

    if inner_suffix(path) in OBJECTS:
        return list(dict.fromkeys(str(name) for _, row in objects(path) for name in row))
    return [name.strip() for name in next(iter(_cells(path)), ())]


def _cells(path: str | Path) -> list[tuple[str, ...]]:
    from embedscope.datasets.tables import read_delimited

    table = read_delimited(path, "\t" if inner_suffix(path) == ".tsv" else None)
    if table.delimiter == " ":  # one column, whose entries may hold spaces
        table = read_delimited(path, ",")
    return [cells for _, cells in table.rows]


def whole_column(values: Sequence[Any], column: str, what: str) -> list[str]:
    """The ``values`` of a column as strings; ``InputError`` where a row has none (null, nan or an empty cell)."""
    missing = [row for row, value in enumerate(values) if value is None or value == "" or value != value]  # noqa: PLR0124
    if missing:
        raise InputError(
            f"{column} has no {what} in {count(len(missing), 'row')}, first in row {missing[0]:,}; give every row one"
        )
    return [str(value) for value in values]


def default_id_file(path: Path) -> Path:
    """Where the ids of ``path`` lie by default.

    >>> str(default_id_file(Path("vectors/part-0.npy"))), str(default_id_file(Path("docs.jsonl.gz")))
    ('vectors/part-0.ids.txt', 'docs.ids.txt')
    """
    return path.with_name(f"{Path(inner_name(path.name)).stem}.ids.txt")


def id_files(source: str, stream: Stream) -> tuple[Path, ...]:
    """The files of ids beside ``source``: one for all of its rows, or one beside each of its files; empty without any.

    Raises
    ------
    InputError
        if some of its files have one and others do not.
    """
    whole = default_id_file(file_of(source))
    if whole.exists():
        return (whole,)
    each = [default_id_file(file) for file in map(source_of, facts_of(stream).files) if isinstance(file, Path)]
    files = [file for file in each if file.exists()]
    if 0 < len(files) < len(each):
        first = next(file for file in each if not file.exists())
        raise InputError(
            f"{len(files):,} of the {len(each):,} files of {source} have their ids beside them and {first.name} is "
            f"missing; write it, or all ids to {whole}"
        )
    return tuple(files)
