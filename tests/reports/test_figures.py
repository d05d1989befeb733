"""Figures as files: same bytes for the same result, no text is read as mathematics."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedscope.core.document import Document, Figure, Series
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
