"""What ``evaluate`` says: which source scores how high, where, and what is ahead; with the chart beside it."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Document, Dot, DotRow, Dots, Headline, Skipped
from embedscope.core.records import Record

_SERIES = 6
"""Sources that one chart tells apart."""


def score_document(records: Sequence[Record], skipped: Sequence[Skipped] = ()) -> Document | None:
    """The document of scores; tables and curves over layers follow from the records."""
    shown = _shown(records)
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


def _shown(records: Sequence[Record]) -> dict[tuple[str, str], Record]:
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


def _said(r: Record) -> str:
    known = r.ci_low is not None and r.ci_high is not None
    return f"{_name(r)} {r.value:.3f}" + (f" ({r.ci_low:.3f} to {r.ci_high:.3f})" if known else "")


def _headline(
    shown: dict[tuple[str, str], Record],
    records: Sequence[Record],
    names: Sequence[str],
    charts: tuple[str, ...],
    places: set[str],
) -> Headline:
    differences = [r for r in records if r.metric.endswith(".difference") and r.value is not None]
    told = list(shown.items())[:4] if len(names) > 1 else list(shown.items())[:2]
    prefix = {source: f"{source.rpartition('/')[2]}: " if len(names) > 1 else "" for source in names}
    evidence = "; ".join(f"{prefix[source]}{_said(r)}" for (source, _), r in told)
    evidence += "; in brackets 95 % intervals"
    if len(names) == 2 and differences:
        a, b = names
        ahead = [sum((r.ci_low or 0) > 0 for r in differences), sum((r.ci_high or 0) < 0 for r in differences)]
        first, second = (a, b) if ahead[0] >= ahead[1] else (b, a)
        n = len(differences)
        if not max(ahead):
            text = f"No difference between {a} and {b} is beyond chance on {_tasks(n)}."
        else:
            text = f"{first} scores higher than {second} on {max(ahead)} of {_tasks(n)}"
            text += f", lower on {min(ahead)}" if min(ahead) else ""
            left = n - sum(ahead)
            text += f"; {left} {'is' if left == 1 else 'are'} within chance." if left else "."
        return Headline(text, "info", evidence, charts=charts)
    if len(names) == 1:
        own = list(shown.values())
        text = "; ".join(f"{_name(r)} {r.value:.3f}{_place(r, places)}" for r in own[:3])
        more = f"; {len(own) - 3} more below" if len(own) > 3 else ""
        return Headline(f"{names[0]}: {text}{more}.", "info", evidence, charts=charts)
    metrics = list(dict.fromkeys(metric for _, metric in shown))
    best = [max((s for s in names if (s, m) in shown), key=lambda s: shown[s, m].value or 0.0) for m in metrics]
    wins = sorted(((best.count(s), s) for s in dict.fromkeys(best)), reverse=True)
    text = f"{wins[0][1]} has the highest score on {wins[0][0]} of {_tasks(len(metrics))}"
    return Headline(f"{text}; differences are in the table.", "info", evidence, charts=charts)


def _tasks(n: int) -> str:
    return "1 task" if n == 1 else f"{n} tasks"
