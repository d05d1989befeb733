"""Analogies: is b - a + c nearest to d, and is it the relation that does it or merely that d is near c?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from embedscope.core.choices import SumRows
from embedscope.core.errors import UnknownNameError
from embedscope.core.tables import Data, Score
from embedscope.tasks.analogy_outcome import outcome, top_scores
from embedscope.tasks.analogy_questions import questions_of
from embedscope.tasks.analogy_rows import KINDS, CandidateRows
from embedscope.tasks.cosines import check_rows

IDS = ("google_analogies", "bats", "semeval2012")

QUESTION_METHODS = ("3cosadd", "3cosmul", "pairdirection")
CANDIDATES = 300_000
"""How many words of a file of word vectors are candidates, from its beginning: gensim's ``restrict_vocab``."""


@dataclass(frozen=True)
class AnalogyTask:
    """Share of questions whose answer is among the first ``k`` candidates, with its controls.

    Attributes
    ----------
    method : "3cosadd", "3cosmul" or "pairdirection"
    exclude : whether a, b and c are no candidates
    rows : "raw", "unit" or "centered", how vectors are read
    """

    id: str
    dataset: str
    relation: str
    about: Mapping[str, Any] = field(default_factory=dict)
    table: str = "words"
    method: str = "3cosadd"
    exclude: bool = True
    rows: SumRows = "unit"
    k: int = 1

    candidates = CANDIDATES

    @property
    def tables(self) -> tuple[str, ...]:
        """The one table whose rows are words of questions and candidates."""
        return (self.table,)

    def variant(self, name: str) -> AnalogyTask:
        """The task ``ID.METHOD.exclude|all.ROWS.topK``, given what comes after ``ID.``.

        Raises
        ------
        UnknownNameError
            if ``name`` is not of that form.

        >>> ENTRIES["bats"].variant("3cosmul.all.raw.top5").k
        5
        """
        method, whether, rows, k = (*name.split("."), "", "", "", "")[:4]
        kind = next((kind for kind in KINDS if kind == rows), None)
        count = k.removeprefix("top")
        known = method in QUESTION_METHODS and whether in ("exclude", "all") and name.count(".") == 3
        if not known or kind is None or not k.startswith("top") or not count.isdigit() or int(count) < 1:
            raise UnknownNameError(
                f"unknown variant '{name}' of task {self.id}; wanted METHOD.WORDS.ROWS.topK with METHOD one of "
                f"{', '.join(QUESTION_METHODS)}, WORDS exclude or all, ROWS one of {', '.join(KINDS)}, "
                f"as in {self.id}.3cosadd.all.raw.top5"
            )
        return replace(
            self, id=f"{self.id}.{name}", method=method, exclude=whether == "exclude", rows=kind, k=int(count)
        )

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """The accuracy, its gain over the best control, the controls and the mean reciprocal rank.

        Questions with a word that has no direction, or no answer that has one, are left out and counted.

        Raises
        ------
        InputError
            if the vectors are not one row per text of the table, or the data set has no such questions.
        """
        x = check_rows(vectors, data, self.table)
        questions = questions_of(data, self.relation)
        answers = outcome(
            CandidateRows.of(x, self.rows), questions, method=self.method, exclude=self.exclude, seed=seed
        )
        return top_scores(answers, self.id, self.k, seed)


def _task(name: str, relation: str, cite: str, more: str) -> AnalogyTask:
    about = {
        "kind": "analogy",
        "unit": "word",
        "measure": f"share of questions with d nearest to b - a + c, unit rows, a, b, c excluded{more}",
        "cite": cite,
        "default": False,
    }
    return AnalogyTask(name, name, relation, about)


ENTRIES = {
    "google_analogies": _task("google_analogies", "questions", "mikolov2013", ""),
    "bats": _task("bats", "questions", "gladkova2016", "; any right answer counts"),
    "semeval2012": _task("semeval2012", "per_category", "jurgens2012", "; a category's most typical pair is a:b"),
}
