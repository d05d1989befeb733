"""Analogy questions with all their right answers, turned round, and with their relation broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.tables import SAME_WORD, Data, Index, Matches, Quadruples


@dataclass(frozen=True, eq=False)
class Questions:
    """Questions a : b :: c : ? over the rows of ``table``.

    Attributes
    ----------
    words : (m, 3) rows of a, b, c
    answers : (g, k) lists of rows of right answers, -1 where a list is shorter
    lists : (m,) the list of each question
    section : (m,) number of each question's relation in ``sections``
    same : (n, k) for each row of ``table`` the other rows that are the same word, -1 where there are fewer; None where
        all differ
    """

    table: str
    words: Index
    answers: Index
    lists: Index
    section: Index
    sections: tuple[str, ...]
    same: Index | None = None

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def ends(self) -> tuple[Index, Index]:
        """Number (m,) of each question's pair a : b and of its pair c : d; of several answers the first stands."""
        second = np.column_stack([self.words[:, 2], self.answers[self.lists, 0]])
        _, number = np.unique(np.concatenate([self.words[:, :2], second]), axis=0, return_inverse=True)
        left, right = np.split(np.asarray(number, dtype=np.intp).reshape(-1), 2)
        return left, right

    def __getitem__(self, which: npt.NDArray[np.bool_] | Index) -> Questions:
        return replace(self, words=self.words[which], lists=self.lists[which], section=self.section[which])


def questions_of(data: Data, relation: str, *, reverse: bool = False) -> Questions:
    """The questions ``relation`` of a data set; a relation ``answers SECTION`` gives all right answers of a word.

    With ``reverse`` they are asked the other way: b : a :: d : c. Questions with several answers have one direction.
    Any row of ``SAME_WORD`` with a right answer is right too.

    Raises
    ------
    InputError
        if the relation holds no questions.
    """
    table = data.relations.get(relation)
    if not isinstance(table, Quadruples) or not len(table.rows):
        have = [name for name, r in data.relations.items() if isinstance(r, Quadruples)]
        raise InputError(f"data set {data.name} has no questions '{relation}'; it has {', '.join(have) or 'none'}")
    sections = tuple(dict.fromkeys(table.section))
    number = {name: i for i, name in enumerate(sections)}
    section = np.array([number[name] for name in table.section], dtype=np.intp)
    a, b, c, d = (1, 0, 3, 2) if reverse else (0, 1, 2, 3)
    known = {i: {} if reverse else _answers(data, f"answers {name}") for i, name in enumerate(sections)}
    same = _answers(data, SAME_WORD)
    given: dict[tuple[int, ...], int] = {}
    asked = zip(section.tolist(), table.rows[:, c].tolist(), table.rows[:, d].tolist(), strict=True)
    right = (known[s].get(row, (answer,)) for s, row, answer in asked)
    lists = [given.setdefault(_with_same(answers, same), len(given)) for answers in right]
    return Questions(
        table.table,
        table.rows[:, [a, b, c]],
        _pad(tuple(given)),
        np.array(lists, dtype=np.intp),
        section,
        sections,
        _pad([same.get(row, ()) for row in range(len(data.tables[table.table]))]) if same else None,
    )


def _with_same(answers: tuple[int, ...], same: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    if not same:
        return answers
    return tuple(dict.fromkeys(row for answer in answers for row in (answer, *same.get(answer, ()))))


def _answers(data: Data, relation: str) -> Mapping[int, tuple[int, ...]]:
    table = data.relations.get(relation)
    if not isinstance(table, Matches):
        return {}
    out: dict[int, tuple[int, ...]] = {}
    for left, right in zip(table.left.tolist(), table.right.tolist(), strict=True):
        out[left] = (*out.get(left, ()), right)
    return out


def _pad(given: Sequence[tuple[int, ...]]) -> Index:
    out = np.full((len(given), max(map(len, given))), -1, dtype=np.intp)
    for i, answers in enumerate(given):
        out[i, : len(answers)] = answers
    return out


def break_questions(questions: Questions, seed: int, draw: int) -> Questions | None:
    """The same a : b with c and its answers from a question of another relation, drawn anew; None for one relation.

    A pair of the *same* relation would still be a true analogy. The draw is decided by ``seed`` and ``draw``.
    """
    m, sizes = len(questions), np.bincount(questions.section, minlength=len(questions.sections))
    if (sizes > 0).sum() < 2:
        return None
    order = np.argsort(questions.section, kind="stable")
    own, start = sizes[questions.section], (np.cumsum(sizes) - sizes)[questions.section]
    place = np.random.default_rng([seed, draw, m]).integers(0, m - own)
    other = order[np.where(place >= start, place + own, place)]
    words = np.concatenate([questions.words[:, :2], questions.words[other, 2:]], axis=1)
    return replace(questions, words=words, lists=questions.lists[other])
