"""The answer of the study: what the offset finds beyond the best control, in all and relation by relation."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Dot, DotRow, Dots, Headline, Mark
from embedscope.core.records import Record
from embedscope.core.wording import percent
from embedscope.experiments._shimangaud2024.lookup import best_control, is_of_a_relation, main_record, sets_of
from embedscope.experiments._shimangaud2024.numbers import SEMEVAL
from embedscope.experiments._shimangaud2024.scores import MAIN
from embedscope.experiments._shimangaud2024.vectors import Model
from embedscope.experiments._tested import of_record

MANY = 8
"""Least number of relations that are drawn one by one."""

DRAWN = 24
"""Relations that are drawn: all, or the highest and the lowest."""

Case = tuple[Model, str, Record, Record]
"""A model, a set of questions, its hits, and their gain over the best control."""


def headline(models: Sequence[Model], records: Sequence[Record], charts: Sequence[Dots]) -> Headline | None:
    """How many questions each model answers, and how many more than the best control; None without questions."""
    parts, intervals = [], []
    first: dict[str, Case] = {}
    for case in _cases(models, records):
        first.setdefault(case[0].source, case)
    for m, task, hits, gain in first.values():
        status = of_record(gain).above()
        control = best_control(gain) or "the best control"
        points = f"{abs(100 * (gain.value or 0.0)):.0f} points"
        beyond = {"agrees": f"{points} more than {control}", "deviates": f"{points} fewer than {control}"}
        than = beyond.get(status, f"not told apart from {control}")
        parts.append(f"{percent(hits.value or 0.0, 0)} of the questions on {task} in {m.label}, {than}")
        intervals.append(f"{m.label} {of_record(gain).text(signed=True)}")
    if not parts:
        return None
    evidence = f"less the best control: {'; '.join(intervals)}; in brackets 95 % intervals"
    ids = tuple(chart.id for chart in charts[:2])
    return Headline(f"b - a + c answers {'; '.join(parts)}.", "info", evidence, charts=ids)


def gain_charts(models: Sequence[Model], records: Sequence[Record]) -> tuple[Dots, ...]:
    """Hits beside those of the best control, their gain, and the gain of every relation of a set by its name."""
    cases = list(_cases(models, records))
    if not cases:
        return ()
    names = [f"{m.label}, {task}" for m, task, *_ in cases]
    hits = [
        DotRow(name, (Dot(0, h.value or 0.0, h.ci_low, h.ci_high), Dot(1, (h.value or 0.0) - (g.value or 0.0))))
        for name, (_, _, h, g) in zip(names, cases, strict=True)
    ]
    gains = [
        DotRow(name, (Dot(0, g.value or 0.0, g.ci_low, g.ci_high),), best_control(g) or "")
        for name, (_, _, _, g) in zip(names, cases, strict=True)
    ]
    shown = (
        Dots(
            "hits",
            "Questions answered, and by the best control",
            "share of questions with d first",
            tuple(hits),
            ("b - a + c", "best control"),
            ("", "quiet"),
            caption="Bars: 95 % intervals over word pairs.",
        ),
        Dots(
            "gains",
            "What the offset adds to the best control",
            "difference of the shares",
            tuple(gains),
            marks=(Mark(0.0, "best control"),),
            caption="Bars: 95 % intervals over word pairs. At the right: the control that is best.",
        ),
    )
    by_relation = [relation_chart(models, records, task) for task in dict.fromkeys(str(r.task) for r in records)]
    return (*shown, *(chart for chart in by_relation if chart is not None))


def relation_chart(models: Sequence[Model], records: Sequence[Record], task: str) -> Dots | None:
    """Gain over the best control of every relation of a set, by name, highest first; None for few relations."""
    values: dict[str, list[Dot]] = {}
    labels: list[str] = []
    for m in models:
        rows = [
            r
            for r in records
            if r.source == m.source
            and r.task == task
            and r.metric == "headline.top1"
            and r.value is not None
            and (r.note or "").startswith("best control")
            and is_of_a_relation(r, records)
        ]
        if len(rows) >= MANY:
            for r in sorted(rows, key=lambda r: -(r.value or 0.0)):
                values.setdefault(str(r.subset), []).append(Dot(len(labels), r.value or 0.0, r.ci_low, r.ci_high))
            labels.append(m.label)
    if not labels:
        return None
    names = list(values)
    left = len(names) - DRAWN
    if left > 0:
        names = [*names[: DRAWN // 2], *names[-DRAWN // 2 :]]
    some = f" The {DRAWN // 2} highest and the {DRAWN // 2} lowest of {len(values)}." if left > 0 else ""
    return Dots(
        f"gain-{task}",
        f"Gain over the best control, relation by relation: {task}",
        "top-1 hits less the best control's",
        tuple(DotRow(name, tuple(values[name])) for name in names),
        tuple(labels),
        marks=(Mark(0.0, "best control"),),
        caption="Left of zero, a control answers more questions than b - a + c. Bars: 95 % intervals over word pairs."
        f"{some} The table of relations has all.",
        section="Gain by relation",
    )


def _cases(models: Sequence[Model], records: Sequence[Record]) -> list[Case]:
    cases = []
    for m in (m for m in models if not m.baseline):
        for task in sets_of(records, "headline.top1", m.source):
            hits, gain = (main_record(records, m, task, name) for name in (f"{MAIN}.top1", "headline.top1"))
            known = hits is not None and gain is not None and hits.value is not None and gain.value is not None
            if known and not task.endswith(".fifty") and task != SEMEVAL:
                assert hits is not None and gain is not None
                cases.append((m, task, hits, gain))
    return cases
