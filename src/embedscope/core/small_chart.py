"""One small chart as SVG for notebooks: numbers with their intervals, or the first figure of a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from embedscope.core.document import Document, Figure
from embedscope.core.records import Record

_WIDTH, _NAMES, _ROW = 640, 230, 20
_MOST = 16
_COLOURS = ("#1f5fa8", "#c2571a", "#2d7d46", "#8a3f97", "#6b6b6b")


def small_chart(records: Iterable[Record], document: Document | None) -> str:
    """The chart that suits a result; empty where there is nothing to draw.

    The first figure of the document, else the metric that most records have, where two have it at least.
    """
    if document is not None and document.figures:
        drawn = line_chart(document.figures[0])
        if drawn:
            return drawn
    groups: dict[str, list[Record]] = {}
    for r in records:
        if r.value is not None and not r.compares:
            groups.setdefault(r.metric, []).append(r)
    largest = max(groups.values(), key=len, default=[])
    return interval_chart(largest) if len(largest) > 1 else ""


def interval_chart(records: Sequence[Record]) -> str:
    """Values of one metric as dots with their 95 % intervals, one row each, the first sixteen.

    >>> chart = interval_chart([Record("a", "stsb", 0.5, ci_low=0.4, ci_high=0.6), Record("b", "stsb", 0.7)])
    >>> chart.count("<circle"), chart.count("<line"), "stsb" in chart
    (2, 1, True)
    """
    shown = list(records[:_MOST])
    ends = [v for r in shown for v in (r.value, r.ci_low, r.ci_high) if v is not None]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return _NAMES + 10 + (value - low) / span * (_WIDTH - _NAMES - 90)

    parts = [_text(0, 14, f"{shown[0].metric}, {_number(low)} to {_number(high)}", weight="bold")]
    for i, r in enumerate(shown):
        y = 34 + i * _ROW
        value = r.value or 0.0
        parts.append(_text(0, y + 4, _cut(" ".join(p for p in (r.source, r.pooling, r.space) if p))))
        if r.ci_low is not None and r.ci_high is not None:
            parts.append(
                f'<line x1="{x(r.ci_low):.1f}" x2="{x(r.ci_high):.1f}" y1="{y}" y2="{y}" stroke="{_COLOURS[0]}" '
                'stroke-width="2"/>'
            )
        parts.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{_COLOURS[0]}"/>')
        parts.append(_text(_WIDTH - 62, y + 4, _number(value)))
    height = 34 + len(shown) * _ROW
    if len(records) > len(shown):
        parts.append(_text(0, height + 4, f"{len(records) - len(shown)} more"))
        height += _ROW
    return _svg(parts, height, shown[0].metric)


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
    parts.append(_text(50, 24 + tall + 16, f"{figure.x_label}, {_number(left)} to {_number(right)}"))
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
