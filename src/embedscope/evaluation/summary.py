"""What ``evaluate`` says: which source scores how high, where, and what is ahead; with the chart beside it."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Document, Dot, DotRow, Dots, Headline, Skipped, Status
from embedscope.core.records import Record
from embedscope.core.wording import join_names

_SERIES = 6
"""Sources that one chart tells apart."""

_TOLD = 3
"""Scores, or tasks, that a headline names."""


def score_document(records: Sequence[Record], skipped: Sequence[Skipped] = ()) -> Document | None:
    """The document of scores; tables and curves over layers follow from the records."""
    shown = _records_to_draw(records)
    if not shown:
        return Document("Evaluation", skipped=tuple(skipped)) if skipped else None
    places = _places(records)
    chart = score_chart(shown, places)
    charts = () if chart is None else (chart.id,)
    names = list(dict.fromkeys(source for source, _ in shown))
    title = f"Evaluation of {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Document(
        title,
        skipped=tuple(skipped),
        headline=_headline(shown, records, names, charts, places),
        dots=() if chart is None else (chart,),
    )


def score_chart(shown: dict[tuple[str, str], Record], places: set[str]) -> Dots | None:
    """Every task as a row, every source as a dot with its interval."""
    sources = list(dict.fromkeys(source for source, _ in shown))[:_SERIES]
    metrics = list(dict.fromkeys(metric for _, metric in shown))
    rows = []
    for metric in metrics:
        records = [(i, shown[s, metric]) for i, s in enumerate(sources) if (s, metric) in shown]
        dots = tuple(Dot(i, r.value or 0.0, r.ci_low, r.ci_high) for i, r in records)
        note = _place(records[0][1], places) if len(sources) == 1 else ""
        rows.append(DotRow(metric, dots, f"{records[0][1].value:.3f}{note}" if len(sources) == 1 else ""))
    rows = [r for r in rows if r.dots]
    if not rows:
        return None
    best = any(r.metric.endswith(".best") for r in shown.values())
    caption = "Bars: 95 % intervals." + (" The best space of each source." if best else "")
    names = tuple(s.rpartition("/")[2] or s for s in sources)
    return Dots("scores", "Scores", "score", tuple(rows), names, caption=caption)


def _records_to_draw(records: Sequence[Record]) -> dict[tuple[str, str], Record]:
    """The record of each source and task that is drawn: the best of several spaces, or the only one."""
    plain = [r for r in records if not r.compares and r.value is not None and r.subset is None]
    plain = [r for r in plain if not r.source.startswith("random:")]
    main = [r for r in plain if r.metric == r.task] or plain
    by_source: dict[tuple[str, str], Record] = {}
    for r in main:
        key = (r.source, _name(r))
        if key not in by_source or (r.value or 0.0) > (by_source[key].value or 0.0):
            by_source[key] = r
    for r in records:
        if r.metric.endswith(".best") and r.value is not None:
            key = (r.source, _name(r))
            if key in by_source and (r.value or 0.0) >= (by_source[key].value or 0.0):
                by_source[key] = r
    return by_source


def _name(r: Record) -> str:
    name = r.metric.removesuffix(".best")
    return f"{name} ({r.variant})" if r.variant else name


def _places(records: Sequence[Record]) -> set[str]:
    """Sources with scores in several spaces, of which it must be said where the best one is."""
    spaces = {(r.source, r.pooling, r.space) for r in records if r.value is not None and not r.compares and r.space}
    sources = [source for source, _, _ in spaces]
    return {source for source in sources if sources.count(source) > 1}


def _place(r: Record, places: set[str]) -> str:
    place = " ".join(filter(None, (r.pooling, r.space)))
    return f" at {place}" if r.source in places and place else ""


def _score(r: Record, places: set[str]) -> str:
    """``0.894 on ndcg@10 (0.854 to 0.927)``."""
    known = r.ci_low is not None and r.ci_high is not None
    place = " ".join(filter(None, (r.pooling, r.space))) if r.source in places else ""
    inside = ", ".join(filter(None, (f"{r.ci_low:.3f} to {r.ci_high:.3f}" if known else "", place)))
    return f"{r.value:.3f} on {_name(r)}" + (f" ({inside})" if inside else "")


def _headline(
    shown: dict[tuple[str, str], Record],
    records: Sequence[Record],
    names: Sequence[str],
    charts: tuple[str, ...],
    places: set[str],
) -> Headline:
    differences = [r for r in records if r.metric.endswith(".difference") and r.value is not None]
    if len(names) == 1:
        own = list(shown.values())
        stated = own if len(own) <= _TOLD else own[: _TOLD - 1]
        scores = [_score(r, places) for r in stated]
        text = f"{names[0]} scores {join_names(scores)}."
        sizes = {r.n for r in own}
        parts = [f"n {next(iter(sizes)):,}"] if len(sizes) == 1 and None not in sizes else []
        parts += ["in brackets 95 % intervals"] if any(r.ci_low is not None for r in stated) else []
        parts += [f"{len(own) - len(stated)} more scores below"] if len(own) > len(stated) else []
        return Headline(text, "info", "; ".join(parts), charts=charts)
    if len(names) == 2 and differences:
        return Headline(*_duel(shown, differences, (names[0], names[1])), charts=charts)
    metrics = list(dict.fromkeys(metric for _, metric in shown))
    best = {m: max((s for s in names if (s, m) in shown), key=lambda s: shown[s, m].value or 0.0) for m in metrics}
    wins = sorted(((list(best.values()).count(s), s) for s in dict.fromkeys(best.values())), reverse=True)
    n, winner = wins[0]
    own = [shown[winner, m] for m in metrics if best[m] == winner]
    text = f"{winner} has the highest score on {n} of {_tasks(len(metrics))}: "
    text += ", ".join(f"{_name(r)} {r.value:.3f}" for r in own[:_TOLD]) + (" and others" if n > _TOLD else "")
    return Headline(f"{text}.", "info", "differences with their intervals are in the table", charts=charts)


def _duel(
    shown: dict[tuple[str, str], Record], differences: Sequence[Record], names: tuple[str, str]
) -> tuple[str, Status, str]:
    """Which of two sources scores higher, on which tasks and by how much: text, status and evidence."""
    a, b = names
    up = [r for r in differences if (r.ci_low or 0) > 0]
    down = [r for r in differences if (r.ci_high or 0) < 0]
    open_ = [r for r in differences if r not in up and r not in down]
    first, second, won, lost = (a, b, up, down) if len(up) >= len(down) else (b, a, down, up)
    few = len(differences) <= _TOLD

    def name_tasks(some: Sequence[Record]) -> str:
        """The tasks with both scores where there are few of them, else how many and the widest apart."""
        ranked = sorted(some, key=lambda r: -abs(r.value or 0.0))
        said = [
            f"{_task(r)} ({shown[first, _task(r)].value:.3f} against {shown[second, _task(r)].value:.3f})"
            for r in ranked
            if (first, _task(r)) in shown and (second, _task(r)) in shown
        ]
        if few and len(said) == len(some):
            return join_names(said)
        return f"{len(some)} of {_tasks(len(differences))}" + (f", most on {said[0]}" if said else "")

    sign = 1 if first == a else -1
    evidence = "; ".join(
        f"{_task(r)} {sign * (r.value or 0.0):+.3f}"
        + (
            f" ({min(sign * r.ci_low, sign * r.ci_high):+.3f} to {max(sign * r.ci_low, sign * r.ci_high):+.3f})"
            if r.ci_low is not None and r.ci_high is not None
            else ""
        )
        for r in differences[:_TOLD]
    )
    evidence = f"differences {evidence}; in brackets 95 % intervals"
    if not won:
        return f"No difference between {a} and {b} is beyond chance on {name_tasks(open_)}.", "info", evidence
    text = f"{first} scores higher than {second} on {name_tasks(won)}"
    text += f", lower on {name_tasks(lost)}" if lost else ""
    text += f"; the difference on {name_tasks(open_)} is within chance" if open_ else ""
    return f"{text}.", "info", evidence


def _task(r: Record) -> str:
    """The name that the scores of a difference go by."""
    name = r.metric.removesuffix(".difference")
    return f"{name} ({r.variant})" if r.variant else name


def _tasks(n: int) -> str:
    return "1 task" if n == 1 else f"{n} tasks"
