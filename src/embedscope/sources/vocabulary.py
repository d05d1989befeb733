"""Candidates of analogies: the words of the data set, or the first words of a file of word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embedscope.core.tables import Data, Matches, Quadruples, Relation, TextTable


def with_vocabulary(data: Data, table: str, vocabulary: Sequence[str]) -> Data:
    """``data`` with ``vocabulary`` in front of the words of ``table``, its relations following their words."""
    index = {word: i for i, word in enumerate(dict.fromkeys(vocabulary))}
    words = data.tables[table].texts
    moved = np.array([index.setdefault(word, len(index)) for word in words], dtype=np.intp)
    relations: dict[str, Relation] = {}
    for name, relation in data.relations.items():
        if isinstance(relation, Quadruples) and relation.table == table:
            relations[name] = replace(relation, rows=moved[relation.rows])
        elif isinstance(relation, Matches) and relation.left_table == relation.right_table == table:
            relations[name] = replace(relation, left=moved[relation.left], right=moved[relation.right])
    tables = {**data.tables, table: TextTable(tuple(index), data.tables[table].unit)}
    return Data(data.name, tables, relations, data.checksums, data.images)


def first_words(vectors: Any, limit: int) -> Any:
    """Word vectors with the first ``limit`` words alone."""
    if len(vectors.vocabulary) <= limit:
        return vectors
    return replace(vectors, vocabulary=vectors.vocabulary[:limit], x=vectors.x[:limit])
