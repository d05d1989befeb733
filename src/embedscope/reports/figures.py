"""Figures as files: PNG, SVG and PDF, drawn by matplotlib, for the screen or for a paper."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedscope.core.atomic import atomic_path
from embedscope.core.document import Chart, Dots, Figure, Histogram, Series
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.progress import Progress, Silent
from embedscope.core.result import Result
from embedscope.reports.charts import end_names, last_points, short_label
from embedscope.reports.drawings import draw_scatter
from embedscope.reports.generic import document_of
from embedscope.reports.labels import BESIDE, breadth, place_names
from embedscope.reports.plots import below, draw_dots, draw_histogram
from embedscope.reports.scales import x_axis, y_axis
from embedscope.reports.styles import PALETTE, Key, Style, key_of, styles_of

FORMATS = ("png", "svg", "pdf")
_SHAPES = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D", "down": "v", "cross": "x"}
_DASHES = {"measured": "-", "baseline": "--", "published": ":", "reference": (0, (1, 2))}
_LOOK = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "embedscope",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a929c",
    "axes.labelcolor": "#333a42",
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": "#333a42",
    "ytick.color": "#333a42",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
}


PAPER = {
    "font.family": ["STIXGeneral"],
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 0.01,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "axes.linewidth": 0.6,
    "pdf.fonttype": 42,
    "mathtext.fontset": "stix",
}
"""What ``paper`` changes: the width of one column, a serif, no title (the caption of the paper has it), whole fonts."""

STYLES = {"screen": 6.4, "paper": 3.35}
"""Style -> width in inches."""


def write_figures(
    result: Result,
    folder: str | Path,
    formats: Iterable[str] = ("png", "svg"),
    style: str = "screen",
    progress: Progress | None = None,
) -> list[Path]:
    """Write every figure of ``result`` into ``folder`` and return the paths; the same bytes for the same result.

    ``style`` is ``screen``, or ``paper``: one column wide, without a title.

    Raises ``InputError`` for a format that is not png, svg or pdf, or an unknown style, ``MissingExtraError`` without
    matplotlib.
    """
    kinds = list(formats)
    if unknown := [k for k in kinds if k not in FORMATS]:
        raise InputError(f"figures can be written as {', '.join(FORMATS)}, got {', '.join(unknown)}; name one of these")
    if style not in STYLES:
        raise InputError(f"figures have the style {' or '.join(STYLES)}, got {style}; name one of these")
    matplotlib = require("matplotlib", "report", "drawing figures")
    document = document_of(result)
    charts = document.charts
    styles = styles_of(document.figures)
    written = []
    progress = progress or Silent()
    progress.start("drawing", len(charts), "figures")
    for name, picture in zip(file_names(p.id for p in charts), charts, strict=True):
        with matplotlib.rc_context(_LOOK | (PAPER if style == "paper" else {})):
            canvas = _canvas(replace(picture, title="") if style == "paper" else picture, styles, STYLES[style])
            box = _fit_width(canvas)
            for kind in kinds:
                path = Path(folder) / f"{name}.{kind}"
                with atomic_path(path) as part:
                    canvas.savefig(part, format=kind, dpi=200, bbox_inches=box, metadata=_METADATA[kind])
                written.append(path)
        progress.advance(1)
    progress.close()
    return written


def _fit_width(canvas: Any) -> Any:
    """The plot of ``canvas`` narrowed until labels and notes stand within its width, and the box to save: no wider.

    A figure of a paper is then set at its own size, with its fonts as they are. Where labels leave the plot less than
    a quarter of the width, the box is as wide as they need.
    """
    module = require("matplotlib.backends.backend_agg", "report", "drawing figures")
    geometry = require("matplotlib.transforms", "report", "drawing figures")
    module.FigureCanvasAgg(canvas)
    width, (axes,) = canvas.get_figwidth(), canvas.axes
    for step in range(4):  # ticks and centred labels move with the plot
        canvas.draw_without_rendering()
        drawn, place = canvas.get_tightbbox(), axes.get_position()
        left, right = place.x0 * width - drawn.x0 + _EDGE, drawn.x1 - place.x1 * width + _EDGE
        moved = max(abs(left - place.x0 * width), abs(width - right - place.x1 * width))
        if step == 3 or moved < _SEEN or width - left - right < _LEAST * width:
            break
        axes.set_position([left / width, place.y0, (width - left - right) / width, place.height])
    return geometry.Bbox.from_extents(min(0.0, drawn.x0), drawn.y0 - _EDGE, max(width, drawn.x1), drawn.y1 + _EDGE)


_EDGE, _LEAST, _SEEN = 0.04, 0.25, 1e-3
"""Inches around a figure; share of its width that the plot keeps; inches by which a plot can move unseen."""


def _canvas(picture: Chart, styles: Mapping[Key, Style], width: float) -> Any:
    if isinstance(picture, Figure):
        return _draw_figure(picture, styles, width)
    if isinstance(picture, Histogram):
        return draw_histogram(picture, width)
    return draw_dots(picture, width) if isinstance(picture, Dots) else draw_scatter(picture, width)


_METADATA: dict[str, dict[str, Any]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}


def file_names(ids: Iterable[str]) -> list[str]:
    """File names for figure ids, all different, without anything a file system minds.

    >>> file_names(["fig 1/a", "fig-1-a"])
    ['fig-1-a', 'fig-1-a-2']
    """
    taken: dict[str, int] = {}
    names = []
    for text in ids:
        base = re.sub(r"[^\w.]+", "-", text).strip("-.") or "figure"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}-{count}"
        taken[name] = 1
        names.append(name)
    return names


def _draw_figure(figure: Figure, styles: Mapping[Key, Style], width: float) -> Any:
    module = require("matplotlib.figure", "report", "drawing figures")
    canvas = module.Figure(figsize=(width, 0.61 * width))
    axes = canvas.add_subplot()
    for series in figure.series:
        _draw(axes, series, styles[key_of(series)])
    narrow = width < 5
    x, y = x_axis([figure], 5 if narrow else 10), y_axis(figure, 5)
    pad = (x.high - x.low) * 0.02
    axes.set(xlim=(x.low - pad, x.high + pad), ylim=(y.low, y.high))
    axes.set_xticks(x.ticks, x.labels())
    axes.set_yticks(y.ticks, y.labels())
    if y.low < 0 < y.high:
        axes.axhline(0, color="#8a929c", linewidth=0.8, zorder=1)
    for item in figure.marks:
        axes.axvline(item.at, color="#15191e", linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
        axes.annotate(
            item.label,
            (item.at, 1.0),
            xycoords=("data", "axes fraction"),
            va="top",
            ha="right" if x.share(item.at) > 0.7 else "left",
            fontsize="small",
        )
    axes.set_title(figure.title, pad=10)
    axes.set(xlabel=short_label(figure.x_label) if narrow else figure.x_label, ylabel=figure.y_label)
    names = end_names(figure)
    if names and {key_of(s) for s in figure.series} <= names.keys() and _fit(names.values(), width):
        _name_ends(axes, figure, names, styles)
    elif figure.series:
        _add_legend(axes, figure, width)
    return canvas


def _fit(names: Iterable[str], width: float) -> bool:
    """Whether names beside the curves leave the plot room enough in a figure ``width`` inches wide."""
    return max(map(_breadth, names)) <= _NAMES * 72 * width


def _name_ends(axes: Any, figure: Figure, names: Mapping[Key, str], styles: Mapping[Key, Style]) -> None:
    """The name of every curve beside its last point, by the rule of the page, in points of the file.

    The width of the plot is not known yet, so that no two names share a line, wherever their curves end.
    """
    transforms = require("matplotlib.transforms", "report", "drawing figures")
    shape = axes.get_position().width * axes.figure.get_figwidth(), axes.get_position().height
    across, up = 72 * shape[0], 72 * shape[1] * axes.figure.get_figheight()
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    last = last_points(figure, names)
    points = [(across * (x - x0) / (x1 - x0), up * (y - y0) / (y1 - y0)) for x, y in last.values()]
    places = place_names(points, [math.inf] * len(points), _LINE * _small(), (0.0, across), (0.0, up))
    behind = transforms.offset_copy(axes.transAxes, axes.figure, x=0.6 * BESIDE, units="points")
    for (key, (x, y)), point, at in zip(last.items(), points, places, strict=True):
        colour = PALETTE[styles[key].colour]
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3}
        in_column = at.x > across
        axes.annotate(
            names[key],
            (x, min(max(y, y0), y1)),
            (1.0, at.y / up) if in_column else (0.6 * BESIDE, at.y - min(max(point[1], 0.0), up)),
            textcoords=behind if in_column else "offset points",
            color=colour,
            fontsize="small",
            va="center",
            arrowprops=line if at.joined else None,
        )


def _add_legend(axes: Any, figure: Figure, width: float) -> None:
    columns = min(3 if width > 5 else 2, len(figure.series))
    names = [str(i) for i in range(len(figure.series))]
    legend = axes.legend(axes.get_lines()[: len(names)], names, ncols=columns, **below(axes))
    for text, series in zip(legend.get_texts(), figure.series, strict=True):
        text.set_text(series.label)  # afterwards, since legends leave out labels that start with "_"


_NAMES, _LINE = 0.36, 1.3
"""Share of the width that names of curves take at most; a line of them in units of its font."""


def _small() -> float:
    """Size of a small font, in points."""
    size: float = require("matplotlib", "report", "drawing figures").rcParams["font.size"]
    return size * 0.833


def _breadth(name: str) -> float:
    """Width of a small ``name``, in points, about."""
    return breadth(name) / 12 * _small()


def _draw(axes: Any, series: Series, style: Style) -> None:
    reference = series.kind == "reference"
    colour = "#545d66" if reference else PALETTE[style.colour]
    y = [float("nan") if v is None else v for v in series.y]
    thin = series.kind == "baseline"
    axes.plot(
        series.x,
        y,
        color=colour,
        linestyle=_DASHES[series.kind],
        linewidth=1.0 if thin else 1.6,
        marker="" if reference else _SHAPES[style.marker],
        markersize=3.2 if thin else 4.2,
        markerfacecolor="white" if series.kind == "published" else colour,
        markevery=1 if series.kind == "published" else max(1, -(-len(series.x) // 10)),
        zorder=2 if thin else 3,
    )
    if series.low is not None and series.high is not None:
        low = [float("nan") if v is None else v for v in series.low]
        high = [float("nan") if v is None else v for v in series.high]
        axes.fill_between(series.x, low, high, color=colour, alpha=0.06 if thin else 0.13, linewidth=0, zorder=1)
