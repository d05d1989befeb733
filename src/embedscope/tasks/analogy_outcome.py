"""Analogies asked together with their controls: what ignores the relation, and what breaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Score
from embedscope.stats.best_of import less_best
from embedscope.tasks.analogy_draws import mean_scores
from embedscope.tasks.analogy_questions import Questions, break_questions
from embedscope.tasks.analogy_ranks import Asked, Ranks, analogy_ranks
from embedscope.tasks.analogy_rows import CandidateRows

RANDOM_DRAWS = 5
CONTROLS = ("c", "b", "random")


@dataclass(frozen=True, eq=False)
class Outcome:
    """Ranks of the answers under a method and under its controls, for the questions that can be asked.

    Attributes
    ----------
    questions : all of them; ``asked`` (m,) says which have vectors for a, b, c and at least one answer
    candidates : rows that have a direction
    ranks : of the questions asked, by "offset" (the method), "c", "b", "random0", "random1", ...
    """

    questions: Questions
    asked: npt.NDArray[np.bool_]
    ranks: Mapping[str, Ranks]
    exclude: bool
    candidates: int

    def hits(self, name: str, k: int) -> Floats:
        """1, 0 or, for questions left out, nan, a question (m,); of "random" the mean over its draws."""
        return self._spread(name, lambda r: r.hits(k))

    def reciprocal(self, name: str) -> Floats:
        """Reciprocal ranks (m,), nan for questions left out; of "random" the mean over its draws."""
        return self._spread(name, lambda r: r.reciprocal())

    def _spread(self, name: str, of: object) -> Floats:
        out = np.full(len(self.questions), np.nan)
        names = [n for n in self.ranks if n.startswith("random")] if name == "random" else [name]
        if names and callable(of):
            out[self.asked] = np.mean([of(self.ranks[n]) for n in names], axis=0)
        return out

    def notes(self) -> list[str]:
        """What a reader must know: questions left out, answers that can never be right, ties."""
        said = [f"{self.candidates:,} candidates"]
        if left_out := int((~self.asked).sum()):
            said.append(f"{left_out} of {len(self.questions)} questions left out: a word without a vector")
        ranks = self.ranks["offset"]
        if self.exclude and (never := int((ranks.rank == 0).sum())):
            said.append(f"{never} questions whose answer is among a, b, c count as wrong")
        if tied := int((ranks.ties > 0).sum()):
            said.append(f"in {tied} questions a candidate ties with the answer and comes before it")
        return said


def outcome(
    rows: CandidateRows, questions: Questions, *, method: str = "3cosadd", exclude: bool = True, seed: int = 0
) -> Outcome:
    """Ask ``questions`` and, in the same pass over the candidates, every control: ``outcomes`` of one way."""
    return outcomes(rows, questions, ((method, exclude),), seed)[0]


def outcomes(rows: CandidateRows, questions: Questions, ways: Sequence[tuple[str, bool]], seed: int) -> list[Outcome]:
    """Ask ``questions`` by each method, a, b, c being left out or not, with every control, in one pass.

    Controls: candidates ranked by similarity to c alone and to b alone; and c with its answers taken from another
    relation, in ``RANDOM_DRAWS`` seeded draws. What several ways share is worked out once.
    """
    known = np.append(rows.known(), False)  # -1 is no row
    right = np.asarray(known[questions.answers].any(axis=1))
    asked = np.asarray(known[questions.words].all(axis=1) & right[questions.lists])
    kept = questions[asked]
    drawn = [break_questions(kept, seed, draw) for draw in range(RANDOM_DRAWS if len(kept) else 0)]
    others = {f"random{draw}": other for draw, other in enumerate(drawn) if other is not None}
    runs: dict[tuple[str, bool, str], Asked] = {}
    for method, exclude in ways:
        for key in _keys(method, exclude, others):
            of = others.get(key[2], kept)
            runs.setdefault(key, Asked(key[0], of.words, of.answers, exclude, of.lists, of.same))
    ranks = dict(zip(runs, analogy_ranks(rows, list(runs.values())), strict=True))
    return [
        Outcome(questions, asked, {_name(key): ranks[key] for key in _keys(*way, others)}, way[1], int(known.sum()))
        for way in ways
    ]


def _keys(method: str, exclude: bool, others: Mapping[str, Questions]) -> list[tuple[str, bool, str]]:
    """The method of each run of one way, whether a, b, c are left out, and which questions: "" for those asked."""
    return [(m, exclude, "") for m in (method, "c", "b")] + [(method, exclude, name) for name in others]


def _name(key: tuple[str, bool, str]) -> str:
    return key[2] or (key[0] if key[0] in CONTROLS else "offset")


def top_scores(
    answers: Outcome, name: str, k: int, seed: int, which: npt.NDArray[np.bool_] | None = None
) -> dict[str, Score]:
    """Top-``k`` accuracy ``name``, its gain over the best control, and the controls.

    ``NAME.gain`` is the accuracy less the highest control's; its draws take the highest control of each draw.
    ``NAME.mrr`` is the mean reciprocal rank. ``which`` (m,) picks some of the questions (those of one relation).
    """
    columns = {"": answers.hits("offset", k)} | {f".{c}": answers.hits(c, k) for c in CONTROLS}
    columns[".mrr"] = answers.reciprocal("offset")
    if which is not None:
        columns = {more: items[which] for more, items in columns.items()}
    ends = (answers.questions if which is None else answers.questions[which]).ends
    scores = {f"{name}{more}": score for more, score in mean_scores(columns, seed, ends).items()}
    main, random = scores[name], scores[f"{name}.random"]
    if random.value is None and main.value is not None:
        why = "undefined: all questions are of one relation, so there is no other to draw from"
        scores[f"{name}.random"] = replace(random, note=why)
    controls = [(c, scores[f"{name}.{c}"]) for c in CONTROLS]
    noted = replace(main, note="; ".join(filter(None, [main.note, *answers.notes()])) or None)
    return {name: noted, f"{name}.gain": gain(main, controls)} | {n: s for n, s in scores.items() if n != name}


def gain(main: Score, controls: Sequence[tuple[str, Score]]) -> Score:
    """``main`` less the best of ``controls``, with paired draws; the note names the best one."""
    defined = {name: s for name, s in controls if s.value is not None}
    if main.value is None or not defined:
        return Score(None, main.n, note="undefined: no question has vectors for all its words")
    best, score = less_best(main, defined)
    name = LABELS.get(best, best)
    return replace(score, note=f"best control: {name}", facts={"best_control": name})


LABELS = {"c": "similarity to c", "b": "similarity to b", "random": "pairs of other relations"}
