"""Relevance judgements and texts with ids, in the formats of TREC and of BEIR."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import InputError


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
        raise InputError(f"{path} holds no judgements; wanted one a line, as in 'query 0 document grade'")
    queries, documents = zip(*found, strict=True)
    return Judgements(queries, documents, tuple(found.values()))


def read_texts(path: str | Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids and texts of a BEIR file of JSON lines with ``_id`` and ``text``; a ``title`` stands before the text.

    Raises
    ------
    InputError
        if a line is not such an object.
    """
    ids, texts = [], []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = str(row["_id"]), f"{row.get('title') or ''} {row['text']}".strip()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f'{path}, line {number}, is no JSON object with "_id" and "text" ({type(error).__name__}: {error}); '
                "wanted the format of BEIR"
            ) from error
        ids.append(name)
        texts.append(text)
    if not ids:
        raise InputError(f'{path} holds no texts; wanted JSON lines with "_id" and "text"')
    return tuple(ids), tuple(texts)


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} ({error}); wanted a UTF-8 text file") from error
