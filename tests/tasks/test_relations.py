"""Typicality of SemEval-2012 pairs, MaxDiff, parallelism, angles: against loops, scipy and values known in advance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedscope.core.errors import InputError
from embedscope.core.tables import Choices, Data, Pairs, TextTable
from embedscope.datasets import DATASETS, Finder
from embedscope.datasets.semeval2012 import answered_questions, rated_pairs
from embedscope.tasks import TASKS
from embedscope.tasks.analogy_angles import angles_between, closeness, coordinate_ranks, rank_correlations
from embedscope.tasks.analogy_questions import Questions, questions_of
from embedscope.tasks.analogy_rows import CandidateRows
from embedscope.tasks.parallelism import parallelism, relation_pairs
from embedscope.tasks.relations import TRAINING, choices_right, maxdiff

TASK = TASKS.get("semeval2012_typicality")


def cosine(x, y) -> float:
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def naive_maxdiff(scores, gold) -> float:
    right = asked = 0
    for four in combinations(range(len(gold)), 4):
        g, s = gold[list(four)], scores[list(four)]
        for sign in (1, -1):
            best = np.flatnonzero(sign * g == (sign * g).max())
            if len(best) == 1:
                asked += 1
                mine = np.flatnonzero(sign * s == (sign * s).max())
                right += mine.tolist() == best.tolist()
    return right / asked


@pytest.fixture(scope="module")
def semeval(shared_data) -> Data:
    return DATASETS.get("semeval2012").load(Finder(shared_data, download=False))


def test_scores_are_those_of_a_loop(semeval):
    """The main score of twelve relations and MaxDiff of three: scipy's Spearman, and every four pairs written out."""
    x = np.random.default_rng(0).normal(size=(len(semeval.tables["words"]), 9))
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    scores = TASK.score({"words": x}, semeval, seed=0)
    rated, examples = semeval.relations["rated"], semeval.relations["paradigms"]
    names = list(dict.fromkeys(rated.subset))
    assert len(names) == len(scores[TASK.id].items) == 79
    assert [n.split()[0] for n, v in zip(names, scores[TASK.id].items, strict=True) if np.isnan(v)] == sorted(
        TRAINING, key=[n.split()[0] for n in names].index
    )
    expected = []
    tested = [n for n in names if n.split()[0] not in TRAINING]
    for name in tested[:12]:
        shown = [(i, j) for i, j, n in zip(examples.left, examples.right, examples.subset, strict=True) if n == name]
        given, gold = [], []
        for i, j, g, n in zip(rated.left, rated.right, rated.gold, rated.subset, strict=True):
            if n == name and i != j:
                given.append(np.mean([cosine(u[j] - u[i], u[q] - u[p]) for p, q in shown if (p, q) != (i, j)]))
                gold.append(g)
        expected.append(spearmanr(given, gold).statistic)
        assert scores[TASK.id].items[names.index(name)] == pytest.approx(expected[-1], abs=1e-12)
        if len(expected) <= 3:
            found = scores[f"{TASK.id}.maxdiff_of_ratings"].items[names.index(name)]
            assert found == pytest.approx(naive_maxdiff(np.array(given), np.array(gold)), abs=1e-12)
    assert scores[TASK.id].value == pytest.approx(np.nanmean(scores[TASK.id].items), abs=1e-12)
    assert scores[TASK.id].n == len(tested) == 69
    assert abs(scores[TASK.id].value) < 0.1
    assert scores[f"{TASK.id}.maxdiff_of_ratings"].value == pytest.approx(0.25, abs=0.03)
    official = scores[f"{TASK.id}.maxdiff"]
    assert official.n == 69
    assert official.value == pytest.approx(0.31, abs=0.03), "the task's own random system reads .312, ties being right"
    without = Data(semeval.name, semeval.tables, {k: v for k, v in semeval.relations.items() if k != "maxdiff"})
    undefined = TASK.score({"words": x}, without, seed=0)[f"{TASK.id}.maxdiff"]
    assert undefined.value is None
    assert "Phase2Answers" in undefined.note


def test_maxdiff_is_that_of_the_task_s_scorer(semeval, shared_data):
    """The package's own example: random ratings of 1a answer 103 questions, 29 and 27 of them rightly."""
    folder = next(shared_data.rglob("Examples/RandomScaled-1a.txt")).parent
    rating = {pair: value for value, pair in rated_pairs((folder / "RandomScaled-1a.txt").read_text())}
    words, choices = semeval.tables["words"].texts, semeval.relations["maxdiff"]
    here = np.array([name.split()[0] == "1a" for name in choices.section])
    own = Choices(
        "words", *(x[here] for x in (choices.left, choices.right, choices.least, choices.most)), ("1a",) * 103
    )
    shown = [[(words[a], words[b]) for a, b in zip(*q, strict=True)] for q in zip(own.left, own.right, strict=True)]
    ratings = np.array([[rating[pair] for pair in q] for q in shown])
    assert choices_right(ratings, own).sum(axis=0).tolist() == [29, 27]
    answers = [line.split() for line in (folder / "RandomMaxDiff-1a.txt").read_text().splitlines() if line[:1] == '"']
    least = {tuple(row[:4]): row[4] for row in answers}
    for q, lowest in zip(shown, ratings.argmin(axis=1), strict=True):
        named = tuple(f'"{a}:{b}"' for a, b in q)
        assert least[named] == named[lowest]


