"""Best spaces and differences: intervals of maxima from simultaneous bands, Holm over differences."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.comparisons import comparisons
from embedscope.evaluation.scoring import Job, TaskScore
from embedscope.evaluation.summary import score_document
from embedscope.stats.best_of import best_of
from embedscope.stats.bootstrap import holm
from embedscope.tasks import TASKS


def task_score(source: str, space: str, value: float | None, draws: np.ndarray | None) -> TaskScore:
    job = Job(TASKS.get("rg65"), DATASETS.get("rg65").load(Finder(download=False)))
    return TaskScore(source, "plain", space, job, "rg65", Score(value, 65, draws), 8)


def test_best_and_difference() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (m + 0.05 * rng.normal(size=1000) for m in (0.5, 0.6, 0.3))
    found = [task_score("x", "layer00", 0.5, a), task_score("x", "layer01", 0.6, b), task_score("y", "layer00", 0.3, c)]
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
    found = [
        task_score("x", "layer00", None, None),
        task_score("x", "layer01", None, None),
        task_score("y", "layer00", 0.3, None),
    ]
    assert comparisons(found) == []


def test_p_values_are_corrected_over_all_differences() -> None:
    """Three sources have three differences: each p is at least what Holm makes of it, and the smallest is tripled."""
    rng = np.random.default_rng(0)
    values = {"x": 0.5, "y": 0.44, "z": 0.1}
    found = [task_score(s, "layer00", v, v + 0.02 * rng.normal(size=1000)) for s, v in values.items()]
    notes = [r.note for r in comparisons(found)]
    p = [float(note.partition("p = ")[2].split(",")[0]) for note in notes]
    corrected = [float(note.partition("p = ")[2].split(", ")[1].split()[0]) for note in notes]
    assert all("after Holm over 3" in note for note in notes)
    assert corrected == pytest.approx(holm(p), rel=0.01)
    assert min(corrected) == pytest.approx(3 * min(p), rel=0.01)


def _scores(source: str, **values: float) -> list[Record]:
    return [Record(source, task, v, task=task, ci_low=v - 0.1, ci_high=v + 0.1, n=65) for task, v in values.items()]


def _differences(**ends: tuple[float, float]) -> list[Record]:
    return [
        Record("a - b", f"{task}.difference", sum(e) / 2, task=task, ci_low=e[0], ci_high=e[1])
        for task, e in ends.items()
    ]


def test_a_headline_of_one_source_is_a_sentence_and_names_no_score_twice() -> None:
    headline = score_document(_scores("a", ndcg=0.5, recall=0.7)).headline
    assert headline.text == "a scores 0.500 on ndcg (0.400 to 0.600) and 0.700 on recall (0.600 to 0.800)."
    assert headline.evidence == "n 65; in brackets 95 % intervals"


def test_a_headline_of_two_sources_names_tasks_with_both_scores() -> None:
    records = [*_scores("a", x=0.5, y=0.6, z=0.2), *_scores("b", x=0.2, y=0.55, z=0.5)]
    records += _differences(x=(0.1, 0.5), y=(-0.1, 0.2), z=(-0.5, -0.1))
    headline = score_document(records).headline
    assert headline.text == (
        "a scores higher than b on x (0.500 against 0.200), lower on z (0.200 against 0.500); the difference on y "
        "(0.600 against 0.550) is within chance."
    )
    assert "x +0.300 (+0.100 to +0.500)" in headline.evidence
    other = [*records[:6], *_differences(x=(-0.5, -0.1), y=(-0.1, 0.2), z=(-0.5, -0.1))]
    turned = score_document(other).headline
    assert turned.text.startswith("b scores higher than a on x (") and "x +0.300 (+0.100 to +0.500)" in turned.evidence


def test_a_headline_of_many_tasks_counts_them() -> None:
    names = [f"t{i}" for i in range(5)]
    records = [*_scores("a", **dict.fromkeys(names, 0.6)), *_scores("b", **dict.fromkeys(names, 0.3))]
    records += _differences(**{name: (0.1 + 0.01 * i, 0.5) for i, name in enumerate(names)})
    text = score_document(records).headline.text
    assert text == "a scores higher than b on 5 of 5 tasks, most on t4 (0.600 against 0.300)."
