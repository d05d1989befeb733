"""Rank of the right answer among all candidates, for all questions at once.

The inner products of every *word* in the questions with a tile of candidates are one matrix product; the score of a
candidate for a question is made of three of them. So a question costs no product of its own, and nothing is sorted:
top-k hits and reciprocal ranks all follow from how many candidates score at least as high as the answer. Memory is
bounded by a tile, whatever the number of candidates.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index
from embedscope.tasks._analogy_answers import Best, QuestionVectors, best_answers
from embedscope.tasks._analogy_counts import Count
from embedscope.tasks._analogy_methods import METHODS, Tile
from embedscope.tasks.analogy_rows import CandidateRows

UNCERTAIN = 2e-6  # bounds the error of a float32 inner product of unit rows up to 256 dimensions
_TILE = 8192  # candidates at once
_TILE_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Asked:
    """Questions of one kind.

    Attributes
    ----------
    method : a key of ``METHODS``
    words : (m, 3) rows of a, b, c
    answers : (g, k) lists of rows of right answers, -1 where a list is shorter
    exclude : whether a, b, c are no candidates (nor answers)
    which : (m,) list of each question; None where question i has list i
    same : (n, k) rows that are the same word as each candidate, -1 where there are fewer; None where all differ
    """

    method: str
    words: Index
    answers: Index
    exclude: bool = True
    which: Index | None = None
    same: Index | None = None

    @property
    def lists(self) -> Index:
        """Which list of answers each question has, shape (m,)."""
        return np.arange(len(self.words)) if self.which is None else self.which


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where the right answers came.

    Attributes
    ----------
    rank : (m,) 1 for the first place; candidates that tie with the answer come before it; 0 where there is no rank
    ties : (m,) how many tie with it (``rank - ties`` is the optimistic rank)
    answer : (m,) the answer that scores highest, -1 where there is none
    score : (m,) its score, nan where there is none
    """

    rank: Index
    ties: Index
    answer: Index
    score: Floats

    def hits(self, k: int) -> Floats:
        """1 where the answer is among the first ``k``, else 0; shape (m,)."""
        return np.asarray((self.rank > 0) & (self.rank <= k), dtype=np.float64)

    def reciprocal(self) -> Floats:
        """1 / rank, 0 where there is no rank; shape (m,)."""
        return np.divide(1.0, self.rank, out=np.zeros(len(self.rank)), where=self.rank > 0)


def analogy_ranks(rows: CandidateRows, asked: Sequence[Asked]) -> list[Ranks]:
    """Ranks of the right answers for each of ``asked``, over the same candidates.

    Candidates are searched in float32; those too near the answer to tell are scored again in float64, so ranks are
    those of float64 arithmetic, scores within 1e-12 being ties. Rows without a direction are no candidates.

    Raises
    ------
    InputError
        for a method that is not known, or rows that are not in range.

    >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 1.0], [-1.0, 0.0]])
    >>> one = Asked("3cosadd", np.array([[0, 1, 2]]), np.array([[3]]))
    >>> analogy_ranks(CandidateRows.of(x, "raw"), [one])[0].rank.tolist()
    [1]
    """
    for some in asked:
        _check(rows, some)
    if not asked:
        return []
    used, flat = np.unique(np.concatenate([a.words.ravel() for a in asked]), return_inverse=True)
    w = rows.take(used)
    uncertain = UNCERTAIN * max(1.0, (rows.x.shape[1] / 256) ** 0.5)
    parts = np.split(np.asarray(flat, dtype=np.intp), np.cumsum([a.words.size for a in asked])[:-1])
    known: dict[tuple[Any, ...], Best] = {}
    counts = []
    for some, part in zip(asked, parts, strict=True):
        places, excluded = part.reshape(-1, 3), _excluded_rows(some) if some.exclude else None
        vectors = QuestionVectors(METHODS[some.method], rows, w, places, some.answers, some.lists, excluded)
        same = (some.method, id(some.words), id(some.answers), id(some.which))
        best = known[same] = best_answers(vectors, known.get(same))
        counts.append(Count(vectors, *best, uncertain))
    step = max(64, min(_TILE, _TILE_BYTES // (4 * max(1, len(used)))) // 8 * 8)
    w32 = w.astype(np.float32)
    with ThreadPoolExecutor(_threads()) as pool:
        for lo in range(0, len(rows.x), step):
            candidates, lengths = rows.tile(lo, min(lo + step, len(rows.x)))
            with np.errstate(invalid="ignore"):
                tile = Tile(w32 @ candidates.T, lengths, uncertain)
            jobs = [pool.submit(count.add, tile, lo, block) for count in counts for block in count.blocks()]
            for job in jobs:
                job.result()
            for count in counts:
                count.look_again()
    return [_ranks(count) for count in counts]


def _excluded_rows(asked: Asked) -> Index:
    """Rows (m, e) of the words of each question, and of the same words spelled otherwise, -1 where there are fewer."""
    if asked.same is None:
        return asked.words
    return np.concatenate([asked.words, asked.same[asked.words].reshape(len(asked.words), -1)], axis=1)


def _check(rows: CandidateRows, asked: Asked) -> None:
    if asked.method not in METHODS:
        raise InputError(f"there is no method '{asked.method}'; wanted one of {', '.join(METHODS)}")
    m, answers = len(asked.words), asked.answers
    if asked.words.shape != (m, 3) or answers.ndim != 2 or len(asked.lists) != m or 0 in answers.shape[1:]:
        raise InputError(
            "questions must be words (m, 3) and a list of answers (g, k) each, "
            f"got {asked.words.shape} and {asked.answers.shape}"
        )
    both = np.concatenate([asked.words.ravel(), asked.answers.ravel()])
    if both.size and (both.max() >= len(rows.x) or asked.words.min(initial=0) < 0):
        raise InputError(
            f"questions name rows {asked.words.min(initial=0)} to {both.max()}; there are {len(rows.x)} candidates"
        )


def _ranks(count: Count) -> Ranks:
    rank = np.where(count.answer >= 0, 1 + count.above + count.ties, 0)
    return Ranks(rank, count.ties, count.answer, count.score)


def _threads() -> int:
    """As many as BLAS would take."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() and int(named) else len(os.sched_getaffinity(0))
