"""Parallelism: do the offsets of one relation point the same way, more than offsets of different relations do?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.tasks.analogy_questions import Questions
from embedscope.tasks.cosines import unit
from embedscope.tasks.means import mean_score

IDS: tuple[str, ...] = ()
ENTRIES: Mapping[str, Any] = {}

_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Parallelism:
    """Mean cosines of offsets b - a, by relation; nan where there is no pair of pairs to compare.

    Attributes
    ----------
    sections : names of the relations
    within, between : (s,) mean cosine of a relation's offsets with each other, and with those of other relations
    pairs : (s,) distinct pairs with an offset
    """

    sections: tuple[str, ...]
    within: Floats
    between: Floats
    pairs: Index

    def scores(self, seed: int = 0) -> dict[str, Score]:
        """Means over relations of ``within``, ``between`` and their difference ``gap``; draws resample relations."""
        columns = {"within": self.within, "between": self.between, "gap": self.within - self.between}
        return {name: mean_score(items, seed) for name, items in columns.items()}


def relation_pairs(questions: Questions) -> tuple[Index, Index]:
    """Distinct pairs (p, 2) of rows a, b in ``questions``, first and second pairs alike, and their sections (p,)."""
    first = np.column_stack([questions.section, questions.words[:, :2]])
    answer = questions.answers[questions.lists, 0]
    second = np.column_stack([questions.section, questions.words[:, 2], answer])
    pairs = np.unique(np.concatenate([first, second[answer >= 0]]), axis=0)
    return pairs[:, 1:], pairs[:, 0]


def parallelism(x: npt.NDArray[Any], pairs: Index, section: Index, sections: tuple[str, ...]) -> Parallelism:
    """Mean cosine of the offsets x_b - x_a within a relation and between relations.

    Two pairs that share a word are not compared: their offsets have that word in common, whatever the relation.

    Parameters
    ----------
    x : (n, d) rows as given; ``unit`` or centred rows are the caller's choice
    pairs, section : (p, 2) rows a, b and (p,) the number of their relation in ``sections``

    Raises
    ------
    InputError
        if the shapes do not fit.

    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [5.0, 5.0], [5.0, 6.0]])
    >>> found = parallelism(x, np.array([[0, 1], [2, 3], [4, 5]]), np.array([0, 0, 1]), ("right", "up"))
    >>> found.within.tolist(), found.between.tolist()
    ([1.0, nan], [0.0, 0.0])
    """
    if pairs.shape != (len(section), 2):
        raise InputError(f"pairs must have shape (p, 2) with a section each, got {pairs.shape}, {section.shape}")
    offsets = unit(np.asarray(x[pairs[:, 1]], dtype=np.float64) - np.asarray(x[pairs[:, 0]], dtype=np.float64))
    known = np.isfinite(offsets[:, 0])
    offsets, pairs, section = offsets[known], pairs[known], section[known]
    n = len(sections)
    sums, counts = np.zeros((2, n)), np.zeros((2, n))
    for lo in range(0, len(pairs), _BLOCK):
        part = slice(lo, lo + _BLOCK)
        cosines = offsets[part] @ offsets.T
        shared = np.zeros(cosines.shape, dtype=bool)
        for i in range(2):
            for j in range(2):
                shared |= pairs[part, i, None] == pairs[None, :, j]
        same = section[part, None] == section[None, :]
        for kind, mask in enumerate((same & ~shared, ~same & ~shared)):
            sums[kind] += np.bincount(section[part], np.where(mask, cosines, 0.0).sum(axis=1), n)
            counts[kind] += np.bincount(section[part], mask.sum(axis=1), n)
    means = np.divide(sums, counts, out=np.full((2, n), np.nan), where=counts > 0)
    return Parallelism(sections, means[0], means[1], np.bincount(section, minlength=n).astype(np.intp))
