"""Histograms and dot plots: where shapes lie, that no label leaves the chart, and the words behind them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest

from embedscope.core.document import Bins, Dot, DotRow, Dots, Histogram, Mark, Range
from embedscope.reports.labels import breadth
from embedscope.reports.panels import dot_values, dots, histogram, histogram_values

HISTOGRAM = Histogram(
    "h",
    "Cosines",
    "cosine",
    "share of pairs",
    (0.0, 0.25, 0.5, 0.75, 1.0),
    (Bins("unrelated", (0.5, 0.5, 0.0, 0.0)), Bins("nearest", (0.0, 0.0, 0.25, 0.75))),
    marks=(Mark(0.26, "mean 0.26"), Mark(0.28, "another mean close by"), Mark(7.0, "far away")),
    ranges=(Range(-1.0, 0.25, "healthy"),),
)
FOREST = Dots(
    "d",
    "Candidates",
    "difference",
    (
        DotRow("center", (Dot(1, 0.1, -0.05, 0.2),), "+0.100"),
        DotRow("whiten:64:ledoit-wolf", (Dot(0, 0.3, 0.2, 0.4),), "+0.300", strong=True),
    ),
    ("chosen", "not chosen"),
    ("good", "quiet"),
    (Mark(0.0, "as they are"),),
)


def numbers(d: str) -> list[float]:
    return [float(v) for v in re.findall(r"-?\d+\.?\d*", d)]


def test_bars_are_as_high_as_their_shares() -> None:
    panel = histogram(HISTOGRAM, "half")
    bars = [s.d for s in panel.shapes if s.kind.startswith("bars")]
    assert len(bars) == 2
    heights = [float(v) for v in re.findall(r"V(-?[\d.]+)", bars[1])]
    base, tallest, quarter = heights[-1], min(heights), sorted(set(heights))[1]
    assert (base - quarter) / (base - tallest) == pytest.approx(0.25 / 0.75, abs=0.01)


@pytest.mark.parametrize("size", ["half", "third"])
def test_labels_stay_inside_and_do_not_touch(size: str) -> None:
    panel = histogram(HISTOGRAM, size)
    above = [label for label in panel.labels if label.kind.startswith("above")]
    assert [label.text for label in above] == ["healthy", "mean 0.26", "another mean close by"]
    boxes = [(a.x - breadth(a.text) / 2, a.x + breadth(a.text) / 2, a.y) for a in above]
    for i, (low, high, y) in enumerate(boxes):
        assert low >= -1 and high <= panel.width + 1
        assert all(y != other[2] or high < other[0] or low > other[1] for other in boxes[i + 1 :])


def test_a_range_is_cut_at_the_ends_of_the_axis() -> None:
    shaded = next(s for s in histogram(HISTOGRAM, "half").shapes if s.kind == "range")
    left, right = numbers(shaded.d)[0], numbers(shaded.d)[2]
    axis = next(s.d for s in histogram(HISTOGRAM, "half").shapes if s.kind == "base")
    assert left == numbers(axis)[0]
    assert right == pytest.approx(left + 0.25 * (numbers(axis)[2] - left), abs=0.2)


def test_dots_and_intervals_share_one_axis_with_the_mark() -> None:
    panel = dots(FOREST, "half")
    mark = numbers(next(s.d for s in panel.shapes if s.kind == "mark"))[0]
    bar = [numbers(s.d) for s in panel.shapes if s.kind.startswith("interval ")]
    assert bar[0][0] < mark < bar[0][2]
    assert mark < bar[1][0]
    assert [s.kind for s in panel.shapes if s.kind.startswith("dot")] == ["dot quiet", "dot good"]
    assert next(s.title for s in panel.shapes if s.kind == "dot good").startswith("whiten:64:ledoit-wolf, chosen: 0.3")


def test_labels_stand_above_their_rows_where_it_is_narrow() -> None:
    wide, narrow = dots(FOREST, "half"), dots(FOREST, "third")
    assert {label.anchor for label in wide.labels if label.kind.startswith("name")} == {"end"}
    assert {label.anchor for label in narrow.labels if label.kind.startswith("name")} == {"start"}
    assert narrow.height > wide.height


def test_no_mark_runs_through_a_number_that_stands_above_its_row() -> None:
    """At 390 px the line of what is wanted went through the values of all candidates, between their digits."""
    panel = dots(replace(FOREST, marks=(Mark(0.39, "wanted"),)), "third")
    lines = [numbers(part) for s in panel.shapes if s.kind == "mark" for part in s.d.split("M") if part]
    notes = [label for label in panel.labels if label.kind.startswith(("note", "name"))]
    assert len(notes) == 4 and len(lines) == 3
    for label in notes:
        assert not any(top < label.y and bottom > label.y - 11 for _, top, bottom in lines), (label, lines)


def test_values_behind_the_charts() -> None:
    assert histogram_values(HISTOGRAM)[1][0] == ("0 to 0.25", "0.5", "0")
    assert dot_values(FOREST)[1][1] == ("whiten:64:ledoit-wolf, chosen", "0.3", "0.2 to 0.4", "+0.300")


def test_long_names_and_notes_have_the_room_that_they_take() -> None:
    note = "\N{MINUS SIGN}0.0002407 \N{RIGHTWARDS ARROW} \N{MINUS SIGN}0.0002411"
    rows = tuple(
        DotRow(name, (Dot(0, 0.65 + 0.02 * i, 0.64, 0.85),), note, strong=True)
        for i, name in enumerate(["same_modality_share", "wordsim353", "mmmmmm"])
    )
    panel = dots(Dots("d", "t", "score", rows), "half")
    names = [label for label in panel.labels if label.kind == "name strong" and label.anchor == "end"]
    assert names, "there is room beside the rows"
    assert min(label.x - breadth(label.text, strong=True) for label in names) >= 0
    ticks = sorted(label.x for label in panel.labels if label.anchor == "middle" and label.kind == "tick")
    widest = max(breadth(label.text) for label in panel.labels if label.kind == "tick")
    assert all(b - a >= widest for a, b in itertools.pairwise(ticks))


@pytest.mark.parametrize("series", [1, 2])
def test_bars_of_categories_stand_apart_and_those_of_bins_touch(series: int) -> None:
    heights = tuple(Bins(name, (0.5, 0.25, 0.0, 0.25)) for name in ("first", "second")[:series])
    bins = Histogram("h", "Found", "times", "share of rows", (0.0, 1.0, 2.0, 3.0, 4.0), heights)
    named = replace(bins, names=("0", "1", "2 to 3", "4 or more"))
    outlines = [s.d for s in histogram(bins, "half").shapes if s.kind.startswith("bars")]
    assert [d.count("M") for d in outlines] == [1] * series
    bars = [s.d for s in histogram(named, "half").shapes if s.kind.startswith("bars")]
    ends = sorted(tuple(numbers(bar)[i] for i in (0, 3)) for d in bars for bar in d.split("Z") if bar)
    assert len(ends) == 3 * series, "no bar where there is nothing"
    assert all(a < b for a, b in ends)
    gaps = [b[0] - a[1] for a, b in itertools.pairwise(ends)]
    assert all(gap > 10 for gap in gaps[series - 1 :: series]), "air between categories"
