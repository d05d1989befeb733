"""Relevance judgements and the texts they are about, from files that the user names (TREC, BEIR)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Qrels, TextTable
from embedscope.datasets._fetch import file_sha256
from embedscope.datasets.id_texts import read_beir_texts
from embedscope.datasets.qrels import read_qrels as read_judgements
from embedscope.datasets.text import distinct

Judgements = Mapping[str, Mapping[str, float]]
"""Grade by query id and document id."""


def read_qrels(path: str | Path) -> dict[str, dict[str, float]]:
    """Grades by query and document, from TREC (``query iteration document grade``) or BEIR (three columns, header).

    Raises
    ------
    InputError
        if a line has another number of columns, a grade is no number, or a document is judged twice with two grades.
    """
    judged = read_judgements(path)
    judgements: dict[str, dict[str, float]] = {}
    for query, document, grade in zip(judged.query, judged.document, judged.grade, strict=True):
        judgements.setdefault(query, {})[document] = grade
    return judgements


def retrieval_files(queries: str | Path, corpus: str | Path, qrels: str | Path) -> Data:
    """Tables ``queries`` and ``corpus`` of distinct texts and their judgements ``qrels``, from files of BEIR.

    Documents with the same text share a row. Queries without a judgement are kept in the table.

    Raises
    ------
    InputError
        if a judgement names an id that neither file has.
    """
    texts = {"queries": read_beir_texts(queries), "corpus": read_beir_texts(corpus)}
    paths = (Path(queries), Path(corpus), Path(qrels))
    return judged_texts(Path(corpus).parent.name, texts, read_qrels(qrels), {p.name: file_sha256(p) for p in paths})


def judged_texts(
    name: str, texts: Mapping[str, Mapping[str, str]], judged: Judgements, checksums: Mapping[str, str]
) -> Data:
    """Data of ``texts["queries"]`` and ``texts["corpus"]``, texts by id, with the judgements ``judged``."""
    row = {table: distinct(by_id.values()) for table, by_id in texts.items()}
    best: dict[tuple[int, int], float] = {}
    for query, grades in judged.items():
        for document, grade in grades.items():
            pair = (_row(row, texts, "queries", query), _row(row, texts, "corpus", document))
            best[pair] = max(grade, best.get(pair, grade))
    tables = {
        table: TextTable(tuple(index), "sentence" if table == "queries" else "document") for table, index in row.items()
    }
    return Data(name, tables, {"qrels": qrels_over("queries", "corpus", best)}, checksums)


def qrels_over(queries: str, corpus: str, grades: Mapping[tuple[int, int], float]) -> Qrels:
    """Judgements over two tables from grades by (row of a query, row of a document)."""
    both = np.array(list(grades), dtype=np.intp).reshape(-1, 2)
    return Qrels(queries, corpus, both[:, 0], both[:, 1], np.array(list(grades.values()), dtype=np.float64))


def _row(row: Mapping[str, Mapping[str, int]], texts: Mapping[str, Mapping[str, str]], table: str, name: str) -> int:
    if name not in texts[table]:
        raise InputError(f"the judgements name {name!r}, which is not among the {len(texts[table])} ids of the {table}")
    return row[table][texts[table][name]]
