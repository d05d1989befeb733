"""Attributes that many objects take (skin tones, man and woman): do they add the same vector to each?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from embedscope.core.document import Cell, Column, Table
from embedscope.core.records import Record
from embedscope.core.tables import Index
from embedscope.experiments._lookup import pick, span
from embedscope.experiments._shimangaud2024.scores import place_of, prepare_rows
from embedscope.experiments._shimangaud2024.study_data import QuestionSet
from embedscope.experiments._shimangaud2024.vectors import Model
from embedscope.tasks.analogy_questions import Questions
from embedscope.tasks.parallelism import relation_pairs

FEWEST = 10
"""Objects with every attribute that a set must have."""


def grids(questions: Questions) -> Iterator[tuple[str, Index]]:
    """Names and rows (objects, attributes) of combinations: all relations over the same objects, else each on its own.

    The first attribute is that of the objects themselves: "none" of the skin tones, "man" of man:woman.
    """
    pairs, section = relation_pairs(questions)
    partner: list[dict[int, int]] = [{} for _ in questions.sections]
    for (a, b), s in zip(pairs.tolist(), section.tolist(), strict=True):
        partner[s].setdefault(a, b)
    shared = sorted(set.intersection(*(set(p) for p in partner))) if partner else []
    if len(partner) > 1 and len(shared) >= FEWEST:
        yield "all", np.array([[a, *(p[a] for p in partner)] for a in shared], dtype=np.intp)
        return
    for name, of in zip(questions.sections, partner, strict=True):
        if len(of) >= FEWEST:
            yield name or "all", np.array(sorted(of.items()), dtype=np.intp)


def factorisation_records(model: Model, question_set: QuestionSet, seed: int) -> Iterator[Record]:
    """Share that a sum of ideal words explains on combinations left out, and with shuffled attributes; unit rows."""
    from embedscope.tasks.factorisation import factorisation

    x = prepare_rows(model.rows(question_set, model.main), "unit").take(slice(None))
    place = place_of(model, question_set, model.main, x.shape[1])
    for name, rows in grids(question_set.questions):
        known = rows[np.isfinite(x[rows]).all(axis=(1, 2))]
        if len(known) >= FEWEST:
            for part, score in factorisation(np.asarray(x[known], dtype=np.float64), seed=seed).items():
                yield place.record(f"ideal_words.{part}", score, rows="unit", subset=name)


def ideal_words_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Every grid, with its shuffled control."""
    rows: list[tuple[Cell, ...]] = []
    for r in (r for r in records if r.metric == "ideal_words.explained"):
        where = {"source": r.source, "task": r.task, "subset": r.subset}
        control = pick(records, metric="ideal_words.shuffled", **where)
        label = next(m.label for m in models if m.source == r.source)
        rows.append((r.task, r.subset, label, r.value, span(r), control.value if control else None, r.n))
    columns = (
        Column("set"),
        Column("relation"),
        Column("model"),
        Column("explained", 3, "of what attributes change, on combinations left out; at most 1"),
        Column("95 % interval"),
        Column("shuffled", 3, "control: the attributes of every object in another order"),
        Column("objects"),
    )
    caption = "Every combination as the sum of a vector of its object and one of its attribute, unit rows (trager2023)."
    return Table("ideal-words", "Ideal words", columns, tuple(rows), caption)
