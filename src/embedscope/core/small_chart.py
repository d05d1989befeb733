"""One small chart as SVG for notebooks: that of the headline, or numbers with their intervals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from embedscope.core.document import Chart, Document, Dots, Figure, Histogram
from embedscope.core.records import Record
from embedscope.core.wording import count

_WIDTH, _NAMES, _ROW = 640, 230, 20
_MOST = 16
_AXIS = 40  # letters of the name of an axis, of which longer ones leave their explanation to the report
_COLOURS = ("#1f5fa8", "#c2571a", "#2d7d46", "#8a3f97", "#6b6b6b")


def small_chart(records: Iterable[Record], document: Document | None) -> str:
    """The chart that suits a result; empty where there is nothing to draw.

    The first chart of the document, that of its headline, else the metric that most records have, where two have it at
    least.
    """
    for chart in document.charts if document is not None else ():
        if drawn := _chart(chart):
            return drawn
    groups: dict[str, list[Record]] = {}
    for r in records:
        if r.value is not None and not r.compares:
            groups.setdefault(r.metric, []).append(r)
    largest = max(groups.values(), key=len, default=[])
    return interval_chart(largest) if len(largest) > 1 else ""


def _chart(chart: Chart) -> str:
    if isinstance(chart, Figure):
        return line_chart(chart)
    if isinstance(chart, Dots):
        return dots_chart(chart)
    return histogram_chart(chart) if isinstance(chart, Histogram) else ""


@dataclass(frozen=True)
class _Line:
    """A row of a chart: its name, what is drawn (value, low, high, colour), and the number behind it."""

    name: str
    dots: tuple[tuple[float, float | None, float | None, str], ...]
    note: str


def interval_chart(records: Sequence[Record]) -> str:
    """Values of one metric as dots with their 95 % intervals, one row each, the first sixteen.

    >>> chart = interval_chart([Record("a", "stsb", 0.5, ci_low=0.4, ci_high=0.6), Record("b", "stsb", 0.7)])
    >>> chart.count("<circle"), chart.count("<line"), "stsb" in chart
    (2, 1, True)
    """
    lines = [
        _Line(
            " ".join(p for p in (r.source, r.pooling, r.space) if p),
            ((r.value or 0.0, r.ci_low, r.ci_high, _COLOURS[0]),),
            _number(r.value or 0.0),
        )
        for r in records
    ]
    return _rows_chart(records[0].metric, lines)


def dots_chart(chart: Dots) -> str:
    """A dot plot, one row a category, the first sixteen; empty where it has no dot."""
    lines = [
        _Line(
            row.label,
            tuple((d.value, d.low, d.high, _COLOURS[d.series % len(_COLOURS)]) for d in row.dots),
            row.note or (_number(row.dots[0].value) if len(row.dots) == 1 else ""),
        )
        for row in chart.rows
        if row.dots
    ]
    return _rows_chart(chart.title, lines, chart.x_label) if lines else ""


def _rows_chart(title: str, lines: Sequence[_Line], label: str = "") -> str:
    """Rows under ``title``; what the axis is stands below where it has a ``label``, else beside the title."""
    shown = lines[:_MOST]
    notes = max(7 * max(len(line.note) for line in shown), 30) + 8
    ends = [v for line in shown for value, a, b, _ in line.dots for v in (value, a, b) if v is not None]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return _NAMES + 10 + (value - low) / span * (_WIDTH - _NAMES - 20 - notes)

    ends_of_axis = f"{_number(low)} to {_number(high)}"
    parts = [_text(0, 14, title if label else f"{title}, {ends_of_axis}", weight="bold")]
    for i, line in enumerate(shown):
        y = 34 + i * _ROW
        parts.append(_text(0, y + 4, _cut(line.name)))
        for value, a, b, colour in line.dots:
            if a is not None and b is not None:
                parts.append(
                    f'<line x1="{x(a):.1f}" x2="{x(b):.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
                )
            parts.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(_text(_WIDTH - notes + 8, y + 4, line.note))
    height = 34 + len(shown) * _ROW
    if len(lines) > len(shown):
        parts.append(_text(0, height + 4, f"{len(lines) - len(shown)} more"))
        height += _ROW
    if label:
        parts.append(_text(_NAMES + 10, height + 4, f"{label}, {ends_of_axis}"))
        height += _ROW
    return _svg(parts, height, title)


def histogram_chart(chart: Histogram) -> str:
    """The bars of a histogram, those of several series over each other, with its marks; empty without any height."""
    top = max((h for s in chart.series for h in s.heights), default=0.0)
    low, high = chart.edges[0], chart.edges[-1]
    if top <= 0 or high <= low:
        return ""
    left, right, floor, tall = 8, _WIDTH - 8, 176, 140

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    parts = [_text(0, 14, chart.title, weight="bold")]
    air = 0.1 * (right - left) / len(chart.names) if chart.names else 0.0
    for i, series in enumerate(chart.series):
        bars = zip(chart.edges, chart.edges[1:], series.heights, strict=False)
        path = "".join(
            f"M{x(a) + air:.1f} {floor}V{floor - h / top * tall:.1f}H{x(b) - air:.1f}V{floor}Z"
            for a, b, h in bars
            if h > 0
        )
        parts.append(f'<path d="{path}" fill="{_COLOURS[i % len(_COLOURS)]}" fill-opacity="0.5"/>')
        if series.label:
            parts.append(
                _text(
                    left + i * 200, floor + (52 if chart.names else 36), _cut(series.label), _COLOURS[i % len(_COLOURS)]
                )
            )
    for mark in chart.marks:
        if low <= mark.at <= high:
            at = x(mark.at)
            parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="30" y2="{floor}" stroke="currentColor"/>')
    marks = ", ".join(m.label for m in chart.marks if m.label and low <= m.at <= high)
    for a, b, name in zip(chart.edges, chart.edges[1:], chart.names, strict=False):
        parts.append(_text((x(a) + x(b)) / 2 - 3.5 * len(name), floor + 16, name))
    axis = chart.x_label if chart.names else f"{chart.x_label}, {_number(low)} to {_number(high)}"
    below = floor + (34 if chart.names else 18)
    parts.append(_text(left, below, "; ".join(filter(None, (axis, marks)))))
    return _svg(parts, below + 24, chart.title)


def line_chart(figure: Figure) -> str:
    """The curves of a figure, with a dot where a curve has one point; empty where none is defined."""
    curves = [
        (s.label, [(x, y) for x, y in zip(s.x, s.y, strict=True) if y is not None])
        for s in figure.series[: len(_COLOURS)]
    ]
    points = [p for _, points_of_curve in curves for p in points_of_curve]
    if not points:
        return ""
    left, right = min(p[0] for p in points), max(p[0] for p in points)
    low, high = figure.y_range or (min(p[1] for p in points), max(p[1] for p in points))
    wide, tall = _WIDTH - 60, 160

    def at(point: tuple[float, float]) -> tuple[float, float]:
        across = (point[0] - left) / ((right - left) or 1.0)
        up = (point[1] - low) / ((high - low) or 1.0)
        return 50 + across * wide, 24 + (1 - up) * tall

    parts = [_text(0, 14, figure.title, weight="bold"), _text(0, 32, _number(high)), _text(0, 24 + tall, _number(low))]
    for i, (label, points_of_curve) in enumerate(curves):
        colour = _COLOURS[i]
        places = [at(point) for point in points_of_curve]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(places) == 1:
            parts.append(f'<circle cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="4" fill="{colour}"/>')
        parts.append(_text(50 + i * 118, 24 + tall + 34, _cut(label, 16), colour))
    axis = figure.x_label if len(figure.x_label) <= _AXIS else re.split(r": | \(", figure.x_label, maxsplit=1)[0]
    rest = len(figure.series) - len(curves)
    more = f"; {count(rest, 'more curve')} in the report" if rest > 0 else ""
    parts.append(_text(50, 24 + tall + 16, f"{axis}, {_number(left)} to {_number(right)}{more}"))
    return _svg(parts, 24 + tall + 42, figure.title)


def _svg(parts: Sequence[str], height: int, title: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title, quote=True)}" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'style="max-width:100%;height:auto" font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, colour: str = "currentColor", weight: str = "normal") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" font-weight="{weight}">{escape(text)}</text>'


def _cut(text: str, most: int = 34) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _number(value: float) -> str:
    return f"{value:.4g}"
