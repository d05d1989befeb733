"""Draws of word pairs against a loop that draws them and counts questions one by one."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.datasets import DATASETS, Finder
from embedscope.stats.bootstrap import interval, item_counts
from embedscope.tasks.analogy_draws import mean_scores
from embedscope.tasks.analogy_questions import Questions, questions_of

PAIRS = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 1)]


def asked_of(pairs):
    """Every ordered two of ``pairs`` as a question."""
    rows = np.array([(*p, *q) for p in pairs for q in pairs if p != q])
    return Questions("words", rows[:, :3], rows[:, 3:], np.arange(len(rows)), np.zeros(len(rows), dtype=int), ("s",))


def test_draws_are_those_of_a_loop():
    questions = asked_of(PAIRS)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, len(questions)))
    y[[1, 5]] = np.nan
    found = mean_scores({"x": x, "y": y}, 3, questions.ends)
    drawn = np.random.default_rng([3, len(PAIRS)])
    for draw in range(40):
        chosen = [PAIRS[i] for i in drawn.integers(0, len(PAIRS), size=len(PAIRS))]
        for name, items in (("x", x), ("y", y)):
            values = []
            for i in range(len(questions)):
                first, second = tuple(questions.words[i, :2]), (questions.words[i, 2], questions.answers[i, 0])
                if np.isfinite(items[i]):
                    values += [items[i]] * (chosen.count(first) * chosen.count(second))
            got = found[name].draws[draw]
            assert got == pytest.approx(np.mean(values), abs=1e-12) if values else np.isnan(got)
    assert found["y"].value == pytest.approx(np.nanmean(y))
    assert (found["x"].n, found["y"].n) == (20, 18)


def test_pairs_are_numbered_by_their_words_whatever_side_they_stand_on():
    questions = asked_of(PAIRS)
    left, right = questions.ends
    assert len(np.unique(np.concatenate([left, right]))) == len(PAIRS)
    assert (left != right).all()
    some = questions[np.array([3])]
    assert sorted(np.concatenate(some.ends).tolist()) == [0, 1]


def test_one_first_pair_cancels():
    """Where all questions have one first pair, the draws are those of the second pairs alone."""
    n = 30
    x = np.random.default_rng(1).normal(size=n)
    draws = mean_scores({"": x}, 0, (np.zeros(n, dtype=int), np.arange(1, n + 1)))[""].draws
    counts = item_counts(n + 1, 0)
    there = counts[0] > 0
    np.testing.assert_array_equal(np.isnan(draws), ~there)
    np.testing.assert_allclose(draws[there], (x @ counts[1:] / counts[1:].sum(axis=0))[there], atol=1e-12)
    assert 0.55 < there.mean() < 0.7
    assert interval(float(x.mean()), draws)[0] is not None


def test_intervals_cover_where_right_and_wrong_belong_to_pairs():
    """Questions right or wrong by their second pair: drawing questions would claim far too much."""
    pytest.importorskip("gensim", reason="gensim is not installed")
    questions = questions_of(DATASETS.get("google_analogies").load(Finder(download=False)), "questions")
    left, right = questions.ends
    assert len(questions) == 19_544
    assert len(np.unique(np.concatenate([left, right]))) == 550
    right_pairs = np.random.default_rng(0).random(550) < 0.5
    items = right_pairs[right].astype(float)
    stderr = interval(float(items.mean()), mean_scores({"": items}, 0, questions.ends)[""].draws)[0]
    naive = items.std() / np.sqrt(len(items))
    assert stderr > 4 * naive
