"""Which of several right answers scores highest, and how high."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.tasks._analogy_methods import Bars, Dots, Method, Words, concat
from embedscope.tasks.analogy_rows import CandidateRows

_CHUNK_BYTES = 2**20  # of each vector's matrix in pairs scored at once: they stay in the processor's cache
_BLOCK = 512  # questions whose lists of answers are compared at once


@dataclass(frozen=True, eq=False)
class QuestionVectors:
    """Questions with the vectors of their words.

    Attributes
    ----------
    w : (u, d) vectors of the words of the questions; ``places`` (m, 3) are the rows of a, b, c in it
    answers, lists : (g, k) rows of right answers and (m,) which list a question has
    excluded : (m, e) rows that are neither candidates nor answers of a question, -1 for none; None where all are
    """

    method: Method
    rows: CandidateRows
    w: Floats
    places: Index
    answers: Index
    lists: Index
    excluded: Index | None

    def chunks(self, n: int) -> Iterator[slice]:
        """``n`` questions in parts whose vectors stay in the processor's cache."""
        step = max(16, _CHUNK_BYTES // (8 * self.w.shape[1]))
        return (slice(lo, min(lo + step, n)) for lo in range(0, n, step))

    @cached_property
    def _lengths(self) -> Floats:
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", self.w, self.w)))

    def bars(self, questions: Index, score: Floats, uncertain: float) -> Bars:
        """What candidates are held against where the answers of ``questions`` (p,) have the ``score`` (p,)."""
        parts = []
        for part in self.chunks(len(questions)):
            lengths = self._lengths[self.places[questions[part]]]
            words = Words(*self.vectors(questions[part]), lengths, score[part], uncertain)
            parts.append(self.method.bars(words))
        return concat(parts)

    @cached_property
    def _sizes(self) -> Index:
        return np.asarray(self.answers.shape[1] - (self.answers[:, ::-1] >= 0).argmax(axis=1), dtype=np.intp)

    def _answer_rows(self, questions: Index) -> Index:
        """Answers (p, k) of ``questions``, k no larger than their longest list."""
        which = self.lists[questions]
        return self.answers[which, : int(self._sizes[which].max(initial=1))]

    def banned_rows(self, questions: Index) -> Index:
        """Rows (p, k) that are no candidates of ``questions``, -1 for none."""
        answers = self._answer_rows(questions)
        return answers if self.excluded is None else np.concatenate([answers, self.excluded[questions]], axis=1)

    def right(self, questions: Index) -> Index:
        """Rows (p, k) that may be right, -1 for none."""
        answers = self._answer_rows(questions)
        if self.excluded is None:
            return answers
        lost = np.zeros(answers.shape, dtype=bool)
        for i in range(self.excluded.shape[1]):
            lost |= answers == self.excluded[questions, i, None]
        return np.where(lost, -1, answers)

    def vectors(self, questions: Index) -> tuple[Floats, Floats, Floats]:
        """Vectors of a, b, c of ``questions``, each (p, d)."""
        a, b, c = (self.w[self.places[questions, i]] for i in range(3))
        return a, b, c

    def scores(self, questions: Index, candidates: Index) -> Floats:
        """Scores (p,) in float64 of pairs of a question and a candidate; nan where either has no direction."""
        out = np.empty(len(questions))
        for part in self.chunks(len(questions)):
            out[part] = self.method.exact(*self.vectors(questions[part]), self.rows.take(candidates[part]))
        return out


Best = tuple[Index, Floats]
"""The answer (m,) of each question that scores highest and its score; -1 and nan where no answer has one."""


def best_answers(vectors: QuestionVectors, known: Best | None = None) -> Best:
    """The best answers; ``known`` are those of the same questions with other words left out, not scored again."""
    m = len(vectors.places)
    chosen = np.full(m, -1, dtype=np.intp)
    for lo in range(0, m, _BLOCK):
        questions = np.arange(lo, min(lo + _BLOCK, m))
        right = vectors.right(questions)
        chosen[questions] = right[:, 0] if right.shape[1] == 1 else _highest(vectors, questions, right)
    score = np.full(m, np.nan)
    lacking = chosen >= 0
    if known is not None:
        same = lacking & (chosen == known[0])
        score[same] = known[1][same]
        lacking &= ~same
    some = np.flatnonzero(lacking)
    score[some] = vectors.scores(some, chosen[some])
    return np.where(np.isfinite(score), chosen, -1), score


def _highest(vectors: QuestionVectors, questions: Index, right: Index) -> Index:
    """The answer (p,) of ``right`` (p, k) with the highest score, from inner products; -1 for none."""
    values, at = np.unique(right, return_inverse=True)
    words, place = np.unique(vectors.places[questions], return_inverse=True)
    at, place = at.reshape(right.shape), place.reshape(-1, 3)
    x = vectors.rows.take(np.maximum(values, 0))
    products = vectors.w[words] @ x.T
    to_a, to_b, to_c = (products[place[:, i, None], at] for i in range(3))
    lengths = np.sqrt(np.einsum("ij,ij->i", x, x))
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = vectors.method.rough(Dots(*vectors.vectors(questions), to_a, to_b, to_c, lengths[at]))
    scores = np.where((right >= 0) & np.isfinite(scores), scores, -np.inf)
    best = scores.argmax(axis=1)
    p = np.arange(len(right))
    return np.where(np.isfinite(scores[p, best]), right[p, best], -1)
