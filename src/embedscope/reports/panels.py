"""Histograms and dot plots as SVG geometry: the template writes it, the style sheet gives it colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedscope.core.document import Dot, DotRow, Dots, Histogram, Mark, Range
from embedscope.reports.charts import Point, mark
from embedscope.reports.labels import breadth
from embedscope.reports.numbers import typeset
from embedscope.reports.scales import Axis, steps
from embedscope.reports.styles import MARKERS, PALETTE

SIZES = {"wide": (1120, 300), "half": (560, 300), "third": (370, 250)}
"""Width and height of a chart that has the page for itself, one half of it, or less."""

LINE = 15
TONES = ("good", "bad", "quiet")
_HOVERED = 80


@dataclass(frozen=True)
class Label:
    """A text at (x, y); ``anchor`` is start, middle or end, ``kind`` its class."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    kind: str = "label"


@dataclass(frozen=True)
class Shape:
    """A path of the class ``kind`` with a tooltip."""

    d: str
    kind: str
    title: str = ""


@dataclass(frozen=True)
class Panel:
    """A chart of ``width`` x ``height`` units: shapes in drawing order, labels on top."""

    size: str
    width: int
    height: int
    shapes: tuple[Shape, ...]
    labels: tuple[Label, ...]


def describe_chart(chart: Histogram | Dots) -> str:
    """The chart in words, for screen readers."""
    if isinstance(chart, Histogram):
        parts = [f"Histogram of {chart.x_label}, {chart.y_label}."]
        for s in chart.series:
            if top := max(s.heights, default=0.0):
                parts.append(f"{s.label} highest at {_bin(chart, s.heights.index(top))}.".strip())
    else:
        parts = [f"Dot plot of {chart.x_label}."]
        parts += [f"{describe_dot(chart, row, dot)}." for row in chart.rows for dot in row.dots]
    return " ".join([*parts, *(f"A line at {m.at:.4g}: {m.label}." for m in chart.marks if m.label)])


@dataclass(frozen=True)
class Frame:
    """Where the plot lies within its panel, and its x axis."""

    left: float
    right: float
    top: float
    bottom: float
    x: Axis

    def across(self, value: float) -> float:
        """Position of ``value`` on the x axis, kept within the plot."""
        share = min(1.0, max(0.0, self.x.share(value)))
        return round(self.left + share * (self.right - self.left), 1)


def colour_of(i: int, tones: Sequence[str]) -> str:
    """Class of the colour of series ``i``: by its tone where it has one."""
    tone = tones[i] if i < len(tones) else ""
    return tone if tone in TONES else f"c{i % len(PALETTE)}"


def histogram(chart: Histogram, size: str) -> Panel:
    """Geometry of a histogram."""
    width, height = SIZES[size]
    low, high = chart.edges[0], chart.edges[-1]
    count = {"wide": 14, "half": 8, "third": 5}[size]
    x = Axis(low, high, () if chart.names else steps(low, high, count))
    top = max((h for s in chart.series for h in s.heights), default=0.0) * 1.04 or 1.0
    ticks = [t for t in steps(0.0, top, 4) if t <= top]
    percent = chart.y_label.startswith("share") and top <= 1.05
    left = 8 + 7 * max((len(_tick(t, ticks, percent=percent)) for t in ticks), default=3)
    placed, levels = _above(chart.marks, chart.ranges, x, left, width - 10)
    frame = Frame(left, width - 10, 20 + LINE * levels, height - 38, x)

    def up(value: float) -> float:
        return round(frame.bottom - value / top * (frame.bottom - frame.top), 1)

    shapes = [*_ranges(chart.ranges, frame)]
    labels = [Label(0, 12, chart.y_label, "start"), *_axis(x, frame, width), *_raise_labels(placed, frame.top)]
    for t in ticks:
        shapes.append(Shape(f"M{frame.left:g} {up(t)}H{frame.right:g}", "rule"))
        labels.append(Label(frame.left - 6, up(t) + 4, _tick(t, ticks, percent=percent), "end", "tick"))
    for i, series in enumerate(chart.series):
        lanes = categories(chart, i)
        path = _outline(chart.edges, series.heights, frame, up) if lanes is None else _columns(lanes, frame, up)
        shapes.append(Shape(path, f"bars c{i % len(PALETTE)}"))
    shapes += _marks(chart.marks, frame)
    shapes.append(Shape(f"M{frame.left:g} {frame.bottom:g}H{frame.right:g}", "base"))
    labels += [
        Label(frame.across((a + b) / 2), frame.bottom + 17, name, "middle", "tick")
        for a, b, name in zip(chart.edges, chart.edges[1:], chart.names, strict=False)
    ]
    shapes += [] if chart.names else [Shape(f"M{frame.across(t)} {frame.bottom:g}v4", "base") for t in x.ticks]
    if len(chart.edges) <= _HOVERED:
        shapes += _hover_boxes(chart, frame)
    labels.append(Label(frame.right, frame.bottom + 33, chart.x_label, "end"))
    return Panel(size, width, height, tuple(shapes), tuple(labels))


