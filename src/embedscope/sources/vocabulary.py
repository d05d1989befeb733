"""Candidates of analogies: the words of the data set, or the first words of a file of word vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from embedscope.core.tables import SAME_WORD, Data, Matches, Quadruples, Relation, TextTable


def in_another_case(words: Iterable[str], vocabulary: Sequence[str]) -> dict[str, str]:
    """The first word of ``vocabulary`` that is the same but for the case of letters, where that is not the word itself.

    As gensim's ``case_insensitive=True``, which compares words in upper case and takes the first, the most frequent.

    >>> in_another_case(["Athens", "rome", "Oslo", "ROME"], ["the", "athens", "ATHENS", "rome", "ROME"])
    {'Athens': 'athens', 'ROME': 'rome'}
    """
    first: dict[str, str] = {}
    for word in vocabulary:
        first.setdefault(word.upper(), word)
    firsts = ((word, first.get(word.upper(), word)) for word in words)
    return {word: spelling for word, spelling in firsts if spelling != word}


def with_same_words(data: Data, table: str, words: Iterable[str]) -> Data:
    """``data`` with the relation ``SAME_WORD`` between texts of ``table`` that are one of ``words`` in any case."""
    wanted = {word.upper() for word in words}
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(data.tables[table].texts):
        if (upper := text.upper()) in wanted:
            groups.setdefault(upper, []).append(row)
    pairs = [pair for rows in groups.values() for pair in permutations(rows, 2)]
    left, right = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return replace(data, relations={**data.relations, SAME_WORD: Matches(table, table, left, right)})


def with_vocabulary(
    data: Data, table: str, vocabulary: Sequence[str], spelled: Mapping[str, str] | None = None
) -> Data:
    """``data`` with ``vocabulary`` in front of the words of ``table``, its relations following their words.

    ``spelled`` names the word of the vocabulary that stands for a word of the table.
    """
    index = {word: i for i, word in enumerate(dict.fromkeys(vocabulary))}
    words = [(spelled or {}).get(word, word) for word in data.tables[table].texts]
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
