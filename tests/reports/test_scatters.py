"""Scatters: one scale for both axes, origin in view, images at their place, the same after a round trip."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from embedscope.core.document import Document, Points, Scatter
from embedscope.core.result import Result
from embedscope.reports import render_html, write_figures
from embedscope.reports.scatters import HEIGHT, WIDTH, plane

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


def cloud() -> Scatter:
    rng = np.random.default_rng(0)
    x, y = rng.normal(5, 1, (2, 200))
    return Scatter(
        "svd",
        "Two clouds <&>",
        "first",
        "second",
        (
            Points("images", tuple(x), tuple(y)),
            Points("texts", (1.0, 2.0), (3.0, 4.0), ("a <b>", "c")),
            Points("drawn", (3.0,), (3.0,), ("dot",), (PIXEL,)),
        ),
        ((1.0, 3.0, 2.0, 4.0),),
        "caption",
    )


def test_one_scale_and_the_origin_in_view() -> None:
    shown = plane(Scatter("a", "t", "x", "y", (Points("p", (0.0, 10.0), (0.0, 1.0)),)))
    ends = [tuple(map(float, m)) for m in re.findall(r"M([\d.]+) ([\d.]+)a", shown.clouds[0].marks)]
    (x0, y0), (x1, y1) = ends
    assert (x1 - x0) / (y0 - y1) == pytest.approx(10, rel=0.02)
    x, y = shown.origin or (0, 0)
    assert 0 < x < WIDTH
    assert 0 < y < HEIGHT
    assert plane(Scatter("a", "t", "x", "y", (), origin=False)).origin is None


def test_flat_clouds_leave_no_empty_space() -> None:
    def draw(y: float) -> tuple[int, list[float]]:
        shown = plane(Scatter("a", "t", "x", "y", (Points("p", (0.0, 10.0), (-y, y)),), origin=False))
        return shown.height, [float(m) for m in re.findall(r"M[\d.]+ ([\d.]+)a", shown.clouds[0].marks)]

    for y in (0.5, 3.0, 50.0):
        height, places = draw(y)
        assert all(0 < place < height for place in places), "no point is cut off"
    assert draw(3.0)[0] < HEIGHT == draw(50.0)[0]
    assert max(draw(3.0)[1]) - min(draw(3.0)[1]) > 0.75 * draw(3.0)[0]


def test_page_and_files_and_round_trip(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra report")
    result = Result((), document=Document("t", scatters=(cloud(),)))
    page = render_html(result)
    assert "Two clouds &lt;&amp;&gt;" in page
    assert "<title>a &lt;b&gt;</title>" in page
    assert f"data:image/png;base64,{PIXEL}" in page
    result.to_json(tmp_path / "r.json")
    assert Result.from_json(tmp_path / "r.json") == result
    written = write_figures(result, tmp_path)
    assert [p.name for p in written] == ["svd.png", "svd.svg"]
    again = write_figures(result, tmp_path / "again")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in written]