def dots(chart: Dots, size: str) -> Panel:
    """Geometry of a dot plot; labels stand above their rows where they are long or the chart is narrow."""
    width = SIZES[size][0]
    longest = max((breadth(r.label, strong=r.strong) for r in chart.rows), default=0.0)
    noted = max((breadth(r.note, strong=r.strong) for r in chart.rows), default=0.0)
    stacked = size == "third" or longest + noted > 0.62 * width
    lanes = 1 if chart.joined else max((len({d.series for d in r.dots}) for r in chart.rows), default=1)
    row = 12 + max(14, 11 * lanes) + (LINE if stacked else 0)
    left, right = (8.0, width - 10.0) if stacked else (longest + 14, width - 14 - noted)
    x = _dots_axis(chart, right - left, 14 if size == "wide" else 7)
    placed, levels = _above(chart.marks, chart.ranges, x, left, right)
    top = 8 + LINE * levels
    frame = Frame(left, right, top, top + row * len(chart.rows), x)
    shapes, labels = [*_ranges(chart.ranges, frame)], [*_axis(x, frame, width), *_raise_labels(placed, frame.top)]
    shapes += [Shape(f"M{frame.across(t)} {frame.top:g}V{frame.bottom:g}", "rule") for t in x.ticks]
    shapes += _marks(chart.marks, frame, (row, LINE + 4) if stacked else None)
    for i, item in enumerate(chart.rows):
        start = frame.top + row * i
        middle = start + row / 2 + (LINE / 2 if stacked else 0)
        kind = "name strong" if item.strong else "name"
        at = (0.0, start + 14, "start") if stacked else (left - 12, middle + 4, "end")
        labels.append(Label(at[0], at[1], item.label, at[2], kind))
        if item.note:
            labels.append(Label(width, at[1], typeset(item.note), "end", "note strong" if item.strong else "note"))
        shapes.append(Shape(f"M{left:g} {middle:g}H{right:g}", "rule"))
        shapes += _row(chart, item, middle, frame, lanes)
    shapes.append(Shape(f"M{left:g} {frame.bottom:g}H{right:g}", "base"))
    labels.append(Label(frame.right, frame.bottom + 33, chart.x_label, "end"))
    return Panel(size, width, int(frame.bottom + 38), tuple(shapes), tuple(labels))


def span(chart: Dots) -> tuple[float, float]:
    """The ends of the x axis of a dot plot: its values, intervals and marks with a little room."""
    values = [v for r in chart.rows for d in r.dots for v in (d.value, d.low, d.high) if v is not None]
    values += [m.at for m in chart.marks]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = (high - low) * 0.05 or abs(low) * 0.1 or 0.5
    bound = 1.0 if max(abs(low), abs(high)) <= 1.0 else math.inf
    return (0.0 if 0.0 <= low < 0.35 * high else max(low - pad, -bound)), min(high + pad, bound)


def _dots_axis(chart: Dots, width: float, most: int) -> Axis:
    """The x axis with as many ticks, at most about ``most``, as keep their numbers apart."""
    low, high = span(chart)
    axes = [Axis(low, high, steps(low, high, count)) for count in range(most, 1, -1)]
    roomy = (a for a in axes if max(map(breadth, a.labels()), default=0.0) + 14 <= _apart(a) * width)
    return next(roomy, axes[-1])


def _apart(x: Axis) -> float:
    """Distance of neighbouring ticks as a share of the axis."""
    return 1.0 if len(x.ticks) < 2 else x.share(x.ticks[1]) - x.share(x.ticks[0])


