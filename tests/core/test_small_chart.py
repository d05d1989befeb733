"""The chart of a notebook: what it draws, where, and that names cannot break out of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

import pytest

from embedscope.core.document import (
    Bins,
    Document,
    Dot,
    DotRow,
    Dots,
    Figure,
    Finding,
    Headline,
    Histogram,
    Mark,
    Series,
)
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.small_chart import interval_chart, line_chart, small_chart


def parse(chart: str) -> Xml.Element:
    return Xml.fromstring(chart)


def test_dots_stand_where_the_values_are() -> None:
    records = [
        Record("m", "stsb", v, space=f"layer{i}", ci_low=v - 0.1, ci_high=v + 0.1)
        for i, v in enumerate((0.2, 0.5, 0.8))
    ]
    chart = parse(interval_chart(records))
    across = [float(c.get("cx", "nan")) for c in chart.iter("circle")]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.2)
    for line, x in zip(chart.iter("line"), across, strict=True):
        assert float(line.get("x1", "nan")) < x < float(line.get("x2", "nan"))


def test_names_are_text() -> None:
    records = [Record("<script>alert(1)</script>", "a&b", float(i)) for i in range(20)]
    chart = interval_chart(records)
    assert "<script" not in chart
    assert len(list(parse(chart).iter("circle"))) == 16
    assert "4 more" in chart


def test_the_first_figure_of_a_document_is_drawn() -> None:
    figure = Figure("f", "Layers", "layer", "score", (Series("m", (0.0, 1.0, 2.0), (0.0, None, 1.0)),))
    chart = small_chart((), Document("T", figures=(figure,)))
    points = parse(chart).find("polyline")
    assert points is not None
    assert len((points.get("points") or "").split()) == 2
    assert line_chart(Figure("f", "t", "x", "y", (Series("m", (0.0,), (None,)),))) == ""


def test_the_chart_of_the_headline_is_drawn_whatever_its_form() -> None:
    """A dot plot with its intervals, a histogram with its marks: verbs without curves have a chart in notebooks too."""
    rows = (
        DotRow("a & b", (Dot(0, 0.2, 0.1, 0.3), Dot(1, 0.5))),
        DotRow("c", (Dot(0, 0.9),), "0.900"),
        DotRow("d", ()),
    )
    dots = Dots("dots", "Scores", "score", rows, ("before", "after"))
    bars = Histogram(
        "bars",
        "Found",
        "times",
        "share",
        (0.0, 1.0, 2.0),
        (Bins("rows", (0.25, 0.75)),),
        ("0", "1"),
        (Mark(1.5, "mean"),),
    )
    figure = Figure("f", "Layers", "layer", "score", (Series("m", (0.0, 1.0), (0.0, 1.0)),))
    documents = {
        name: Document("T", figures=(figure,), dots=(dots,), histograms=(bars,), headline=Headline("x", charts=(name,)))
        for name in ("dots", "bars", "f")
    }
    drawn = {name: parse(small_chart((), document)) for name, document in documents.items()}
    first, second, third = [float(c.get("cx", "nan")) for c in drawn["dots"].iter("circle")]
    assert len(list(drawn["dots"].iter("line"))) == 1 and first < second < third
    assert (second - first) / (third - first) == pytest.approx(0.3 / 0.7, abs=0.01)
    (path,) = drawn["bars"].iter("path")
    low, high = [176 - float(y) for y in re.findall(r"V([\d.]+)H", path.get("d") or "")]
    assert high == pytest.approx(3 * low, rel=0.01) and len(list(drawn["bars"].iter("line"))) == 1
    assert len(list(drawn["f"].iter("polyline"))) == 1
    empty = Dots("dots", "Scores", "score", (DotRow("d", ()),))
    assert small_chart((), Document("T", dots=(empty,))) == ""


def test_nothing_is_drawn_of_different_numbers() -> None:
    assert small_chart((Record("x", "i1", 0.5), Record("x", "i2", 0.5)), None) == ""


def test_the_verdict_of_a_notebook_is_the_gravest_finding() -> None:
    findings = (
        Finding("fine", "ok"),
        Finding("a note", "info"),
        Finding("broken", "serious"),
        Finding("hm", "warning"),
    )
    records = (Record("a", "stsb", 0.5), Record("b", "stsb", 0.6))
    page = Result(records, document=Document("T", findings=findings))._repr_html_()
    verdict = re.search(r"font-size:1.15em[^>]*><b>([^<]*)", page)
    assert verdict is not None
    assert verdict[1] == "broken"
    assert page.index("broken") < page.index("<svg") < page.index("<ul>")


def test_the_name_of_an_axis_stays_within_the_chart_and_curves_that_are_left_out_are_counted() -> None:
    """In a notebook the axis of a study of layers ran out of the picture, and curves after the fifth were not there."""
    series = tuple(Series(f"model {i}", (0.0, 1.0), (0.1 * i, 0.5)) for i in range(7))
    label = "relative depth: layer / number of layers (past the end: after the final norm, or pooled)"
    chart = line_chart(Figure("f", "F", label, "cosine", series))
    assert ">relative depth, 0 to 1; 2 more curves in the report<" in chart
    assert chart.count("<polyline") == 5
