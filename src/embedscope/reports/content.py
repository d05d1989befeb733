"""What the page shows, as plain values that the templates only lay out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from embedscope.core.document import Chart, Document, Dots, Figure, Finding, Histogram, Scatter, Series, Table, cell
from embedscope.core.result import Result
from embedscope.reports.charts import SIZES, chart, description, digits_of, mark, short_label
from embedscope.reports.generic import document_of
from embedscope.reports.glossary import help_of
from embedscope.reports.headlines import by_importance, headline_of, leading_charts
from embedscope.reports.numbers import is_numeric, is_span, leading_number, typeset
from embedscope.reports.origins import origins_of
from embedscope.reports.panels import SIZES as PANEL_SIZES
from embedscope.reports.panels import colour_of, describe_chart, dot_values, dots, histogram, histogram_values
from embedscope.reports.scales import x_axis
from embedscope.reports.scatters import plane
from embedscope.reports.styles import PALETTE, Key, Style, key_of, styles_of

STATUSES = {
    "agrees": ("Agrees", "agree", "agrees"),
    "deviates": ("Deviates", "deviate", "deviates"),
    "undecided": ("Undecided", "undecided", "undecided"),
    "serious": ("Serious", "serious", "serious"),
    "warning": ("Warning", "warnings", "warning"),
    "info": ("Note", "notes", "note"),
    "ok": ("Fine", "fine", "fine"),
}
MANY = 12
"""Rows of a dot plot from which on it stands after a chart that fits the screen."""

_PLAIN_NAMES = {"measured": "measured", "baseline": "random init", "published": "published", "reference": "reference"}


def page_content(result: Result) -> dict[str, Any]:
    """Everything ``report.html.j2`` asks for, but styles and scripts."""
    document = document_of(result)
    findings = [f for f in by_importance(document.findings) if not _repeats(f, document)]
    lead = leading_charts(document)
    styles = styles_of(document.figures)
    together = [lead] if _share_curves(lead) else [(c,) for c in lead]
    shown = [f for f in findings if not f.minor]
    brief = _others(document, shown) if len(lead) == 1 else []
    alone = len(lead) == 1 and not brief and not isinstance(lead[0], Figure | Scatter)
    leading = [_group("", charts, styles, f"lead-{i}", alone=alone) for i, charts in enumerate(together)]
    return {
        "document": document,
        "headline": headline_of(document),
        "leading": leading,
        "alone": alone,
        "n_records": len(result.records),
        "statuses": STATUSES,
        "tally": tally(findings),
        "findings": shown,
        "brief": brief,
        "minor": [f for f in findings if f.minor],
        "groups": groups(document, lead, styles),
        "tables": [_table(t, i) for i, t in enumerate(document.tables)],
        "origins": origins_of(result.provenance),
        "mark": mark,
    }


def _share_curves(charts: Sequence[Chart]) -> bool:
    """Whether charts are line charts that have a curve in common, so that one legend serves them all."""
    keys = [{key_of(s) for s in c.series if s.kind != "reference"} for c in charts if isinstance(c, Figure)]
    return len(keys) == len(charts) > 1 and bool(set.intersection(*keys))


def _others(document: Document, findings: list[Finding]) -> list[Finding]:
    """The findings that the headline does not say already."""
    headline = headline_of(document)
    said = "" if headline is None else f"{headline.text} {headline.cause}"
    return [f for f in findings if f.text.rstrip(".") not in said]


def _repeats(finding: Finding, document: Document) -> bool:
    """Whether the headline says all that ``finding`` says."""
    headline = headline_of(document)
    more = finding.harm or finding.remedy or finding.detail or finding.rows or finding.source
    if headline is None or more or finding.text != headline.text:
        return False
    return finding.evidence in ("", headline.evidence)


def tally(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """How many findings have each status, in words.

    >>> tally([Finding("a", "agrees"), Finding("b", "agrees"), Finding("c")])
    [('agrees', '2 agree'), ('info', '1 note')]
    """
    counts = Counter(f.status for f in findings)
    return [
        (name, f"{counts[name]} {one if counts[name] == 1 else many}")  # type: ignore[index]
        for name, (_, many, one) in STATUSES.items()
        if counts[name]  # type: ignore[index]
    ]


def groups(document: Document, lead: Iterable[Chart], styles: Mapping[Key, Style]) -> list[dict[str, Any]]:
    """The charts that are not ``lead``, by section: curves with one legend, then the other forms."""
    first = {id(c) for c in lead}
    titled: dict[str, list[Chart]] = {}
    for chart_ in (c for c in document.charts if id(c) not in first):
        titled.setdefault(chart_.section, []).append(chart_)
    return [_group(title, charts, styles, str(n)) for n, (title, charts) in enumerate(titled.items())]


def _group(
    title: str, charts: Sequence[Chart], styles: Mapping[Key, Style], name: str, *, alone: bool = False
) -> dict[str, Any]:
    figures = [c for c in charts if isinstance(c, Figure)]
    others = [c for c in charts if not isinstance(c, Figure)]
    return {
        "id": f"section-{name}",
        "title": title,
        "many": any(isinstance(c, Dots) and len(c.rows) > MANY for c in others),
        "curves": _section(title, figures, styles, name) if figures else None,
        "panels": [_panel(c, f"panel-{name}-{i}", alone=alone) for i, c in enumerate(others)],
    }


def _panel(item: Histogram | Dots | Scatter, name: str, *, alone: bool = False) -> dict[str, Any]:
    """A chart that is no line chart: its geometry, its legend, and the values behind it.

    One that is ``alone`` on the first screen is also drawn as wide as the page.
    """
    sizes = [size for size in PANEL_SIZES if alone or size != "wide"]
    panel: dict[str, Any] = {"name": name, "chart": item, "plane": None, "panels": [], "legend": [], "behind": None}
    panel["description"] = "" if isinstance(item, Scatter) else describe_chart(item)
    if isinstance(item, Scatter):
        return panel | {"plane": plane(item)}
    if isinstance(item, Histogram):
        named = [(f"c{i % len(PALETTE)}", s.label) for i, s in enumerate(item.series) if s.label]
        drawn = [histogram(item, size) for size in sizes]
        values = histogram_values(item)
    else:
        used = sorted({d.series for r in item.rows for d in r.dots})
        named = [(colour_of(i, item.tones), item.series[i]) for i in used if i < len(item.series) and item.series[i]]
        drawn = [dots(item, size) for size in sizes]
        values = dot_values(item)
    return panel | {"panels": drawn, "legend": named if len(named) > 1 else [], "behind": values}


def _section(title: str, figures: list[Figure], styles: Mapping[Key, Style], n: str) -> dict[str, Any]:
    keys = list(dict.fromkeys(key_of(s) for f in figures for s in f.series))
    index = {key: i for i, key in enumerate(keys)}
    size = "half" if n.startswith("lead") or len(figures) in (1, 2, 4) else "third"
    legend: dict[str, list[dict[str, Any]]] = {}
    for key in keys:
        group, label, kind = key
        short = label.removeprefix(group).strip(" ,:·/-") or _PLAIN_NAMES[kind]
        entry = {"index": index[key], "label": label, "short": short, "kind": kind, "style": styles[key]}
        legend.setdefault(group, []).append(entry)
    kinds = list(dict.fromkeys(kind for _, _, kind in keys))
    axes = dict.fromkeys(f.x_label for f in figures if short_label(f.x_label) != f.x_label)
    return {
        "title": title,
        "size": size,
        "legend": legend,
        "headed": _groups_with_heading(legend),
        "kinds": kinds,
        "axes": list(axes),
        "bands": any(s.low is not None for f in figures for s in f.series),
        "figures": [_figure(f, figures, styles, index, size, f"figure-{n}-{i}") for i, f in enumerate(figures)],
    }


def _groups_with_heading(legend: Mapping[str, list[dict[str, Any]]]) -> set[str]:
    """Groups whose name stands before their curves: of several curves, or of one whose label does not say it."""
    said = {group: f"{entries[0]['label']}" for group, entries in legend.items() if len(entries) == 1}
    return {
        group for group in legend if group not in said or (len(legend) > 1 and not _words(group) <= _words(said[group]))
    }


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


def _figure(
    figure: Figure, peers: list[Figure], styles: Mapping[Key, Style], index: Mapping[Key, int], size: str, name: str
) -> dict[str, Any]:
    same = [f for f in peers if f.x_label == figure.x_label]
    charts = [chart(figure, x_axis(same, SIZES[s][2]), styles, index, s) for s in dict.fromkeys((size, "third"))]
    x_label, digits = short_label(figure.x_label), digits_of(charts[0].y)
    curves = [
        {"i": index[key_of(s)], "label": s.label, "x": s.x, "y": s.y, "low": s.low, "high": s.high}
        for s in figure.series
    ]
    return {
        "name": name,
        "figure": figure,
        "charts": charts,
        "empty": all(y is None for s in figure.series for y in s.y),
        "description": description(figure),
        "data": {
            "title": figure.title,
            "x_label": x_label,
            "digits": digits,
            "powers": figure.powers,
            "series": curves,
        },
        "x_label": x_label,
        "rows": list(_value_rows(figure, digits)),
    }


def _value_rows(figure: Figure, digits: int) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    """Rows of the table behind a figure: the x value, then (value, interval) of every curve."""
    series = figure.series
    places = [{x: i for i, x in enumerate(s.x)} for s in series]
    for x in sorted({x for s in series for x in s.x}):
        yield figure.x_text(x), [_value(s, at.get(x), digits) for s, at in zip(series, places, strict=True)]


def _value(series: Series, i: int | None, digits: int) -> tuple[str, str]:
    y = None if i is None else series.y[i]
    if i is None or y is None:
        return ("", "")
    low = series.low[i] if series.low else None
    high = series.high[i] if series.high else None
    return (f"{y:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}" if low is not None and high is not None else "")


def _table(table: Table, n: int) -> dict[str, Any]:
    numeric = [is_numeric(row[i] for row in table.rows) for i in range(len(table.columns))]
    columns = [
        {
            "title": c.title,
            "help": c.help or help_of(c.title),
            "numeric": k,
            "published": "published" in c.title.lower(),
            "long": any(len(str(row[i])) > 60 for row in table.rows),
            "span": any(is_span(row[i]) for row in table.rows),
        }
        for i, (c, k) in enumerate(zip(table.columns, numeric, strict=True))
    ]
    rows = [
        [
            {"text": typeset(cell(v, c.digits)), "key": leading_number(v) if k else None}
            for v, c, k in zip(row, table.columns, numeric, strict=True)
        ]
        for row in table.rows
    ]
    return {
        "name": f"table-{n}",
        "title": table.title,
        "caption": table.caption,
        "columns": columns,
        "rows": rows,
        "tall": len(rows) > 24,
    }
