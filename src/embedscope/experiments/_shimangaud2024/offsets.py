"""Offsets of a relation drawn as arrows in the plane of the first two components of their ends."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Points, Scatter
from embedscope.core.ids import combine, hash_texts
from embedscope.core.images import Image
from embedscope.core.tables import Index
from embedscope.core.thumbnails import thumbnails
from embedscope.experiments._shimangaud2024.scores import Answers
from embedscope.experiments._shimangaud2024.study_data import QuestionSet
from embedscope.tasks.analogy_rows import CandidateRows
from embedscope.tasks.parallelism import parallelism, relation_pairs

ARROWS = 10
"""Pairs of a relation that are drawn; they are chosen by hash."""

RELATIONS = 3


def offset_planes(own: Answers, seed: int) -> list[Scatter]:
    """One plane for each of the ``RELATIONS`` most parallel relations, with thumbnails where concepts have images."""
    question_set, model = own.question_set, own.model
    x = CandidateRows.of(model.rows(question_set, model.main), "unit").take(slice(None))
    pairs, section = relation_pairs(question_set.questions)
    known = np.isfinite(x[pairs]).all(axis=(1, 2))
    pairs, section = pairs[known], section[known]
    result = parallelism(x, pairs, section, question_set.questions.sections)
    order = [i for i in np.argsort(-result.within) if np.isfinite(result.within[i])][:RELATIONS]
    return [_plane(own, x, pairs[section == i], int(i), float(result.within[i]), seed) for i in order]


def _plane(own: Answers, x: Floats, pairs: Index, number: int, within: float, seed: int) -> Scatter:
    question_set, model = own.question_set, own.model
    name = question_set.questions.sections[number] or "all"
    as_written = ["|".join(question_set.concepts[i] for i in pair) for pair in pairs]
    shown = pairs[np.argsort(combine(hash_texts(as_written), seed), kind="stable")[:ARROWS]]
    ends = first_components(np.concatenate([x[shown[:, 0]], x[shown[:, 1]]]))
    tails, tips = ends[: len(shown)], ends[len(shown) :]
    share = f"{len(shown)} of {len(pairs)} pairs" if len(shown) < len(pairs) else f"all {len(pairs)} pairs"
    labels = name.split(":") if name.count(":") == 1 and " " not in name else ["from", "to"]
    points = tuple(
        Points(
            label, _column(at, 0), _column(at, 1), tuple(question_set.concepts[i] for i in rows), _thumbnails(own, rows)
        )
        for label, at, rows in zip(labels, (tails, tips), (shown[:, 0], shown[:, 1]), strict=True)
    )
    return Scatter(
        f"offsets-{_id(model.label)}-{question_set.name}-{number}",
        f"{model.label}, {question_set.title}: {name}",
        "first component",
        "second component",
        points,
        tuple((*map(_round, tail), *map(_round, tip)) for tail, tip in zip(tails, tips, strict=True)),  # type: ignore[misc]
        f"Unit rows of {share} in the plane of the first two components of their ends. Mean cosine of the relation's "
        f"offsets in all dimensions: {within:.2f}.",
        "Offsets of a relation",
        origin=False,
    )


def first_components(x: Floats) -> Floats:
    """Rows (n, d) less their mean, on their first two principal components (n, 2); a lone one is 0 in the second.

    >>> first_components(np.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    centred = x - x.mean(axis=0)
    _, _, vectors = np.linalg.svd(centred, full_matrices=False)
    plane = vectors[:2].T
    largest = np.abs(plane).argmax(axis=0)
    plane = plane * np.sign(plane[largest, np.arange(plane.shape[1])])
    return np.asarray(centred @ plane) + 0.0


def _thumbnails(own: Answers, rows: Index) -> tuple[str, ...]:
    question_set = own.question_set
    if own.model.concepts is None or not question_set.images:
        return ()
    return thumbnails([_first_image(question_set, int(row)) for row in rows])


def _first_image(question_set: QuestionSet, concept: int) -> Image:
    return question_set.images[int(np.flatnonzero(question_set.owner == concept)[0])]


def _column(at: Floats, i: int) -> tuple[float, ...]:
    return tuple(_round(v) for v in at[:, i])


def _round(value: float) -> float:
    return float(f"{value:.5g}")


def _id(label: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in label)
