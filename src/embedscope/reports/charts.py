"""Line charts as SVG geometry: the template writes it, style sheet and script give it colour and life."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from embedscope.core.document import Figure, Series
from embedscope.reports.labels import breadth, place_names
from embedscope.reports.scales import Axis, y_axis
from embedscope.reports.styles import Key, Style, key_of

LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 38
ORDER = {"reference": 0, "baseline": 1, "measured": 2, "published": 3}
Point = tuple[float, float]
Place = Callable[[float, float], Point]
T = TypeVar("T")


@dataclass(frozen=True)
class Curve:
    """One curve: SVG paths of its line, its band and its markers."""

    index: int
    kind: str
    style: Style
    line: str
    band: str
    marks: str


@dataclass(frozen=True)
class End:
    """The name of a curve beside its last point; ``line`` is the path between them, empty where it is not needed."""

    index: int
    colour: int
    x: float
    y: float
    text: str
    line: str


@dataclass(frozen=True)
class Chart:
    """A chart of ``width`` x ``height`` units; ticks are (position, text), marks (position, text, its anchor)."""

    size: str
    width: int
    height: int
    x: Axis
    y: Axis
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    zero: float | None
    curves: tuple[Curve, ...]
    marks: tuple[tuple[float, str, str], ...] = ()
    left: int = LEFT
    top: int = TOP
    ends: tuple[End, ...] = ()
    room: int = RIGHT

    @property
    def right(self) -> int:
        """Right end of the plot."""
        return self.width - self.room

    @property
    def bottom(self) -> int:
        """Lower end of the plot."""
        return self.height - BOTTOM


MOST_NAMED, LONGEST_NAME, LETTERS, LINE = 6, 22, 11.5, 14.0
"""Curves that are named at their ends, letters of a name, units of its font and of the line that it takes."""

SIZES = {"half": (530, 300, 8, 5), "third": (370, 250, 6, 4)}


def chart(figure: Figure, x: Axis, styles: Mapping[Key, Style], index: Mapping[Key, int], size: str) -> Chart:
    """Geometry of ``figure``; ``index`` numbers the curves as the legend does."""
    width, height, _, count = SIZES[size]
    y = y_axis(figure, count)
    names = end_names(figure) if size != "third" else {}
    room = RIGHT + (round(max(map(_breadth, names.values()))) if names else 0)

    def place(px: float, py: float) -> Point:
        return (
            round(LEFT + x.share(px) * (width - LEFT - room), 1),
            round(height - BOTTOM - y.share(py) * (height - TOP - BOTTOM), 1),
        )

    curves = []
    for series in sorted(figure.series, key=lambda s: ORDER[s.kind]):
        key = key_of(series)
        curves.append(_curve(series, styles[key], index[key], place))
    x_ticks = zip((place(t, y.low)[0] for t in x.ticks), x.labels(), strict=True)
    y_ticks = zip((place(x.low, t)[1] for t in y.ticks), y.labels(), strict=True)
    zero = place(x.low, 0.0)[1] if y.low < 0 < y.high else None
    at = [(place(m.at, y.low)[0], m.label) for m in figure.marks if x.low <= m.at <= x.high]
    marks = tuple((p, text, "end" if p > 0.7 * width else "start") for p, text in at)
    return Chart(
        size, width, height, x, y, tuple(x_ticks), tuple(y_ticks), zero, tuple(curves), marks,
        ends=_ends(figure, names, styles, index, place, (width - room, height)), room=room,
    )  # fmt: skip


def end_names(figure: Figure) -> dict[Key, str]:
    """What a curve is called beside its end, for figures of few curves with short names; else nothing.

    >>> one, two = Series("a", (0, 1), (0.1, 0.2)), Series("b", (0, 1), (0.3, None))
    >>> list(end_names(Figure("f", "F", "x", "y", (one, two))).values())
    ['a', 'b']
    """
    shown = [s for s in figure.series if s.kind != "reference" and any(v is not None for v in s.y)]
    names = {key_of(s): s.label for s in shown}
    if not 1 < len(names) <= MOST_NAMED or any(len(name) > LONGEST_NAME for name in names.values()):
        return {}
    return names


def last_points(figure: Figure, names: Mapping[Key, str]) -> dict[Key, Point]:
    """The last point of every curve that has a name."""
    return {
        key_of(s): next((x, y) for x, y in zip(reversed(s.x), reversed(s.y), strict=True) if y is not None)
        for s in figure.series
        if key_of(s) in names and any(y is not None for y in s.y)
    }


def _ends(
    figure: Figure, names: Mapping[Key, str], styles: Mapping[Key, Style], index: Mapping[Key, int], place: Place,
    size: tuple[int, int],
) -> tuple[End, ...]:  # fmt: skip
    """Names right of the last points, moved apart where they would cover each other."""
    right, height = size
    points = {key: place(*point) for key, point in last_points(figure, names).items()}
    up = (float(TOP), float(height - BOTTOM))
    widths = [_breadth(names[key]) for key in points]
    placed = place_names(list(points.values()), widths, LINE, (LEFT, right), up)
    ends = []
    for (key, (x, y)), at in zip(points.items(), placed, strict=True):
        line = f"M{x + 5:g} {min(max(y, up[0]), up[1]):g}L{at.x - 2:g} {at.y:g}" if at.joined else ""
        ends.append(End(index[key], styles[key].colour, round(at.x, 1), at.y, names[key], line))
    return tuple(ends)


def _breadth(name: str) -> float:
    return breadth(name) * LETTERS / 12


def _curve(series: Series, style: Style, index: int, place: Place) -> Curve:
    runs = _runs([place(x, y) if y is not None else None for x, y in zip(series.x, series.y, strict=True)])
    line = "".join(_polyline(run) for run in runs if len(run) > 1)
    every = 1 if series.kind == "published" else max(1, math.ceil(len(series.x) / 10))
    lone = [run[0] for run in runs if len(run) == 1]
    points = [p for run in runs for p in run][::every] + (lone if every > 1 else [])
    radius = 3.0 if series.kind == "published" else 2.6
    return Curve(
        index,
        series.kind,
        style,
        line,
        _band(series, place),
        "" if series.kind == "reference" else "".join(mark(style.marker, p, radius) for p in points),
    )


def _band(series: Series, place: Place) -> str:
    if series.low is None or series.high is None:
        return ""
    rows = zip(series.x, series.low, series.high, strict=True)
    both = [(place(x, a), place(x, b)) if a is not None and b is not None else None for x, a, b in rows]
    runs = _runs(both)
    return "".join(_polyline([p for p, _ in run] + [p for _, p in reversed(run)]) + "Z" for run in runs if len(run) > 1)


def _runs(values: Sequence[T | None]) -> list[list[T]]:
    """Stretches of ``values`` without None."""
    runs: list[list[T]] = [[]]
    for value in values:
        if value is not None:
            runs[-1].append(value)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _polyline(points: list[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def mark(name: str, at: Point, r: float) -> str:
    """SVG path of the marker ``name`` of radius ``r`` around ``at``."""
    x, y = at
    if name == "circle":
        return f"M{x - r:g} {y:g}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0Z"
    if name == "cross":
        return f"M{x - r:g} {y - r:g}l{2 * r:g} {2 * r:g}m0 {-2 * r:g}l{-2 * r:g} {2 * r:g}"
    corners = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "triangle": ((0, -1.25), (1.15, 0.8), (-1.15, 0.8)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        "down": ((0, 1.25), (1.15, -0.8), (-1.15, -0.8)),
    }[name]
    return _polyline([(round(x + r * a, 2), round(y + r * b, 2)) for a, b in corners]) + "Z"


def short_label(text: str) -> str:
    """An axis label without its explanation, where it is too long for a small chart.

    >>> short_label("relative depth: layer / number of layers (a last point past the end: after the final norm)")
    'relative depth'
    """
    return text if len(text) <= 40 else re.split(r": | \(", text, maxsplit=1)[0]


def digits_of(y: Axis) -> int:
    """Decimal places that distinguish about 500 values of the axis."""
    return max(0, min(6, 2 - math.floor(math.log10(y.high - y.low) + 1e-9)))


def description(figure: Figure) -> str:
    """A description of the chart for screen readers: what each curve does from end to end."""
    parts = [f"Line chart of {figure.y_label} against {figure.x_label}, {len(figure.series)} curves."]
    for s in figure.series:
        points = [(x, y) for x, y in zip(s.x, s.y, strict=True) if y is not None]
        if not points:
            parts.append(f"{s.label}: no defined value.")
            continue
        (x0, y0), (x1, y1) = points[0], points[-1]
        top = max(points, key=lambda p: p[1])
        parts.append(
            f"{s.label} ({s.kind}): {y0:.3g} at {figure.x_text(x0)} to {y1:.3g} at {figure.x_text(x1)}, highest "
            f"{top[1]:.3g} at {figure.x_text(top[0])}."
        )
    return " ".join(parts)
