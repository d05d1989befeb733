"""Relevance judgements and texts with ids, in the formats of TREC and of BEIR."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.datasets._text import lines


@dataclass(frozen=True)
class Judgements:
    """``grade`` (p,) of document id ``document`` (p,) for query id ``query`` (p,)."""

    query: tuple[str, ...]
    document: tuple[str, ...]
    grade: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.grade)


def read_qrels(path: str | Path) -> Judgements:
    """Judgements of a file: TREC (``query 0 document grade``) or BEIR (query, document, grade by tabs, with a header).

    Raises
    ------
    InputError
        if the file cannot be read, a line has another form, or a document is judged twice for one query.
    """
    found: dict[tuple[str, str], float] = {}
    for number, line in enumerate(_lines(path), 1):
        parts = line.split("\t") if line.count("\t") == 2 else line.split()
        if not line.strip() or (number == 1 and parts[0].strip().lower() in {"query-id", "query_id", "qid"}):
            continue
        if len(parts) not in (3, 4):
            raise InputError(
                f"{path}, line {number}, has {len(parts)} columns; wanted 'query 0 document grade' (TREC) or query, "
                "document and grade separated by tabs (BEIR)"
            )
        key = parts[0].strip(), parts[-2].strip()
        try:
            grade = float(parts[-1])
        except ValueError as error:
            raise InputError(f"{path}, line {number}, grades with '{parts[-1].strip()}'; wanted a number") from error
        if found.get(key, grade) != grade:
            raise InputError(f"{path}, line {number}, judges {key[1]} for {key[0]} again, otherwise; keep one line")
        found[key] = grade
    if not found:
        raise InputError(f"{path} holds no judgements; wanted one per line, as in 'query 0 document grade'")
    queries, documents = zip(*found, strict=True)
    return Judgements(queries, documents, tuple(found.values()))


def read_beir_texts(path: str | Path) -> dict[str, str]:
    """Texts by id from JSON lines with ``_id``, ``text`` and perhaps ``title``, which comes first with a blank.

    A text may be empty, as a few are in BEIR.

    Raises
    ------
    InputError
        if a line is no such object, an id comes twice, or there is no line.
    """
    found: dict[str, str] = {}
    for number, row in json_lines(path):
        if "_id" not in row or "text" not in row:
            raise InputError(
                f'{path}, line {number}, has no "_id" and "text" but {sorted(row)}; wanted the format of BEIR'
            )
        name, parts = str(row["_id"]), (str(row.get(key) or "").strip() for key in ("title", "text"))
        if name in found:
            raise InputError(f"{path}, line {number}, holds the id '{name}' twice; an id must name one text")
        found[name] = " ".join(part for part in parts if part)
    if not found:
        raise InputError(f'{path} holds no texts; wanted JSON lines with "_id" and "text"')
    return found


def json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and object of every line that is not blank."""
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path}, line {number}, is no JSON ({error}); wanted one object per line") from error
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}, is no JSON object; wanted one object per line")
            yield number, row


def _lines(path: str | Path) -> list[str]:
    try:
        return lines(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} ({error}); wanted a UTF-8 text file") from error