def _row(chart: Dots, item: DotRow, middle: float, frame: Frame, lanes: int) -> list[Shape]:
    drawn = []
    if chart.joined and len(item.dots) > 1:
        ends = [frame.across(d.value) for d in item.dots]
        drawn.append(Shape(f"M{min(ends)} {middle:g}H{max(ends)}", "joint"))
    places = sorted({d.series for d in item.dots})
    for dot in item.dots:
        y = middle + (0 if chart.joined or lanes == 1 else 11 * (places.index(dot.series) - (len(places) - 1) / 2))
        colour, marker = colour_of(dot.series, chart.tones), MARKERS[dot.series % (len(MARKERS) - 1)]
        if dot.low is not None and dot.high is not None:
            a, b = frame.across(dot.low), frame.across(dot.high)
            drawn.append(Shape(f"M{a} {y:g}H{b}M{a} {y - 3.5:g}v7M{b} {y - 3.5:g}v7", f"interval {colour}"))
        place: Point = (frame.across(dot.value), round(y, 1))
        drawn.append(Shape(mark(marker, place, 4.2), f"dot {colour}", describe_dot(chart, item, dot)))
    return drawn


def describe_dot(chart: Dots, item: DotRow, dot: Dot) -> str:
    """A dot in words: ``recall@1, after: 0.97 (0.91 to 1)``."""
    name = chart.series[dot.series] if dot.series < len(chart.series) else ""
    interval = f" ({dot.low:.4g} to {dot.high:.4g})" if dot.low is not None and dot.high is not None else ""
    return typeset(f"{item.label}{', ' if name else ''}{name}: {dot.value:.4g}{interval}")


Values = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


def histogram_values(chart: Histogram) -> Values:
    """Head and rows of the table behind a histogram."""
    head = (chart.x_label, *(s.label or chart.y_label for s in chart.series))
    rows = tuple((_bin(chart, i), *(f"{s.heights[i]:.4g}" for s in chart.series)) for i in range(len(chart.edges) - 1))
    return head, rows


def dot_values(chart: Dots) -> Values:
    """Head and rows of the table behind a dot plot."""
    rows = []
    for row in chart.rows:
        for dot in row.dots:
            name = chart.series[dot.series] if dot.series < len(chart.series) else ""
            interval = "" if dot.low is None or dot.high is None else f"{dot.low:.4g} to {dot.high:.4g}"
            rows.append((f"{row.label}{', ' if name else ''}{name}", f"{dot.value:.4g}", interval, row.note))
    return ("", chart.x_label, "interval", "note"), tuple(rows)


def _bin(chart: Histogram, i: int) -> str:
    if i < len(chart.names):
        return chart.names[i]
    return f"{chart.edges[i]:.4g} to {chart.edges[i + 1]:.4g}"


def categories(chart: Histogram, i: int) -> tuple[tuple[float, float, float], ...] | None:
    """Bars (left, right, height) of series ``i`` where bins are categories, with air between them; None elsewhere.

    Several series stand side by side within a category.

    >>> from embedscope.core.document import Bins
    >>> one = Histogram("h", "H", "x", "y", (0.0, 1.0, 2.0), (Bins("a", (3.0, 0.0)),), names=("0", "1"))
    >>> categories(one, 0)
    ((0.125, 0.875, 3.0),)
    """
    if not chart.names:
        return None
    n = len(chart.series)
    bars = []
    for a, b, height in zip(chart.edges, chart.edges[1:], chart.series[i].heights, strict=False):
        lane = (b - a) * (1 - 2 * _AIR) / n
        left = a + (b - a) * _AIR + i * lane
        bars.append((left, left + lane, height))
    return tuple(bar for bar in bars if bar[2] > 0)


_AIR = 0.125
"""Share of a category that stays empty at either side of its bars."""


def _columns(bars: Sequence[tuple[float, float, float]], frame: Frame, up: Callable[[float], float]) -> str:
    """Bars that stand apart."""
    return "".join(
        f"M{frame.across(a)} {frame.bottom:g}V{up(height)}H{frame.across(b)}V{frame.bottom:g}Z" for a, b, height in bars
    )


