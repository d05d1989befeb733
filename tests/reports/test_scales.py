"""Axes: round ticks inside the range, bounds that values keep."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from embedscope.core.document import Figure, Series
from embedscope.reports.scales import Axis, steps, x_axis, y_axis


def figure(*y: float | None, **facts: object) -> Figure:
    series = Series("s", tuple(range(len(y))), y)
    return Figure("f", "F", "layer", "value", (series,), **facts)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_steps_are_even_and_inside(low: float, span: float, count: int) -> None:
    span = max(span, 1e-6 * abs(low))  # below that, neighbouring float64 ticks are not even any more
    high = low + span
    ticks = steps(low, high, count)
    assert 1 <= len(ticks) <= 2 * count + 1
    slack = 1e-6 * span + 1e-9 * abs(low)
    assert all(low - slack <= t <= high + slack for t in ticks)
    gaps = [b - a for a, b in pairwise(ticks)]
    assert all(math.isclose(g, gaps[0], rel_tol=1e-3) for g in gaps)


def test_correlations_do_not_pass_one() -> None:
    axis = y_axis(figure(0.2, 0.99), 4)
    assert (axis.low, axis.high) == (0.0, 1.0)
    assert y_axis(figure(-0.999, 0.5), 4).low == -1.0


def test_values_far_from_zero_do_not_drag_zero_in() -> None:
    assert y_axis(figure(100.0, 104.0), 4).low > 95


def test_given_range_is_kept() -> None:
    axis = y_axis(figure(0.1, 5.0, y_range=(-0.5, 2.0)), 4)
    assert (axis.low, axis.high) == (-0.5, 2.0)


def test_constant_and_empty_curves_have_a_range() -> None:
    for f in (figure(0.0, 0.0), figure(0.3, 0.3), figure(None, None), Figure("f", "F", "x", "y", ())):
        axis = y_axis(f, 4)
        assert axis.low < axis.high
        assert x_axis([f], 4).low < x_axis([f], 4).high


def test_layers_have_whole_ticks() -> None:
    assert x_axis([figure(1, 2, 3, 4)], 8).ticks == (0, 1, 2, 3)


def test_labels_share_their_decimal_places() -> None:
    assert Axis(-0.25, 0.5, (-0.25, 0.0, 0.25, 0.5)).labels() == ("\N{MINUS SIGN}0.25", "0.00", "0.25", "0.50")
