"""Curves as SVG paths: gaps at undefined values, colours by model, a description in words."""

from __future__ import annotations

import re

from embedscope.core.document import Figure, Series
from embedscope.reports.charts import Chart, chart, description
from embedscope.reports.scales import x_axis
from embedscope.reports.styles import MARKERS, PALETTE, key_of, styles_of


def draw(*series: Series, y_range: tuple[float, float] | None = (0.0, 1.0)) -> Chart:
    figure = Figure("f", "F", "layer", "value", series, y_range=y_range)
    index = {key_of(s): i for i, s in enumerate(series)}
    return chart(figure, x_axis([figure], 6), styles_of([figure]), index, "third")


def test_points_lie_where_the_axes_say() -> None:
    made = draw(Series("a", (0, 1), (0.0, 1.0)))
    assert made.curves[0].line == f"M{made.left} {made.bottom}L{made.right} {made.top}"


def test_undefined_values_break_the_line_and_lone_points_keep_a_mark() -> None:
    made = draw(Series("a", (0, 1, 2, 3), (0.1, 0.2, None, 0.4)))
    assert made.curves[0].line.count("M") == 1
    assert made.curves[0].marks.count("Z") == 3
    assert "nan" not in made.curves[0].line.lower()


def test_band_closes_and_breaks_with_its_bounds() -> None:
    low, high = (0.0, 0.1, None, 0.2, 0.3), (0.2, 0.3, None, 0.4, 0.5)
    made = draw(Series("a", (0, 1, 2, 3, 4), (0.1, 0.2, 0.3, 0.3, 0.4), low, high))
    assert made.curves[0].band.count("Z") == 2


def test_curves_of_a_model_share_a_colour_and_differ_in_marker() -> None:
    series = [Series(f"m {s}", (0.0,), (0.1,), group="m") for s in ("plain", "eos")]
    series += [Series("m random", (0.0,), (0.1,), kind="baseline", group="m"), Series("other", (0.0,), (0.1,))]
    styles = [c.style for c in sorted(draw(*series).curves, key=lambda c: c.index)]
    assert [s.colour for s in styles] == [0, 0, 0, 1]
    assert [s.marker for s in styles[:3]] == [MARKERS[0], MARKERS[1], MARKERS[0]]


def test_many_models_wrap_around_the_palette() -> None:
    series = [Series(f"m{i}", (0.0,), (0.1,)) for i in range(len(PALETTE) + 1)]
    assert sorted(c.style.colour for c in draw(*series).curves)[:2] == [0, 0]


def test_baselines_lie_below_published_curves() -> None:
    made = draw(Series("p", (0.0,), (0.1,), kind="published"), Series("b", (0.0,), (0.1,), kind="baseline"))
    assert [c.kind for c in made.curves] == ["baseline", "published"]


def test_description_tells_ends_and_highest() -> None:
    series = (Series("a", (0, 1, 2), (0.1, 0.9, 0.5)), Series("b", (0, 1), (None, None)))
    words = description(Figure("f", "F", "layer", "Spearman", series))
    assert words == (
        "Line chart of Spearman against layer, 2 curves. a (measured): 0.1 at 0 to 0.5 at 2, highest 0.9 at 1. "
        "b: no defined value."
    )


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _tokens(name: str) -> dict[str, tuple[str, str]]:
    from embedscope.reports.page import _template

    return {k: (a, b) for k, a, b in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", _template(name))}


def test_colours_reach_aa_in_both_themes_and_are_those_of_the_files() -> None:
    words, curves = _tokens("report.css"), _tokens("charts.css")
    assert [curves[f"c{i}"][0] for i in range(len(PALETTE))] == list(PALETTE)
    inks = [words[n] for n in ("ink", "soft", "accent", "agrees", "deviates", "undecided", "info")]
    for theme in (0, 1):
        for ink in [*inks, *curves.values()]:
            for surface in ("paper", "raised", "sunk"):
                assert contrast(ink[theme], words[surface][theme]) >= 4.5, (ink, surface)


def test_a_reference_takes_no_colour_from_the_curves_after_it() -> None:
    """The curve of texts was green in its own chart where texts are orange in every other."""
    even = Series("spread evenly", (0, 1), (0.0, 1.0), kind="reference")
    sides = [Series(name, (0, 1), (0.0, 1.0)) for name in ("image", "text")]
    figures = [Figure(s.label, "F", "x", "y", (s, even)) for s in sides]
    assert [styles_of(figures)[key_of(s)].colour for s in sides] == [0, 1]