def _outline(edges: Sequence[float], heights: Sequence[float], frame: Frame, up: Callable[[float], float]) -> str:
    """The outline of the bars, one step a bin, down to the axis at both ends."""
    path = f"M{frame.across(edges[0])} {frame.bottom:g}"
    for edge, height in zip(edges[1:], heights, strict=True):
        path += f"V{up(height)}H{frame.across(edge)}"
    return path + f"V{frame.bottom:g}Z"


def _hover_boxes(chart: Histogram, frame: Frame) -> list[Shape]:
    rows = []
    for i, (a, b) in enumerate(zip(chart.edges, chart.edges[1:], strict=False)):
        name = _bin(chart, i)
        values = ", ".join(f"{s.label} {s.heights[i]:.3g}".strip() for s in chart.series)
        box = f"M{frame.across(a)} {frame.top:g}H{frame.across(b)}V{frame.bottom:g}H{frame.across(a)}Z"
        rows.append(Shape(box, "hover", f"{name}: {values}"))
    return rows


def _axis(x: Axis, frame: Frame, width: int) -> list[Label]:
    return [
        Label(min(max(frame.across(t), len(text) * 3.4), width - len(text) * 3.4), frame.bottom + 17, text, kind="tick")
        for t, text in zip(x.ticks, x.labels() if x.ticks else (), strict=True)
    ]


def _tick(value: float, ticks: Sequence[float], *, percent: bool) -> str:
    step = (ticks[1] - ticks[0] if len(ticks) > 1 else 1.0) * (100 if percent else 1)
    digits = next(d for d in range(9) if math.isclose(step, round(step, d), rel_tol=1e-6) or d == 8)
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%" if percent else f"{value:,.{digits}f}"


def _ranges(ranges: Sequence[Range], frame: Frame) -> list[Shape]:
    shapes = []
    for item in ranges:
        a, b = frame.across(max(item.low, frame.x.low)), frame.across(min(item.high, frame.x.high))
        if b > a:
            shapes.append(Shape(f"M{a} {frame.top:g}H{b}V{frame.bottom:g}H{a}Z", "range", item.label))
    return shapes


def _marks(marks: Sequence[Mark], frame: Frame, rows: tuple[float, float] | None = None) -> list[Shape]:
    """Lines from top to bottom; within ``rows`` (height, head) that have labels at their heads, below these alone."""
    inside = [m for m in marks if frame.x.low <= m.at <= frame.x.high]
    drawn = f"V{frame.bottom:g}"
    if rows is not None:
        height, head = rows
        starts = [frame.top + height * i for i in range(round((frame.bottom - frame.top) / height))]
        drawn = f"V{frame.top:g}" + "".join(f"M{{x}} {y + head:g}V{y + height:g}" for y in starts)
    lines = ((frame.across(m.at), m.label) for m in inside)
    return [Shape(f"M{x} {frame.top - 3:g}{drawn.replace('{x}', str(x))}", "mark", label) for x, label in lines]


def _above(
    marks: Sequence[Mark], ranges: Sequence[Range], x: Axis, left: float, right: float
) -> tuple[list[tuple[float, int, Label]], int]:
    """Labels of marks and ranges over the plot, each on the first line where it does not touch another."""
    wanted = [(m.at, m.label, "above") for m in marks if m.label and x.low <= m.at <= x.high]
    for item in ranges:
        low, high = max(item.low, x.low), min(item.high, x.high)
        if item.label and high > low:
            wanted.append(((low + high) / 2, item.label, "above range-name"))
    lines: list[list[tuple[float, float]]] = []
    placed = []
    for at, text, kind in sorted(wanted):
        half = breadth(text) / 2
        middle = min(max(left + x.share(at) * (right - left), half), right + 8 - half)
        ends = (middle - half, middle + half)
        line = next(
            (i for i, taken in enumerate(lines) if all(b < ends[0] - 8 or a > ends[1] + 8 for a, b in taken)), -1
        )
        if line < 0:
            lines.append([])
            line = len(lines) - 1
        lines[line].append(ends)
        placed.append((round(middle, 1), line, Label(0, 0, typeset(text), "middle", kind)))
    return placed, len(lines)


def _raise_labels(placed: Sequence[tuple[float, int, Label]], top: float) -> list[Label]:
    """The labels over the plot, the first line nearest to it."""
    return [Label(at, top - 6 - LINE * line, item.text, item.anchor, item.kind) for at, line, item in placed]
