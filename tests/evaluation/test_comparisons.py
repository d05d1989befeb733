"""Best spaces and differences: against a naive bootstrap that takes maxima draw by draw."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.tables import Score
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.comparisons import comparisons
from embedscope.evaluation.scoring import Job, Scored
from embedscope.tasks import TASKS


def scored(source: str, space: str, value: float | None, draws: np.ndarray | None) -> Scored:
    job = Job(TASKS.get("rg65"), DATASETS.get("rg65").load(Finder(download=False)))
    return Scored(source, "plain", space, job, "rg65", Score(value, 65, draws), 8)


def test_best_and_difference() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (m + 0.05 * rng.normal(size=1000) for m in (0.5, 0.6, 0.3))
    found = [scored("x", "layer00", 0.5, a), scored("x", "layer01", 0.6, b), scored("y", "layer00", 0.3, c)]
    best, difference = comparisons(found)
    maxima = np.array([max(p, q) for p, q in zip(a, b, strict=True)])
    assert (best.metric, best.space, best.value) == ("rg65.best", "layer01", 0.6)
    assert (best.ci_low, best.ci_high) == pytest.approx(tuple(np.percentile(maxima, [2.5, 97.5])))
    assert f"best in {np.mean(b > a):.0%} of draws" in best.note
    assert (difference.source, difference.metric) == ("x - y", "rg65.difference")
    assert difference.value == pytest.approx(0.3)
    assert difference.ci_low == pytest.approx(np.percentile(maxima - c, 2.5))
    assert "after Holm over 1" in difference.note
    assert best.compares
    assert not found[0].record().compares


def test_undefined_scores_are_not_compared() -> None:
    found = [scored("x", "layer00", None, None), scored("x", "layer01", None, None), scored("y", "layer00", 0.3, None)]
    assert comparisons(found) == []
