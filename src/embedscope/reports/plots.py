"""Histograms and dot plots as files, drawn by matplotlib."""

from __future__ import annotations

from typing import Any

from embedscope.core.document import Dots, Histogram, Mark, Range
from embedscope.core.extras import require
from embedscope.reports.numbers import typeset
from embedscope.reports.panels import categories, colour_of, span
from embedscope.reports.styles import PALETTE

_TONES = {"good": "#00684f", "bad": "#b03a06", "quiet": "#545d66"}
_SHAPES = ("o", "s", "^", "D", "v")


def draw_histogram(chart: Histogram, width: float) -> Any:
    """A matplotlib figure of a histogram, ``width`` inches wide."""
    canvas = require("matplotlib.figure", "report", "drawing figures").Figure(figsize=(width, 0.6 * width))
    axes = canvas.add_subplot()
    for i, series in enumerate(chart.series):
        colour = PALETTE[i % len(PALETTE)]
        bars = categories(chart, i)
        if bars is None:
            axes.stairs(series.heights, chart.edges, fill=True, color=colour, alpha=0.28, linewidth=0)
            axes.stairs(series.heights, chart.edges, color=colour, linewidth=1.2, label=series.label or "_")
            continue
        left, right, heights = zip(*bars, strict=True) if bars else ((), (), ())
        place = {"width": [b - a for a, b in zip(left, right, strict=True)], "align": "edge"}
        axes.bar(left, heights, color=colour, alpha=0.28, linewidth=0, **place)
        axes.bar(left, heights, fill=False, edgecolor=colour, linewidth=1.2, label=series.label or "_", **place)
    axes.set(xlim=(chart.edges[0], chart.edges[-1]), xlabel=chart.x_label, ylabel=chart.y_label)
    axes.set_ylim(bottom=0)
    if chart.names:
        middles = [(a + b) / 2 for a, b in zip(chart.edges, chart.edges[1:], strict=False)]
        axes.set_xticks(middles, chart.names)
    levels = _annotate(axes, chart.marks, chart.ranges)
    axes.set_title(chart.title, pad=10 + 8 * levels)
    _legend(axes, [s.label for s in chart.series])
    return canvas


def draw_dots(chart: Dots, width: float) -> Any:
    """A matplotlib figure of a dot plot, one row a category."""
    n = max(len(chart.rows), 1)
    canvas = require("matplotlib.figure", "report", "drawing figures").Figure(figsize=(width, 0.7 + 0.26 * n))
    axes = canvas.add_subplot()
    used: dict[int, Any] = {}
    for i, row in enumerate(chart.rows):
        places = sorted({d.series for d in row.dots})
        if chart.joined and len(row.dots) > 1:
            axes.plot([d.value for d in row.dots], [i] * len(row.dots), color="#a3a8a6", linewidth=2, zorder=1)
        for dot in row.dots:
            y = i + (0 if chart.joined else 0.3 * (places.index(dot.series) - (len(places) - 1) / 2))
            tone = colour_of(dot.series, chart.tones)
            colour = _TONES.get(tone, PALETTE[dot.series % len(PALETTE)])
            if dot.low is not None and dot.high is not None:
                axes.plot([dot.low, dot.high], [y, y], color=colour, linewidth=1.2, zorder=2, solid_capstyle="butt")
            shape = _SHAPES[dot.series % len(_SHAPES)]
            used[dot.series] = axes.plot([dot.value], [y], shape, color=colour, markersize=4.2, zorder=3)[0]
    axes.set_yticks(range(len(chart.rows)), [r.label for r in chart.rows])
    for label, row in zip(axes.get_yticklabels(), chart.rows, strict=True):
        label.set_fontweight("bold" if row.strong else "normal")
    axes.set(xlabel=chart.x_label, xlim=span(chart), ylim=(n - 0.4, -0.6))
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    for i, row in enumerate(chart.rows):
        if row.note:
            place = {"xycoords": ("axes fraction", "data"), "va": "center"}
            axes.annotate(typeset(row.note), (1.02, i), fontsize="small", color="#545d66", **place)
    levels = _annotate(axes, chart.marks, chart.ranges)
    axes.set_title(chart.title, pad=10 + 8 * levels)
    names = [(used[i], chart.series[i]) for i in sorted(used) if i < len(chart.series) and chart.series[i]]
    if len(names) > 1:
        _below(axes, [h for h, _ in names], [name for _, name in names])
    return canvas


def _annotate(axes: Any, marks: tuple[Mark, ...], ranges: tuple[Range, ...]) -> int:
    """Draw ranges and marks, and how many lines their labels take: those that would touch stand above each other."""
    low, high = axes.get_xlim()
    letter = (high - low) / (_LETTERS * axes.figure.get_figwidth())
    taken: list[float] = []
    for item in ranges:
        if item.high > low and item.low < high:
            axes.axvspan(max(item.low, low), min(item.high, high), color="#00684f", alpha=0.08, linewidth=0, zorder=0)
    for mark in sorted(marks, key=lambda m: m.at):
        if low <= mark.at <= high:
            half = letter * (len(mark.label) + 1) / 2
            level = next((i for i, end in enumerate(taken) if mark.at - half >= end), len(taken))
            taken[level : level + 1] = [mark.at + half]
            axes.axvline(mark.at, color="#15191e", linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
            axes.annotate(
                typeset(mark.label),
                (mark.at, 1.0),
                (0, 2 + 8 * level),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize="small",
                color="#545d66",
            )
    return len(taken) if any(m.label for m in marks) else 0


_LETTERS = 9
"""Letters of a small label that an inch of a figure holds where its plot is as narrow as it may be."""


def _legend(axes: Any, labels: list[str]) -> None:
    handles, names = axes.get_legend_handles_labels()
    if len([name for name in labels if name]) > 1:
        _below(axes, handles, names)


def _below(axes: Any, handles: list[Any], names: list[str]) -> None:
    axes.legend(handles, names, ncols=min(3 if axes.figure.get_figwidth() > 5 else 2, len(names)), **below(axes))


def below(axes: Any) -> dict[str, Any]:
    """Where a legend stands under the label of the x axis, half an inch below the plot whatever its size."""
    height = axes.figure.get_figheight() * axes.get_position().height
    return {"loc": "upper left", "bbox_to_anchor": (0, -0.46 / height), "frameon": False, "fontsize": "small"}
