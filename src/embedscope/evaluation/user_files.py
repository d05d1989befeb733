"""Judgements in files of a user's own: tables by the names of their columns, or by their order where they have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.compressed import inner_suffix
from embedscope.core.errors import InputError
from embedscope.core.regular import check_name, check_regular
from embedscope.datasets.tables import OBJECTS, PARQUET, find_name, is_number, objects, parquet_rows, read_delimited

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Wanted:
    """A column that is looked for: what it is, and what it may be called, best first."""

    what: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Rows of the wanted columns, and in words which columns they are."""

    rows: tuple[Row, ...]
    said: str


def read_columns(path: Path, wanted: Sequence[Wanted]) -> Found:
    """The ``wanted`` columns of a CSV, TSV, JSONL or Parquet file.

    Columns are found by their names, whatever the case of the letters. A CSV or TSV file without a header has them in
    the order in which they are wanted; its last wanted column then decides: a header is what is no number there, where
    numbers are wanted.

    Raises
    ------
    InputError
        if there is no such file, or a column is not found; the message says which there are.
    """
    check_name(str(path))
    if not path.exists():
        raise InputError(f"there is no file {path}; wanted a CSV, TSV, JSONL or Parquet file of judgements")
    check_regular(path)
    suffix = inner_suffix(path)
    if suffix in PARQUET | OBJECTS:
        records = [row for _, row in (parquet_rows if suffix in PARQUET else objects)(path)]
        names = list(dict.fromkeys(name for record in records for name in record))
        return _by_name(path, names, [[record.get(name) for name in names] for record in records], wanted)
    return _of_lines(path, wanted)


def _of_lines(path: Path, wanted: Sequence[Wanted]) -> Found:
    rows = [cells for _, cells in read_delimited(path).rows if not cells[0].startswith("#")]
    if not rows:
        raise InputError(f"{path} is empty; wanted lines of {', '.join(w.what for w in wanted)}")
    first = [cell.strip() for cell in rows[0]]
    places = [find_name(first, w.names) is not None for w in wanted]
    if (places[0] and places[-1]) or (sum(places) > 1 and not any(map(is_number, first))):
        return _by_name(path, first, rows[1:], wanted)
    short = next((i for i, row in enumerate(rows) if len(row) < len(wanted)), None)
    if short is not None:
        raise InputError(
            f"line {short + 1} of {path} has {len(rows[short])} columns, wanted {len(wanted)}: "
            f"{', '.join(w.what for w in wanted)}, divided by tabs or commas"
        )
    records = tuple(tuple(cell.strip() for cell in row[: len(wanted)]) for row in rows)
    return Found(records, f"the first {len(wanted)} columns of {path.name}")


def _by_name(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]], wanted: Sequence[Wanted]) -> Found:
    places = []
    for w in wanted:
        name = find_name(names, w.names)
        if name is None:
            raise InputError(
                f"{path} has no column of {w.what} ({', '.join(w.names[:4])}); its columns are {', '.join(names[:12])}"
            )
        places.append(names.index(name))
    cells = []
    for number, row in enumerate(rows, 1):
        if len(row) <= max(places) or any(row[i] is None or row[i] == "" for i in places):
            raise InputError(f"row {number} of {path} lacks a value in one of {', '.join(names[i] for i in places)}")
        cells.append(tuple(row[i].strip() if isinstance(row[i], str) else row[i] for i in places))
    return Found(tuple(cells), f"columns {', '.join(names[i] for i in places)} of {path.name}")
