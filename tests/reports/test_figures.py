"""Figures as files: same bytes for the same result, no text is read as mathematics."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from embedscope.core.document import Bins, Document, Figure, Histogram, Series
from embedscope.core.errors import InputError
from embedscope.core.result import Result
from embedscope.reports import write_figures

pytest.importorskip("matplotlib", reason="needs the extra report")


def of(*figures: Figure) -> Result:
    return Result((), document=Document("t", figures=figures))


def test_a_png_and_an_svg_a_figure(tmp_path: Path, sample_result: Result) -> None:
    figure = sample_result.document.figures[0]
    written = write_figures(of(figure), tmp_path)
    assert [p.name for p in written] == ["self_similarity.png", "self_similarity.svg"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    svg = written[1].read_text(encoding="utf-8")
    assert "GPT-2 (Figure 1)" in svg
    again = write_figures(of(figure), tmp_path / "again")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in written]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "self_similarity.png", "self_similarity.svg"]


def test_odd_text_and_ids(tmp_path: Path) -> None:
    series = (Series("_hidden $x^2", (0, 1), (None, 0.5)), Series("b", (0, 1), (None, None)))
    figure = Figure("../a b", "$5 & <more>", "x", "y", series)
    written = write_figures(of(figure, figure), tmp_path, ["svg"])
    assert [p.name for p in written] == ["a-b.svg", "a-b-2.svg"]
    text = written[0].read_text(encoding="utf-8")
    assert "$5 &amp; &lt;more&gt;" in text
    assert "_hidden $x^2" in text


def test_unknown_format_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="figures can be written as png, svg, pdf, got gif"):
        write_figures(of(), tmp_path, ["gif"])


def test_a_figure_of_a_paper_is_one_column_wide_and_its_labels_do_not_touch(tmp_path: Path) -> None:
    from PIL import Image

    from embedscope.core.document import Bins, Dot, DotRow, Dots, Histogram, Mark, Points, Scatter

    rows = tuple(DotRow(f"whiten:{i}:ledoit-wolf", (Dot(0, -0.1 * i),), f"{-0.1 * i:+.3f}") for i in range(4))
    marks = (Mark(-0.02, "accepted: -0.02"), Mark(0.0, "float32"))
    dots = Dots("dots", "t", "difference of ndcg@10 from the original", rows, marks=marks)
    bars = Histogram("bars", "t", "cosine", "share", (0.0, 0.5, 1.0), (Bins("a", (0.2, 0.8)), Bins("b", (1, 0))))
    plane = Scatter("plane", "t", "x", "y", (Points("text", (0.0, 1.0), (0.0, 3.0)), Points("image", (2.0,), (1.0,))))
    result = Result((), document=Document("t", dots=(dots,), histograms=(bars,), scatters=(plane,)))
    files = write_figures(result, tmp_path, ["png"], style="paper")
    widths = {}
    for file in files:
        with Image.open(file) as image:
            widths[file.stem] = image.width
    assert widths == dict.fromkeys(("bars", "dots", "plane"), round(3.35 * 200))
    svg = write_figures(result, tmp_path, ["svg"], style="paper")[[f.stem for f in files].index("dots")].read_text()
    heights = {}
    for text in ("accepted: \N{MINUS SIGN}0.02", "float32"):
        around = svg[: svg.index(f">{text}<")]
        heights[text] = float(re.findall(r'y="([\d.]+)"', around)[-1])
    first, second = heights.values()
    assert abs(first - second) >= 7
    assert ">\N{MINUS SIGN}0.300<" in svg and ">-0.300<" not in svg


def test_bars_of_categories_stand_apart(tmp_path: Path) -> None:
    """Every bar is two rectangles, its face and its edge, where bins share one outline."""
    bins = Histogram("h", "Found", "times", "share of rows", (0.0, 1.0, 2.0, 3.0), (Bins("", (0.5, 0.0, 0.25)),))
    named = replace(bins, id="named", names=("0", "1", "2 or more"))
    outline, bars = write_figures(Result((), document=Document("d", histograms=(bins, named))), tmp_path, ["svg"])
    counts = [len(re.findall(r'id="patch_', f.read_text(encoding="utf-8"))) for f in (outline, bars)]
    assert counts[1] - counts[0] == 2 * 2 - 2
