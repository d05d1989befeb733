"""Best spaces and differences: intervals of maxima from simultaneous bands, Holm over differences."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.tables import Score
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.comparisons import comparisons
from embedscope.evaluation.scoring import Job, TaskScore
from embedscope.stats.best_of import best_of
from embedscope.stats.bootstrap import holm
from embedscope.tasks import TASKS


def scored(source: str, space: str, value: float | None, draws: np.ndarray | None) -> TaskScore:
    job = Job(TASKS.get("rg65"), DATASETS.get("rg65").load(Finder(download=False)))
    return TaskScore(source, "plain", space, job, "rg65", Score(value, 65, draws), 8)


def test_best_and_difference() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (m + 0.05 * rng.normal(size=1000) for m in (0.5, 0.6, 0.3))
    found = [scored("x", "layer00", 0.5, a), scored("x", "layer01", 0.6, b), scored("y", "layer00", 0.3, c)]
    best, difference = comparisons(found)
    assert (best.metric, best.space, best.value) == ("rg65.best", "layer01", 0.6)
    expected = best_of({"layer00": found[0].score, "layer01": found[1].score})
    assert (best.ci_low, best.ci_high) == (expected.low, expected.high)
    assert f"best in {100 * np.mean(b > a):.0f} % of draws" in best.note
    assert "not distinguishable from layer00" in best.note
    assert (difference.source, difference.metric) == ("x - y", "rg65.difference")
    assert difference.value == pytest.approx(0.3)
    assert difference.ci_low < 0.3 - 1.96 * np.std(b - c)
    assert "after Holm over 1" in difference.note
    assert best.compares
    assert not found[0].record().compares


def test_undefined_scores_are_not_compared() -> None:
    found = [scored("x", "layer00", None, None), scored("x", "layer01", None, None), scored("y", "layer00", 0.3, None)]
    assert comparisons(found) == []


def test_p_values_are_corrected_over_all_differences() -> None:
    """Three sources have three differences: each p is at least what Holm makes of it, and the smallest is tripled."""
    rng = np.random.default_rng(0)
    values = {"x": 0.5, "y": 0.44, "z": 0.1}
    found = [scored(s, "layer00", v, v + 0.02 * rng.normal(size=1000)) for s, v in values.items()]
    notes = [r.note for r in comparisons(found)]
    p = [float(note.partition("p = ")[2].split(",")[0]) for note in notes]
    corrected = [float(note.partition("p = ")[2].split(", ")[1].split()[0]) for note in notes]
    assert all("after Holm over 3" in note for note in notes)
    assert corrected == pytest.approx(holm(p), rel=0.01)
    assert min(corrected) == pytest.approx(3 * min(p), rel=0.01)
