"""Names of curves: no two cover each other, and each stands beside the end of its curve or is joined with it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedscope.core.document import Document, Figure, Series
from embedscope.core.result import Result
from embedscope.reports import write_figures
from embedscope.reports.charts import LETTERS, LINE, chart
from embedscope.reports.labels import BESIDE, UNSEEN, breadth, spread
from embedscope.reports.scales import x_axis
from embedscope.reports.styles import key_of, styles_of

MODELS = ("smollm2", "minilm", "e5", "smollm2 random init", "minilm random init", "e5 random init")
PLACES = st.sampled_from([0.02, 0.3, 0.5, 0.9, 0.9615, 1.0])
ENDS = st.lists(st.tuples(st.integers(0, 1000).map(lambda v: v / 1000), PLACES), min_size=2, max_size=6)


def figure(ends: list[tuple[float, float]]) -> Figure:
    """Curves that end at (value, place on the x axis)."""
    series = tuple(
        Series(name, (0.0, at), (0.5, value), group=name.split()[0], kind="baseline" if " " in name else "measured")
        for name, (value, at) in zip(MODELS, ends, strict=False)
    )
    frame = Series("the axis", (0.0, 1.0), (0.5, 0.5), kind="reference")
    return Figure("f", "F", "relative depth", "cosine", (*series, frame), y_range=(0.0, 1.0))


def numbers(path: str) -> list[float]:
    return [float(v) for v in re.findall(r"-?[\d.]+", path)]


def check_places(ends: list[tuple[float, float]]) -> None:
    f = figure(ends)
    index = {key_of(s): i for i, s in enumerate(f.series)}
    made = chart(f, x_axis([f], 8), styles_of([f]), index, "half")
    assert len(made.ends) == len(ends)
    boxes = [(e.x, e.x + breadth(e.text) * LETTERS / 12, e.y - LINE / 2, e.y + LINE / 2) for e in made.ends]
    for a, b in itertools.combinations(boxes, 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] + 0.11 or b[3] <= a[2] + 0.11, (a, b)
    assert all(right <= made.width + 1 and made.top - LINE <= top for _, right, top, _ in boxes)
    for end, (value, at) in zip(made.ends, ends, strict=True):
        x = made.left + at * (made.right - made.left)
        y = made.bottom - value * (made.bottom - made.top)
        if end.line:
            start, tip = numbers(end.line)[:2], numbers(end.line)[2:]
            assert start == pytest.approx([x + 5, y], abs=0.2) and tip == pytest.approx([end.x - 2, end.y], abs=0.2)
        else:
            assert abs(end.y - y) <= UNSEEN + 0.1 and end.x - x <= 2 * BESIDE + 0.1
    column = sorted((e.y, -value) for e, (value, _) in zip(made.ends, ends, strict=True) if e.x > made.right)
    assert all(b[1] - a[1] >= -0.01 for a, b in itertools.pairwise(column)), "in the order of their curves"


@given(ENDS)
@settings(max_examples=200, deadline=None)
def test_no_two_names_cover_each_other_and_each_is_beside_or_joined(ends: list[tuple[float, float]]) -> None:
    check_places(ends)


def test_three_models_whose_curves_meet_at_the_end() -> None:
    """Two of them have a state after the last norm and end past the third, whose name was drawn over their lines."""
    check_places([(0.41, 1.0), (0.40, 0.9615), (0.42, 1.0), (0.41, 1.0), (0.39, 0.9615), (0.41, 1.0)])


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=7).map(sorted))
def test_names_move_as_little_as_they_need(values: list[float]) -> None:
    moved = spread(values, 10.0, 0.0, 100.0)
    assert all(b - a >= 10 - 0.11 for a, b in itertools.pairwise(moved))
    assert moved[0] >= -0.1 and moved[-1] <= 100.1
    if all(b - a >= 10 for a, b in itertools.pairwise(values)):
        assert moved == pytest.approx(values, abs=0.06)


@pytest.mark.parametrize("style", ["screen", "paper"])
@pytest.mark.parametrize("ends", [(0.41, 0.40, 0.42), (0.0, 0.01, 0.99), (1.0, 0.99, 0.98)])
def test_names_in_a_file_do_not_cover_each_other(
    tmp_path: Path, style: str, ends: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extents that matplotlib draws, where the plot has been narrowed to the width of a column."""
    pytest.importorskip("matplotlib", reason="needs the extra report")
    from matplotlib.text import Text

    from embedscope.reports import figures

    extent = Text.get_window_extent  # of the words alone, without the line to the point
    drawn = []
    fit = figures._fit_width

    def keep(canvas):
        box = fit(canvas)
        drawn.append((canvas, [extent(t) for t in canvas.axes[0].texts], canvas.axes[0].get_legend()))
        return box

    monkeypatch.setattr(figures, "_fit_width", keep)
    series = tuple(
        Series(name, (0.0, 0.5, at), (0.5, 0.2, value), group=name)
        for name, value, at in zip(MODELS, ends, (1.0, 0.96, 1.0), strict=False)
    )
    label = "relative depth: layer / number of layers (past the end: after the final norm, or pooled)"
    f = Figure("f", "F", label, "cosine", series, y_range=(0.0, 1.0))
    write_figures(Result((), document=Document("t", figures=(f,))), tmp_path, ["svg"], style=style)
    ((canvas, boxes, legend),) = drawn
    assert len(boxes) == 3 and legend is None, "names stand beside the curves, once"
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert max(b.x1 for b in boxes) <= canvas.bbox.x1 + 1
    axes = canvas.axes[0]
    assert axes.get_position().width > 0.5, "a long label of the axis does not make the plot narrow"
    ticks = [extent(t) for t in axes.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(ticks, 2))
    for text, value in zip(axes.texts, ends, strict=True):
        _, y = axes.transData.transform((1.0, value))
        box = extent(text)
        near = abs((box.y0 + box.y1) / 2 - y) <= (UNSEEN + 1) * canvas.dpi / 72
        assert near or text.arrow_patch is not None


def test_a_figure_with_many_or_long_names_has_a_legend(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra report")
    series = tuple(Series(f"a curve with a long name {i}", (0.0, 1.0), (0.1, 0.2 * i)) for i in range(3))
    f = Figure("f", "F", "x", "y", series)
    (file,) = write_figures(Result((), document=Document("t", figures=(f,))), tmp_path, ["svg"], style="paper")
    assert 'id="legend_1"' in file.read_text(encoding="utf-8")
