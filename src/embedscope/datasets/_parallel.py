"""Parallel texts from files that the user names: two files line by line, or two columns of one table."""

from __future__ import annotations

import gzip
from pathlib import Path

from embedscope.core.errors import InputError
from embedscope.core.regular import check_ends
from embedscope.core.tables import Data, TextTable
from embedscope.datasets._captions import matches
from embedscope.datasets._fetch import file_sha256
from embedscope.datasets.text import distinct, lines


def parallel_files(left: str | Path, right: str | Path | None = None, columns: tuple[int, int] = (0, 1)) -> Data:
    """Texts that say the same: line i of ``left`` and of ``right``, or two ``columns`` of one tab-separated file.

    Tables ``left`` and ``right`` have the distinct texts, relation ``parallel`` the pairs. Files may be packed (.gz). A
    line that is blank on one side belongs to nothing and is an error. No line is taken for a header.

    Raises
    ------
    InputError
        if the files differ in length, a column is missing, or a line is blank.
    """
    first, second = Path(left), Path(right) if right is not None else None
    texts = (_lines(first), _lines(second)) if second is not None else _columns(first, columns)
    if len(texts[0]) != len(texts[1]):
        raise InputError(
            f"{first} has {len(texts[0])} lines and {second} {len(texts[1])}; parallel files need the same number"
        )
    for i, pair in enumerate(zip(*texts, strict=True)):
        if not all(text.strip() for text in pair):
            raise InputError(f"line {i + 1} of {first} and its partner are {pair}: one is blank; remove both")
    if not texts[0]:
        raise InputError(f"{first} is empty; wanted one text per line")
    return _data(first.name, texts, {p.name: file_sha256(p) for p in (first, second) if p is not None})


def _data(name: str, texts: tuple[list[str], list[str]], checksums: dict[str, str]) -> Data:
    left, right = (distinct(side) for side in texts)
    pairs = [(left[a], right[b]) for a, b in zip(*texts, strict=True)]
    tables = {"left": TextTable(tuple(left), "sentence"), "right": TextTable(tuple(right), "sentence")}
    return Data(name, tables, {"parallel": matches("left", "right", pairs)}, checksums)


def _columns(path: Path, columns: tuple[int, int]) -> tuple[list[str], list[str]]:
    rows = [line.split("\t") for line in _lines(path)]
    short = next((i for i, row in enumerate(rows) if len(row) <= max(columns)), None)
    if short is not None:
        raise InputError(f"line {short + 1} of {path} has {len(rows[short])} columns, wanted columns {columns}")
    return [row[columns[0]] for row in rows], [row[columns[1]] for row in rows]


def _lines(path: Path) -> list[str]:
    check_ends(path)
    try:
        raw = path.read_bytes()
        return lines((gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(f"{path} is no readable file of UTF-8 text ({error})") from error