def test_answers_without_six_pairs_are_refused():
    with pytest.raises(InputError, match="six pairs"):
        answered_questions('"a:b"\t"c:d"')


def test_maxdiff_of_ties_and_few():
    rng = np.random.default_rng(0)
    for _ in range(5):
        scores, gold = rng.integers(0, 5, size=11).astype(float), rng.integers(0, 6, size=11).astype(float)
        assert maxdiff(scores, gold) == pytest.approx(naive_maxdiff(scores, gold))
    assert maxdiff(np.arange(3.0), np.arange(3.0)) is None
    assert maxdiff(np.arange(9.0), np.zeros(9)) is None


def test_a_perfect_space_scores_one_and_missing_words_are_said():
    """Words on a line: the more a pair's offset points along the example's, the more typical it is."""
    angle = np.linspace(0.1, 1.4, 8)
    ends = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.concatenate([[[0.0, -1.0]], [[1.0, -1.0]], *[[[0.0, -1.0], e] for e in ends]])
    rows = np.arange(2, 18).reshape(8, 2)
    gold = np.array(
        [
            -angles_between(_unit(_unit(ends)[i : i + 1] - [[0, -1]]), _unit(_unit(x)[1:2] - [[0, -1]]))[0]
            for i in range(8)
        ]
    )
    words = TextTable(tuple(f"w{i}" for i in range(18)), "word")
    rated = Pairs("words", rows[:, 0], rows[:, 1], gold, ("1b A: b",) * 8)
    examples = Pairs("words", np.array([0]), np.array([1]), np.zeros(1), ("1b A: b",))
    data = Data("made", {"words": words}, {"rated": rated, "paradigms": examples})
    assert TASK.score({"words": x}, data, seed=0)[TASK.id].value == pytest.approx(1.0)
    x[2] = np.nan
    score = TASK.score({"words": x}, data, seed=0)[TASK.id]
    assert "1 of 8 pairs left out" in score.note
    with pytest.raises(InputError, match="lacks"):
        TASK.score({"words": x}, Data("none", {"words": words}, {}), seed=0)


def _unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_parallelism_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    x, pairs, section = rng.normal(size=(30, 6)), rng.integers(0, 30, size=(40, 2)), rng.integers(0, 3, size=40)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    section = section[: len(pairs)]
    found = parallelism(x, pairs, section, ("p", "q", "r"))
    for s in range(3):
        inside, outside = [], []
        for i in np.flatnonzero(section == s):
            for j in range(len(pairs)):
                if not set(pairs[i]) & set(pairs[j]):
                    value = cosine(x[pairs[i, 1]] - x[pairs[i, 0]], x[pairs[j, 1]] - x[pairs[j, 0]])
                    (inside if section[j] == s else outside).append(value)
        assert found.within[s] == pytest.approx(np.mean(inside))
        assert found.between[s] == pytest.approx(np.mean(outside))
        assert found.pairs[s] == (section == s).sum()
    scores = found.scores()
    assert scores["gap"].value == pytest.approx(scores["within"].value - scores["between"].value)


def test_pairs_of_questions():
    rows = np.array([[0, 1, 2], [2, 3, 0], [4, 5, 6]])
    questions = Questions("words", rows, np.array([[3], [1], [7]]), np.arange(3), np.array([0, 0, 1]), ("p", "q"))
    pairs, section = relation_pairs(questions)
    assert pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert section.tolist() == [0, 0, 1, 1]


def test_angles_and_rank_correlations():
    rng = np.random.default_rng(0)
    x, y = _unit(rng.normal(size=(20, 15))), _unit(rng.normal(size=(20, 15)))
    x[:, :4] = np.round(x[:, :4], 1)
    expected = [spearmanr(p, q).statistic for p, q in zip(x, y, strict=True)]
    np.testing.assert_allclose(rank_correlations(coordinate_ranks(x), coordinate_ranks(y)), expected, atol=1e-12)
    x = _unit(x)
    np.testing.assert_allclose(angles_between(x, y), np.degrees(np.arccos((x * y).sum(axis=1))), atol=1e-6)
    tiny = np.array([[1.0, 0.0]]), np.array([[np.cos(1e-9), np.sin(1e-9)]])
    assert angles_between(*tiny)[0] == pytest.approx(np.degrees(1e-9), rel=1e-6)


def test_closeness_takes_the_nearest_answer_and_leaves_out_what_is_missing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 8))
    x[11] = np.nan
    words, answers = rng.integers(0, 11, size=(6, 3)), np.array([[3, 4], [5, -1], [6, 7], [11, 8], [11, -1], [2, 11]])
    questions = Questions("words", words, answers, np.arange(6), np.zeros(6, dtype=int), ("s",))
    found = closeness(CandidateRows.of(x, "raw"), questions)
    for i, (a, b, c) in enumerate(words):
        y = x[b] - x[a] + x[c]
        angles = {d: np.degrees(np.arccos(cosine(y, x[d]))) for d in answers[i] if d >= 0 and d != 11}
        if not angles:
            assert np.isnan(found.angle[i])
            continue
        best = min(angles, key=angles.get)
        assert found.angle[i] == pytest.approx(angles[best], abs=1e-9)
        assert found.spearman[i] == pytest.approx(spearmanr(y, x[best]).statistic)


def test_counts_of_questions(semeval):
    assert [len(questions_of(semeval, name)) for name in ("published", "per_category")] == [3217, 3139]
