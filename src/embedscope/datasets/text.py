"""Lines, distinct strings and pairs: what loaders share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from embedscope.core.tables import Pairs, TextTable


def lines(text: str) -> list[str]:
    r"""Lines of ``text`` without their ends (LF or CRLF), the last one only where it is not empty.

    Other line separators of Unicode stay part of the text.

    >>> lines("a\r\nb\u2028c\n")
    ['a', 'b\u2028c']
    """
    rows = [row.removesuffix("\r") for row in text.split("\n")]
    return rows[:-1] if rows and not rows[-1] else rows


def distinct(texts: Iterable[str]) -> dict[str, int]:
    """Row of every distinct string, in order of first appearance.

    >>> distinct(["b", "a", "b"])
    {'b': 0, 'a': 1}
    """
    return {text: row for row, text in enumerate(dict.fromkeys(texts))}


def scored_pairs(
    table: str, unit: str, rows: Iterable[tuple[str, str, float]], subset: tuple[str, ...] = ()
) -> tuple[TextTable, Pairs]:
    """A table of the distinct strings of ``rows`` (left, right, score) and the pairs over it."""
    left, right, gold = zip(*rows, strict=True)
    index = distinct(text for pair in zip(left, right, strict=True) for text in pair)
    pairs = Pairs(
        table,
        np.array([index[t] for t in left], dtype=np.intp),
        np.array([index[t] for t in right], dtype=np.intp),
        np.array(gold, dtype=np.float64),
        subset,
    )
    return TextTable(tuple(index), unit), pairs
