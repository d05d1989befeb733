"""Texts with ids: JSON lines of BEIR, and tables with the same columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.core.compressed import inner_suffix
from embedscope.core.errors import InputError
from embedscope.datasets.tables import (
    OBJECTS,
    PARQUET,
    Row,
    find_name,
    join_columns,
    objects,
    parquet_rows,
    read_delimited,
    single_object,
)

_ID = ("_id", "id", "doc-id", "document-id", "corpus-id", "docno", "query-id", "qid", "passage-id", "pid", "uuid")
_TEXT = ("text", "contents", "content", "passage", "document", "body", "sentence", "query", "question", "chunk")


def read_beir_texts(path: str | Path) -> dict[str, str]:
    """Texts by id, from JSON lines of BEIR (``_id``, ``text`` and perhaps ``title``, which comes first with a space).

    CSV, TSV, JSON and Parquet are read too; ids are ``_id``, ``id``, ``docid``, ..., texts ``text``, ``contents``, ...
    A TSV file without a header holds an id and a text per line. A text may be empty, as a few are in BEIR.

    Raises
    ------
    InputError
        if a row has no id or no text, an id comes twice, or there is no row.
    """
    texts: dict[str, str] = {}
    for number, name, text in _texts(_rows_of_texts(Path(path)), f"{path}, line", with_ids=True):
        if name in texts:
            raise InputError(f"{path}, line {number}, holds the id '{name}' twice; an id must name one text")
        texts[str(name)] = text
    if not texts:
        raise InputError(f'{path} holds no texts; wanted JSON lines with "_id" and "text"')
    return texts


def beir_texts_in(whole: Mapping[Any, str | Mapping[str, Any]], name: str) -> tuple[str, ...]:
    """The texts of {id: text}, as they are, or of {id: {"text": ..., "title": ...}}, as loaders of BEIR give a corpus.

    >>> beir_texts_in({"d1": {"title": "Cats", "text": "They purr."}}, "corpus")
    ('Cats They purr.',)
    """
    joined = _texts(_rows_of_mapping(whole), f"{name}, entry", with_ids=True)
    return tuple(v if isinstance(v, str) else text for v, (_, _, text) in zip(whole.values(), joined, strict=True))


def read_text_rows(path: str | Path) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Ids and texts of all rows of a table, as :func:`read_beir_texts`; the ids are None where a row has none."""
    rows = list(_texts(_rows_of_texts(Path(path)), f"{path}, line", with_ids=False))
    if not rows:
        raise InputError(f"{path} holds no texts; wanted a column or field called text")
    texts = tuple(text for _, _, text in rows)
    ids = tuple(name for _, name, _ in rows if name is not None)
    if len(ids) < len(rows):
        return None, texts
    if len(set(ids)) < len(ids):
        again = next(name for i, name in enumerate(ids) if name in ids[:i])
        raise InputError(f"{path} holds the id '{again[:60]}' twice; an id must name one text")
    return ids, texts


def is_text_table(path: str | Path) -> bool:
    """Whether a file of texts is a table by its suffix, and not one text per line.

    >>> is_text_table("corpus.jsonl"), is_text_table("texts.txt")
    (True, False)
    """
    return inner_suffix(path) in OBJECTS | PARQUET | {".csv", ".tsv"}


def _texts(rows: Iterator[Row], where: str, *, with_ids: bool) -> Iterator[tuple[int, str | None, str]]:
    """Number, id and text of every row, the text after its title; ``where`` is what messages call a row."""
    for number, row in rows:
        key, text = find_name(list(row), _ID), find_name(list(row), _TEXT)
        if text is None or (with_ids and (key is None or row[key] is None)):
            wanted = '"_id" and "text"' if with_ids else '"text"'
            raise InputError(
                f"{where} {number}, has no {wanted} but {join_columns(row)}; wanted them in every row, as in BEIR"
            )
        title = find_name(list(row), ("title",))
        for column in (text, title, key):
            if column is not None and isinstance(row[column], Mapping | list):
                raise InputError(
                    f"{where} {number}, holds {'a list' if isinstance(row[column], list) else 'an object'} in "
                    f"{column}; wanted a text"
                )
        parts = [_clean(row[name]) for name in (title, text) if name is not None]
        name = None if key is None or row[key] is None else str(row[key]).strip()
        yield number, name, " ".join(part for part in parts if part)


def _rows_of_texts(path: Path) -> Iterator[Row]:
    suffix = inner_suffix(path)
    if suffix in PARQUET:
        return parquet_rows(path)
    if suffix in {".csv", ".tsv"}:
        return _rows_of_cells(path)
    whole = single_object(path, (dict, list, str))
    if whole is None or (find_name(list(whole), _TEXT) is not None and find_name(list(whole), _ID) is not None):
        return objects(path)
    return _rows_of_mapping(whole)


def _rows_of_mapping(whole: Mapping[Any, Any]) -> Iterator[Row]:
    """The rows of {id: text}, or of {id: {"text": ..., "title": ...}}."""
    for number, (name, row) in enumerate(whole.items(), 1):
        values = row if isinstance(row, Mapping) else {"text": row} if isinstance(row, str) else {}
        yield number, {**values, "_id": name}


def _rows_of_cells(path: Path) -> Iterator[Row]:
    table = read_delimited(path, "\t" if inner_suffix(path) == ".tsv" else None)
    names: Sequence[str] = ()
    for number, cells in table.rows:
        if not names:
            if find_name(cells, _TEXT) is not None:
                names = cells
                continue
            if inner_suffix(path) == ".csv" or len(cells) > 2:
                raise InputError(
                    f"{path} has no column of texts in its first line, but {', '.join(cells[:12])[:200]}; call one text"
                )
            names = ("_id", "text")[-len(cells) :]
        if len(cells) != len(names):
            raise InputError(f"{path}, line {number}, has {len(cells)} columns; wanted {', '.join(names[:12])[:200]}")
        yield number, dict(zip(names, cells, strict=True))


def _clean(value: Any) -> str:
    return "" if value is None else str(value).strip()
