"""The learning curve: its fit is exact where the curve is, and says never where it ends below."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Score
from embedscope.migration.curve import CurvePoint, fit_curve, learning_curve, predict, sizes
from embedscope.migration.retention import RetentionJudge, retention_judge
from embedscope.migration.rows import Request, read_rows
from embedscope.sources.options import ModelOptions
from embedscope.stats.cross import CrossMoments

KS = np.array([50, 100, 200, 400, 800])


def points(values: np.ndarray, spread: float = 0.0) -> list[CurvePoint]:
    noise = spread * np.random.default_rng(0).normal(size=(len(values), 1000))
    return [
        CurvePoint("ridge", int(k), "ridge:0.01", Score(float(v), 100, v + noise[i]))
        for i, (k, v) in enumerate(zip(KS, values, strict=True))
    ]


def test_sizes_end_at_all_pairs() -> None:
    assert sizes(40) == [40]
    assert sizes(60)[-1] == 60
    assert sizes(5000)[-1] == 5000 and len(sizes(5000)) == 5


def test_a_curve_that_rises_crosses_where_it_does() -> None:
    found = predict(points(0.98 - 1.2 * KS**-0.5), "ridge", 0.95, 10_000)
    assert found.limit == pytest.approx(0.98, abs=0.01)
    assert found.enough == pytest.approx(1600, rel=0.15)
    assert found.share == 1.0


def test_a_curve_that_ends_below_never_crosses() -> None:
    found = predict(points(0.7 - 1.2 * KS**-0.5, spread=0.001), "ridge", 0.95, 10_000)
    assert found.enough is None and found.high is None and found.share == 0.0
    assert predict(points(0.7 - 0.1 * KS**-0.5)[:2], "ridge", 0.95, 10_000) is None


def test_a_flat_curve_has_its_mean_as_limit() -> None:
    a, b, _ = fit_curve(KS.astype(float), np.full(5, 0.4))
    assert (a, b) == (pytest.approx(0.4), 0.0)
    a, _, _ = fit_curve(KS.astype(float), 1 - 30 * KS**-1.0)
    assert a <= 1.0


def test_families_of_a_point_share_their_moments_and_vectors_as_they_are_are_searched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = np.random.default_rng(0).normal(size=(400, 6))
    rows = read_rows(Request(old, old[:, ::-1]), ModelOptions(), Provenance(), Silent(), count_tokens=False)
    judge = retention_judge(rows, 10_000, 0)
    taken, searched = [], []
    kept, update = RetentionJudge.measure, CrossMoments.update
    monkeypatch.setattr(CrossMoments, "update", lambda self, *pair: taken.append(len(pair[0])) or update(self, *pair))
    monkeypatch.setattr(RetentionJudge, "measure", lambda *given: searched.append(given[3]) or kept(*given))
    texts = ["none", "procrustes", "ridge:0.1", "ridge:1", "lowrank:2", "cca:2"]
    curve = learning_curve(judge, "queries", texts, {}, Silent(), [50, 100])
    assert [(p.family, p.pairs) for p in curve if p.family == "none"] == [("none", 50), ("none", 100)]
    assert len(curve) == 10
    assert sorted(taken) == [50, 50, 100, 100]  # those that fit, and those of them that choose the penalty
    assert searched.count("certify") == 9
