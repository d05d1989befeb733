"""Curves: angles, parallelism and gain by layer; and the figure of the islands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Figure, Points, Scatter, Series
from embedscope.core.records import Record
from embedscope.experiments._shimangaud2024.lookup import is_of_a_relation
from embedscope.experiments._shimangaud2024.scores import MAIN, Answers
from embedscope.experiments._shimangaud2024.vectors import Model

BINS = 45
SHOWN = 800
"""Questions that the figure of the islands shows."""

SECTIONS = 8
"""Sections of questions that are told apart in one figure."""

PAST_THE_END = 1.04
Kind = Literal["measured", "baseline"]


def figures(models: Sequence[Model], records: Sequence[Record], drawn: Sequence[Figure]) -> list[Figure]:
    """All figures in reading order; ``drawn`` are those made on the way."""
    sets = list(dict.fromkeys(str(r.task) for r in records if r.metric.startswith("parallelism.")))
    charts = [layer_figure(models, records, name) for name in sets]
    charts += [parallelism_figure(models, records, name) for name in sets]
    return [f for f in (*charts, *drawn) if f.series]


def angle_figure(own: Answers) -> list[Figure]:
    """Densities of the angle between b - a + c and d, and between c alone and d."""
    near, before = (x[np.isfinite(x)] for x in (own.near.angle, own.before))
    if len(near) < BINS or np.ptp(near) < 1e-9:
        return []
    edges = np.linspace(min(near.min(), before.min()), max(near.max(), before.max()), BINS + 1)
    middle = tuple(float(round(v, 4)) for v in (edges[:-1] + edges[1:]) / 2)
    kinds = (("b - a + c to d", near), ("c alone to d", before))
    series = tuple(
        Series(label, middle, tuple(float(round(v, 6)) for v in np.histogram(x, edges, density=True)[0]))
        for label, x in kinds
    )
    return [
        Figure(
            f"angles-{_id(own.model)}-{own.question_set.name}",
            f"{own.model.label}, {own.question_set.title}: angles to d",
            "degrees",
            "density",
            series,
            "Raw vectors. If the curve of c alone is further to the left, the offset moves away from d.",
            section="Angles",
        )
    ]


def islands(own: Answers, seed: int) -> list[Scatter]:
    """Rank of d under the offset over its rank under plain similarity to c, both as powers of ten."""
    outcome = own.outcomes[MAIN]
    offset, plain = outcome.ranks["offset"].rank, outcome.ranks["c"].rank
    ranked = np.flatnonzero((offset > 0) & (plain > 0))
    if not len(ranked):
        return []
    if len(ranked) > SHOWN:
        ranked = np.random.default_rng(seed).choice(ranked, SHOWN, replace=False)
    x, y = np.log10(plain[ranked]), np.log10(offset[ranked])
    top = float(max(x.max(), y.max(), 1.0))
    points = []
    sections = outcome.questions.section[outcome.asked][ranked]
    numbers = np.unique(sections)
    for number in numbers if len(numbers) <= SECTIONS else [None]:
        here = slice(None) if number is None else sections == number
        label = "questions" if number is None else outcome.questions.sections[number] or "questions"
        points.append(Points(label, _round(x[here]), _round(y[here])))
    return [
        Scatter(
            f"islands-{_id(own.model)}-{own.question_set.name}",
            f"{own.model.label}, {own.question_set.title}: rank of d by the offset and by similarity to c",
            "rank of d by similarity to c alone, power of ten",
            "rank of d by b - a + c, power of ten",
            tuple(points),
            ((0.0, 0.0, top, top),),
            "One mark per question. On the diagonal the offset changes nothing; below it, it raises the rank of d. "
            "a, b and c "
            "are not candidates.",
            "Islands",
            origin=False,
        )
    ]


def parallelism_figure(models: Sequence[Model], records: Sequence[Record], task: str) -> Figure:
    """Parallelism within and between relations in every layer, for models with layers."""
    series = []
    for m in models:
        for part in ("within", "between"):
            if m.baseline and part == "between":
                continue
            rows = _by_layer(m, records, task, f"parallelism.{part}")
            if len(rows) > 2:
                kind: Kind = "baseline" if m.baseline else "measured"
                series.append(_curve(m, rows, f"{m.label}, {part}", kind, f"{m.label} {part}"))
    return Figure(
        f"parallelism-{task}",
        f"Do offsets of one relation point the same way? {task}",
        "relative depth: layer / number of layers (past the end: the model's own vector of a text)",
        "mean cosine of offsets",
        tuple(series),
        "Within: offsets of the same relation, without pairs that share a word. Between: of different relations. "
        "Bands over relations, where there are enough.",
        section="Parallelism by layer",
    )


def layer_figure(models: Sequence[Model], records: Sequence[Record], task: str) -> Figure:
    """Gain over the model's own controls in every layer."""
    series = []
    for m in models:
        rows = _by_layer(m, records, task, f"{MAIN}.top1.gain")
        if len(rows) > 2 and not m.baseline:
            series.append(_curve(m, rows, m.label, "measured"))
    return Figure(
        f"layers-{task}",
        f"Gain over the best control, layer by layer: {task}",
        "relative depth: layer / number of layers (past the end: the model's own vector of a text)",
        "top-1 hits less the best control's",
        tuple(series),
        "3CosAdd, unit rows; a, b and c are not candidates. Controls: similarity to c, to b, pairs of other relations. "
        "A layer is read at the last token of a text.",
        section="Gain by layer",
    )


def _by_layer(model: Model, records: Sequence[Record], task: str, metric: str) -> list[Record]:
    return [r for r in records if (r.source, r.task, r.metric) == (model.source, task, metric) and _whole(r, records)]


def _whole(record: Record, records: Sequence[Record]) -> bool:
    return record.subset is None or not is_of_a_relation(record, records)


def _curve(model: Model, rows: Sequence[Record], label: str, kind: Kind, group: str = "") -> Series:
    order = {space: i for i, space in enumerate(model.spaces)}
    rows = sorted(rows, key=lambda r: order[str(r.space)])
    last = max(1, sum(space.startswith("layer") for space in model.spaces) - 1)
    x = tuple(round(order[str(r.space)] / last, 4) if str(r.space).startswith("layer") else PAST_THE_END for r in rows)
    return Series(
        label,
        x,
        tuple(r.value for r in rows),
        tuple(r.ci_low for r in rows),
        tuple(r.ci_high for r in rows),
        kind,
        group or model.label,
    )


def _id(model: Model) -> str:
    return "".join(c if c.isalnum() else "-" for c in model.label)


def _round(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{v:.4g}") for v in values)
