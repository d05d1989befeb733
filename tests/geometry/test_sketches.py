"""What charts of a space show, against the same counted by hand; and that it costs no further pass."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.document import Figure, Histogram
from embedscope.geometry.measure import measure
from embedscope.geometry.measure_pair import measure_pair
from embedscope.geometry.sketches import Sketchbook, cosines_of, edges_over, shares_in

CONE = np.random.default_rng(3).normal(size=(300, 12)) + 2.0


def charts(result, form):
    return {c.id: c for c in result.document.charts if isinstance(c, form)}


def test_coordinates_sum_to_the_mean_cosine() -> None:
    result = measure(CONE, metrics=["self_similarity"])
    parts = charts(result, Histogram)["coordinates"].series[0].heights
    u = CONE / np.linalg.norm(CONE, axis=1, keepdims=True)
    cosines = (u @ u.T)[np.triu_indices(len(u), 1)]
    assert sum(parts) == pytest.approx(cosines.mean(), abs=1e-3)


def test_spectrum_ends_at_one_and_follows_the_eigenvalues() -> None:
    figure = charts(measure(CONE, metrics=["participation_ratio"]), Figure)["spectrum"]
    curve = figure.series[0]
    values = np.sort(np.linalg.eigvalsh(np.cov(CONE.T)))[::-1]
    assert curve.y[-1] == pytest.approx(1.0)
    assert curve.y[3] == pytest.approx(values[:3].sum() / values.sum(), abs=1e-4)
    assert figure.marks[0].at == pytest.approx(values.sum() ** 2 / (values**2).sum(), abs=0.01)


def test_nearest_cosines_are_those_of_the_nearest_rows() -> None:
    u = CONE / np.linalg.norm(CONE, axis=1, keepdims=True)
    every = u @ u.T
    np.fill_diagonal(every, -2)
    found = cosines_of(u, len(u))
    assert found is not None
    assert found.nearest.tolist() == pytest.approx(shares_in(every.max(axis=1), found.edges).tolist(), abs=1e-9)
    assert found.unrelated.sum() == pytest.approx(1.0)


def test_edges_hold_every_value() -> None:
    edges = edges_over(np.array([-0.31, 0.2]), np.array([0.99]))
    assert edges[0] <= -0.31 and edges[-1] >= 0.99
    assert len(edges) < 60


def test_charts_take_no_further_pass() -> None:
    plain, drawn = measure(CONE, sketches=Sketchbook(rows=False)), measure(CONE)
    phases = [[name for name in r.provenance["wall_seconds"] if name.startswith("pass")] for r in (plain, drawn)]
    assert phases[0] == phases[1]
    assert [r.value for r in plain] == [r.value for r in drawn]


def test_many_spaces_are_not_drawn_one_by_one() -> None:
    result = measure({f"layer{i:02d}": CONE for i in range(6)}, metrics=["self_similarity"])
    assert not result.document.histograms
    headline = result.document.headline
    assert headline.text.startswith("Unrelated rows have a mean cosine of ") and "95 % intervals" in headline.evidence
    assert headline.charts[0] == "curve-self_similarity"


def test_a_pair_has_clouds_cosines_and_recall() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8))
    shift = np.array([6.0, *[0.0] * 7])
    result = measure_pair(x + shift, x - shift + 0.3 * rng.normal(size=x.shape))
    assert {c.id for c in result.document.charts} >= {"clouds", "cosines", "recall"}
    (scatter,) = result.document.scatters
    (arrow,) = scatter.arrows
    gap = result["modality_gap"].value
    assert np.hypot(arrow[2] - arrow[0], arrow[3] - arrow[1]) == pytest.approx(gap, rel=0.05)
    assert "apart" in result.document.headline.text


def test_several_files_are_compared_by_name_in_a_dot_plot() -> None:
    result = measure({"one": CONE, "two": -CONE, "three": CONE - CONE.mean(axis=0)}, metrics=["self_similarity"])
    (chart,) = result.document.dots
    assert [row.label for row in chart.rows] == ["one", "two", "three"]
    assert result.document.headline.charts == (chart.id,)
