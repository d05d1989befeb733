"""Relational similarity: how typical a word pair is of a relation, against human ratings (SemEval-2012 Task 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Choices, Data, Pairs, Score
from embedscope.core.wording import count
from embedscope.stats.correlation import DECIMALS, spearman
from embedscope.tasks.cosines import check_rows, unit
from embedscope.tasks.means import mean_score

IDS = ("semeval2012_typicality",)

TRAINING = ("1a", "2c", "2h", "3a", "3c", "4c", "5d", "5i", "7a", "10a")
"""Relations that were given with ratings; the published means are over the other 69."""


@dataclass(frozen=True)
class TypicalityTask:
    """Mean over relations of the Spearman correlation of typicality and human rating.

    A pair's typicality is the mean cosine of its offset x_b - x_a (unit rows) with the offsets of the relation's
    example pairs [jurgens2012].
    """

    id: str
    dataset: str
    about: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, ...] = ("words",)

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """``ID``, ``ID.maxdiff`` and ``ID.maxdiff_of_ratings``, means over testing relations; items are all in order.

        ``ID`` is the Spearman correlation, ``ID.maxdiff`` the accuracy of the task's own scorer on the questions that
        people answered (undefined where their answers are not at hand), ``ID.maxdiff_of_ratings`` that on all fours
        that can be made of the rated pairs.

        Draws resample relations. Training relations are nan among the items.

        Raises
        ------
        InputError
            if the vectors are not one row per text, or the data set has no rated and example pairs.
        """
        rated, examples = (data.relations.get(name) for name in ("rated", "paradigms"))
        if not isinstance(rated, Pairs) or not isinstance(examples, Pairs):
            raise InputError(f"task {self.id} wants the pairs 'rated' and 'paradigms', which {data.name} lacks")
        u = unit(check_rows(vectors, data, self.tables[0]))
        given = typicality(u, rated, examples)
        subset = np.array(rated.subset)
        shares: dict[str, list[float]] = {"": [], ".maxdiff_of_ratings": []}
        for name in dict.fromkeys(rated.subset):
            here = (subset == name) & np.isfinite(given)
            tested = name.split()[0] not in TRAINING
            ranked = spearman(np.round(given[here], DECIMALS), rated.gold[here]) if tested and here.sum() > 1 else None
            chosen = maxdiff(np.round(given[here], DECIMALS), rated.gold[here]) if tested else None
            shares[""].append(np.nan if ranked is None else ranked)
            shares[".maxdiff_of_ratings"].append(np.nan if chosen is None else chosen)
        left_out = int((~np.isfinite(given)).sum())
        notes = [f"{left_out} of {count(len(given), 'pair')} left out: without an offset"] if left_out else []
        derived = "questions made of every four rated pairs, not those that people answered"
        of_ratings = mean_score(np.array(shares[".maxdiff_of_ratings"]), seed, [derived, *notes])
        return {
            self.id: mean_score(np.array(shares[""]), seed, notes),
            f"{self.id}.maxdiff": _official(u, data, examples, tuple(dict.fromkeys(rated.subset)), seed),
            f"{self.id}.maxdiff_of_ratings": of_ratings,
        }


def _official(u: Floats, data: Data, examples: Pairs, relations: tuple[str, ...], seed: int) -> Score:
    """Accuracy on the questions that people answered, mean over the testing relations."""
    choices = data.relations.get("maxdiff")
    if not isinstance(choices, Choices):
        note = "undefined: the answers of the task's second phase (Phase2Answers-*.txt) are not among the data"
        return Score(None, 0, None, np.full(len(relations), np.nan), note)
    q, k = choices.left.shape
    shown = Pairs(
        choices.table,
        choices.left.ravel(),
        choices.right.ravel(),
        np.zeros(q * k),
        tuple(name for name in choices.section for _ in range(k)),
    )
    right = choices_right(np.round(typicality(u, shown, examples), DECIMALS).reshape(q, k), choices)
    section = np.array(choices.section)
    tested = [name for name in relations if name.split()[0] not in TRAINING]
    items = [float(right[section == name].mean()) if name in tested else np.nan for name in relations]
    return mean_score(np.array(items), seed)


def choices_right(ratings: Floats, choices: Choices) -> npt.NDArray[np.bool_]:
    """Whether the least and the most typical pair (q, 2) by ``ratings`` (q, k) is one that most people chose.

    As the task's scripts do it: the lowest and the highest rated pair answer a question, the first of equal ones; an
    answer is right where no pair has more votes, so that tied majorities are all right. Unrated pairs (nan) are not
    chosen, and a question without a rated pair is answered wrongly.

    Examples
    --------
    >>> votes = np.array([[2, 0, 1, 0]])
    >>> rows = np.arange(4)[None]
    >>> choices_right(np.array([[0.1, 0.2, 0.3, 0.4]]), Choices("words", rows, rows, votes, votes, ("1a",))).tolist()
    [[True, False]]
    """
    known = np.isfinite(ratings)
    out = np.zeros((len(ratings), 2), dtype=bool)
    for side, (votes, sign) in enumerate(((choices.least, -1.0), (choices.most, 1.0))):
        answer = np.argmax(np.where(known, sign * ratings, -np.inf), axis=1)
        given = np.take_along_axis(votes, answer[:, None], axis=1)[:, 0]
        out[:, side] = (given == votes.max(axis=1)) & known.any(axis=1)
    return out


def typicality(u: Floats, rated: Pairs, examples: Pairs) -> Floats:
    """Mean cosine (p,) of each rated pair's offset with the offsets of its relation's example pairs; nan where none.

    ``u`` (n, d) are the rows that offsets are taken of. An example that is the rated pair itself is not compared.
    """
    offsets, paradigms = (unit(u[p.right] - u[p.left]) for p in (rated, examples))
    section, of = np.array(rated.subset), np.array(examples.subset)
    out = np.full(len(offsets), np.nan)
    for name in dict.fromkeys(rated.subset):
        here, there = np.flatnonzero(section == name), np.flatnonzero(of == name)
        there = there[np.isfinite(paradigms[there, 0])]
        cosines = offsets[here] @ paradigms[there].T
        own = (rated.left[here, None] == examples.left[there]) & (rated.right[here, None] == examples.right[there])
        count = (~own).sum(axis=1)
        total = np.where(own, 0.0, cosines).sum(axis=1)
        out[here] = np.divide(total, count, out=np.full(len(here), np.nan), where=count > 0)
    return out


def maxdiff(scores: Floats, gold: Floats) -> float | None:
    """Share of right choices of the most and of the least typical of four, over all fours; chance is 1/4.

    A choice is asked where ``gold`` (n,) has a single best (worst) of the four, and is right where ``scores`` (n,) have
    the same one, alone; counted in closed form, without making the fours. None for fewer than four.

    >>> maxdiff(np.arange(6.0), np.arange(6.0)), maxdiff(-np.arange(6.0), np.arange(6.0))
    (1.0, 0.0)
    """
    right = asked = 0
    for s, g in ((scores, gold), (-scores, -gold)):
        below = g[None, :] < g[:, None]
        both = (below & (s[None, :] < s[:, None])).sum(axis=1)
        right += sum(comb(int(n), 3) for n in both)
        asked += sum(comb(int(n), 3) for n in below.sum(axis=1))
    return right / asked if asked else None


ENTRIES = {
    "semeval2012_typicality": TypicalityTask(
        "semeval2012_typicality",
        "semeval2012",
        {
            "kind": "relational similarity",
            "unit": "word",
            "measure": "mean over 69 relations of the Spearman correlation of a pair's mean cosine with the relation's "
            "example offsets and its human rating",
            "cite": "jurgens2012",
            "default": False,
        },
    )
}
