"""Points in a plane as SVG geometry, with images where the points are images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from embedscope.core.document import Points, Scatter
from embedscope.reports.charts import Point, mark
from embedscope.reports.scales import Axis, steps
from embedscope.reports.styles import MARKERS, PALETTE

WIDTH, HEIGHT = 560, 440
FLATTEST = 260
PAD = 26
IMAGE = 20
"""Side of an image in the units of the view box."""


@dataclass(frozen=True)
class Cloud:
    """Points of one kind: one SVG path of all marks, or images at (x, y); ``named`` are marks with a tooltip."""

    label: str
    colour: int
    marker: str
    marks: str
    named: tuple[tuple[str, str], ...]
    images: tuple[tuple[float, float, str, str], ...]


@dataclass(frozen=True)
class Plane:
    """A scatter of ``width`` x ``height`` units; ``origin`` is where (0, 0) lies, None where it is not drawn."""

    scatter: Scatter
    clouds: tuple[Cloud, ...]
    arrows: tuple[str, ...]
    origin: Point | None
    x_label: str
    y_label: str
    description: str
    width: int = WIDTH
    height: int = HEIGHT
    image: int = IMAGE


def plane(scatter: Scatter) -> Plane:
    """Geometry of ``scatter``: one scale for both axes where it is ``equal``, room for the origin where it is drawn."""
    height = _height(scatter)
    place = _placing(scatter, height)
    clouds = tuple(_cloud(points, i, place) for i, points in enumerate(scatter.points))
    arrows = tuple(arrow(place(a, b), place(c, d)) for a, b, c, d in scatter.arrows)
    origin = place(0.0, 0.0) if scatter.origin else None
    return Plane(
        scatter, clouds, arrows, origin, scatter.x_label, scatter.y_label, describe_scatter(scatter), height=height
    )


def span(scatter: Scatter) -> tuple[Axis, Axis]:
    """Ranges of both axes that hold all points, the arrows, and the origin where it is drawn."""
    xs = [v for p in scatter.points for v in p.x] + [v for a in scatter.arrows for v in (a[0], a[2])]
    ys = [v for p in scatter.points for v in p.y] + [v for a in scatter.arrows for v in (a[1], a[3])]
    extra = [0.0] if scatter.origin or not xs else []
    return _axis([*xs, *extra]), _axis([*ys, *extra])


def describe_scatter(scatter: Scatter) -> str:
    """The scatter in words: how many points of each kind, where their centre is."""
    parts = [f"Points in a plane, {scatter.x_label} across and {scatter.y_label} up."]
    for p in scatter.points:
        if p.x:
            mx, my = sum(p.x) / len(p.x), sum(p.y) / len(p.y)
            parts.append(f"{p.label}: {len(p.x):,} points around ({mx:.3g}, {my:.3g}).")
    if scatter.origin:
        parts.append("A cross marks the origin.")
    return " ".join(parts)


def arrow(start: Point, tip: Point) -> str:
    """SVG path of a line from ``start`` with a head at ``tip``."""
    angle = math.atan2(tip[1] - start[1], tip[0] - start[0])
    heads = ((tip[0] - 6 * math.cos(angle + t), tip[1] - 6 * math.sin(angle + t)) for t in (0.45, -0.45))
    (ax, ay), (bx, by) = heads
    body = f"M{start[0]:g} {start[1]:g}L{tip[0]:g} {tip[1]:g}"
    return f"{body}M{ax:.1f} {ay:.1f}L{tip[0]:g} {tip[1]:g}L{bx:.1f} {by:.1f}"


def _axis(values: Iterable[float]) -> Axis:
    known = list(values)
    low, high = min(known), max(known)
    pad = (high - low) * 0.04 or 0.5
    return Axis(low - pad, high + pad, steps(low - pad, high + pad, 5))


def _height(scatter: Scatter) -> int:
    """Of the plane: what the points take where both axes share a scale, so that flat clouds leave no empty space."""
    if not scatter.equal:
        return HEIGHT
    x, y = span(scatter)
    taken = 2 * PAD + (y.high - y.low) * (WIDTH - 2 * PAD) / (x.high - x.low)
    return round(min(max(taken, FLATTEST), HEIGHT))


def _placing(scatter: Scatter, height: int) -> Callable[[float, float], Point]:
    x, y = span(scatter)
    scale_x, scale_y = (WIDTH - 2 * PAD) / (x.high - x.low), (height - 2 * PAD) / (y.high - y.low)
    if scatter.equal:
        scale_x = scale_y = min(scale_x, scale_y)
    mx, my = (x.low + x.high) / 2, (y.low + y.high) / 2

    def place(px: float, py: float) -> Point:
        return round(WIDTH / 2 + (px - mx) * scale_x, 1), round(height / 2 - (py - my) * scale_y, 1)

    return place


def _cloud(points: Points, index: int, place: Callable[[float, float], Point]) -> Cloud:
    colour, marker = index % len(PALETTE), MARKERS[index % len(MARKERS)]
    at = [place(x, y) for x, y in zip(points.x, points.y, strict=True)]
    if points.images:
        half = IMAGE / 2
        names = points.names or ("",) * len(at)
        rows = zip(at, points.images, names, strict=True)
        drawn = tuple((round(px - half, 1), round(py - half, 1), png, name) for (px, py), png, name in rows)
        return Cloud(points.label, colour, marker, "", (), drawn)
    radius = 3.2 if len(at) <= 100 else 2.2 if len(at) <= 1000 else 1.5
    if points.names:
        named = tuple((mark(marker, p, radius), n) for p, n in zip(at, points.names, strict=True))
        return Cloud(points.label, colour, marker, "", named, ())
    return Cloud(points.label, colour, marker, "".join(mark(marker, p, radius) for p in at), (), ())
