"""Scatters as files, drawn by matplotlib."""

from __future__ import annotations

import base64
import io
from typing import Any

from embedscope.core.document import Points, Scatter
from embedscope.core.extras import require
from embedscope.reports.plots import below
from embedscope.reports.scatters import span
from embedscope.reports.styles import PALETTE

_SHAPES = ("o", "s", "^", "D", "v", "x")


def draw_scatter(scatter: Scatter, width: float = 6.4) -> Any:
    """A matplotlib figure of ``scatter``, ``width`` inches wide."""
    module = require("matplotlib.figure", "report", "drawing figures")
    canvas = module.Figure(figsize=(width, 0.81 * width))
    axes = canvas.add_subplot()
    x, y = span(scatter)
    axes.set(xlim=(x.low, x.high), ylim=(y.low, y.high))
    if scatter.equal:
        axes.set_aspect("equal", adjustable="box")
    for i, points in enumerate(scatter.points):
        _draw(axes, points, i)
    for ax, ay, bx, by in scatter.arrows:
        style = {"arrowstyle": "->", "color": "#4d5965", "lw": 0.9}
        axes.annotate("", xy=(bx, by), xytext=(ax, ay), arrowprops=style)
    if scatter.origin:
        axes.plot([0], [0], marker="+", markersize=12, color="#15191e", linestyle="none", zorder=5)
    axes.set_title(scatter.title, pad=10)
    axes.set(xlabel=scatter.x_label, ylabel=scatter.y_label)
    axes.grid(False)
    labelled = [h for h, p in zip(axes.collections, _plain_points(scatter), strict=False) if p.label]
    if len(labelled) > 1:
        axes.legend(
            labelled,
            [p.label for p in _plain_points(scatter)],
            ncols=3 if width > 5 else 2,
            **below(axes),
        )
    return canvas


def _plain_points(scatter: Scatter) -> list[Points]:
    return [p for p in scatter.points if not p.images]


def _draw(axes: Any, points: Points, index: int) -> None:
    if points.images:
        for (x, y), png in zip(zip(points.x, points.y, strict=True), points.images, strict=True):
            _place(axes, x, y, png)
        axes.update_datalim(list(zip(points.x, points.y, strict=True)))
        return
    size = 14 if len(points.x) <= 100 else 7 if len(points.x) <= 1000 else 3
    colour = PALETTE[index % len(PALETTE)]
    axes.scatter(points.x, points.y, s=size, c=colour, marker=_SHAPES[index % len(_SHAPES)], linewidths=0.4, alpha=0.75)


def _place(axes: Any, x: float, y: float, png: str) -> None:
    box = require("matplotlib.offsetbox", "report", "drawing figures")
    image = require("matplotlib.image", "report", "drawing figures")
    pixels = image.imread(io.BytesIO(base64.b64decode(png)), format="png")
    zoom = 16 / max(pixels.shape[:2])
    axes.add_artist(box.AnnotationBbox(box.OffsetImage(pixels, zoom=zoom), (x, y), frameon=False, pad=0))
