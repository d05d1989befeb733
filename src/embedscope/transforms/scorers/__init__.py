"""Scores adjusted at query time: rows of the corpus that are near everything are marked down.

Vectors stay as they are; what changes is the score of a query and a row of the corpus. Each scorer holds one number a
row of the corpus, estimated from a *bank* of queries. A bank of other test queries makes the result transductive: one
query's answer then depends on the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedscope.core.registry import Registry

if TYPE_CHECKING:
    from embedscope.transforms.scorers.scorer import Scorer

__all__ = ["SCORERS", "parse_scorer"]

SCORERS: Registry[type[Scorer]] = Registry("scorer", "embedscope.transforms.scorers")
"""Name -> class of a scorer."""


def parse_scorer(text: str) -> Scorer:
    """The unfitted scorer that ``text`` describes: ``csls``, ``csls:10``, ``local-scaling:7``, ``inverted-softmax:30``.

    Raises
    ------
    UnknownNameError, InputError
        if the name or its number is not right.

    >>> parse_scorer("csls:5").text
    'csls:5'
    """
    name, *words = (word.strip() for word in text.split(":"))
    return SCORERS.get(name).from_words(tuple(words))
