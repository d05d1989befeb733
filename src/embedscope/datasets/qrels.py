"""Relevance judgements: the formats of TREC and BEIR, and tables with their columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.compressed import inner_suffix
from embedscope.core.errors import InputError
from embedscope.datasets.tables import (
    OBJECTS,
    PARQUET,
    Lines,
    Row,
    find_name,
    is_number,
    join_columns,
    objects,
    parquet_rows,
    read_delimited,
    single_object,
)

_QUERY = ("query-id", "qid", "q-id", "query", "topic-id", "topic", "question-id")
_DOCUMENT = ("corpus-id", "doc-id", "document-id", "docno", "did", "pid", "passage-id", "document", "doc")
_GRADE = ("score", "relevance", "rel", "grade", "label", "judgement", "judgment", "relevance-score", "relevance-label")
_COLUMNS = "query id, document id and grade"
_RUN_COLUMNS = 6

_Judgement = tuple[int, str, str, Any]
"""Number of the line, id of the query, id of the document, grade."""


@dataclass(frozen=True)
class Judgements:
    """``grade`` (p,) of document id ``document`` (p,) for query id ``query`` (p,)."""

    query: tuple[str, ...]
    document: tuple[str, ...]
    grade: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.grade)


def read_qrels(path: str | Path) -> Judgements:
    """Judgements of a file of TREC (``query 0 document grade``), of BEIR (tabs, with a header), or a table.

    Tables are CSV, TSV, JSON lines and Parquet; their columns are found by name (``query-id``, ``qid``, ...;
    ``corpus-id``, ``doc_id``, ...; ``score``, ``relevance``, ...). A ``.json`` file may be
    ``{query: {document: grade}}``. Lines that begin with ``#`` are comments.

    Raises
    ------
    InputError
        if the file cannot be read, a line has another form, or a document is judged twice for one query.
    """
    grades: dict[tuple[str, str], float] = {}
    for number, query, document, given in _judgements(Path(path)):
        try:
            grade = math.nan if isinstance(given, bool) else float(given)
        except (TypeError, ValueError):
            grade = math.nan
        if not math.isfinite(grade):
            raise InputError(f"{path}, line {number}, grades with '{str(given).strip()}'; wanted a number")
        key = query.strip(), document.strip()
        if grades.get(key, grade) != grade:
            raise InputError(f"{path}, line {number}, judges {key[1]} for {key[0]} again, otherwise; keep one line")
        grades[key] = grade
    if not grades:
        raise InputError(f"{path} holds no judgements; wanted one per line, as in 'query 0 document grade'")
    queries, documents = zip(*grades, strict=True)
    return Judgements(queries, documents, tuple(grades.values()))


def _judgements(path: Path) -> Iterator[_Judgement]:
    suffix = inner_suffix(path)
    if suffix in PARQUET:
        return _of_rows(path, parquet_rows(path))
    if suffix not in OBJECTS:
        return _of_lines(path)
    whole = single_object(path)
    return _of_rows(path, objects(path)) if whole is None else _of_mapping(path, whole)


def _of_rows(path: Path, rows: Iterator[Row]) -> Iterator[_Judgement]:
    for number, row in rows:
        keys = _columns(list(row))
        if keys is None:
            raise InputError(f"{path}, line {number}, has the fields {join_columns(row)}; wanted {_COLUMNS}")
        query, document, grade = (row[key] for key in keys)
        if query is None or document is None:
            raise InputError(f"{path}, line {number}, has no id of its {'query' if query is None else 'document'}")
        yield number, str(query), str(document), grade


def _of_mapping(path: Path, whole: Mapping[str, Any]) -> Iterator[_Judgement]:
    for number, (query, judged) in enumerate(whole.items(), 1):
        if isinstance(judged, list):
            raise InputError(f"{path} lists documents of {query} without grades; wanted {{query: {{document: grade}}}}")
        for document, grade in judged.items():
            yield number, query, document, grade


def _of_lines(path: Path) -> Iterator[_Judgement]:
    table = read_delimited(path)
    if table.delimiter in {",", ";"} and _are_words(table):
        table = read_delimited(path, " ")
    columns: tuple[int, ...] | None = None
    first = True
    for number, cells in table.rows:
        tabs = table.delimiter == "\t"
        parts = cells if not tabs or columns or len(cells) in (3, 4) else tuple(" ".join(cells).split())
        if parts[0] == "#" or (parts[0].startswith("#") and (len(parts) not in (3, 4) or not is_number(parts[-1]))):
            continue
        names = _columns(parts) if first else None
        first = False
        if names is not None and not is_number(parts[-1]):
            columns = tuple(parts.index(name) for name in names)
            continue
        if columns is not None and len(parts) > max(columns):
            yield number, parts[columns[0]], parts[columns[1]], parts[columns[2]]
        elif columns is None and len(parts) in (3, 4):
            yield number, parts[0], parts[-2], parts[-1]
        else:
            raise InputError(f"{path}, line {number}, has {len(parts)} columns; {_advice(parts)}")


def _are_words(table: Lines) -> bool:
    """Whether a first line with commas is one of TREC all the same: three or four words, the last a number."""
    if not table.rows:
        return False
    words = table.delimiter.join(table.rows[0][1]).split()
    ended = any(word.endswith(table.delimiter) for word in words)  # a comma with a space after it separates cells
    return len(words) in (3, 4) and is_number(words[-1]) and not ended


def _advice(parts: Sequence[str]) -> str:
    if len(parts) == _RUN_COLUMNS and is_number(parts[3]) and is_number(parts[4]):
        return "it looks like a run, the results of a search (query Q0 document rank score name); wanted judgements"
    return (
        "wanted 'query 0 document grade' (TREC), or query, document and grade separated by tabs (BEIR) or commas "
        "(with a header)"
    )


def _columns(names: Sequence[str]) -> tuple[str, str, str] | None:
    """Names of the columns of queries, documents and grades; None where one of them is not there."""
    columns = find_name(names, _QUERY), find_name(names, _DOCUMENT), find_name(names, _GRADE)
    return None if None in columns else columns  # type: ignore[return-value]
