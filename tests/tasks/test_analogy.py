"""Analogy tasks: ids, controls, what is left out, and a naive count of every score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.tables import Data, Matches, Quadruples, TextTable
from embedscope.stats.bootstrap import paired_difference
from embedscope.tasks import TASKS
from embedscope.tasks.analogy_outcome import outcome
from embedscope.tasks.analogy_questions import break_questions, questions_of
from embedscope.tasks.analogy_rows import CandidateRows

TASK = TASKS.get("google_analogies")


def make_data(several: bool = False) -> Data:
    """Three relations of eight pairs each, every ordered two a question; with ``several`` each word has two answers."""
    pairs = [[(16 * s + i, 16 * s + 8 + i) for i in range(8)] for s in range(3)]
    asked = [(f"relation {s}", (*p, *q)) for s, here in enumerate(pairs) for p in here for q in here if p != q]
    relations = {"questions": Quadruples("words", np.array([q for _, q in asked]), tuple(s for s, _ in asked))}
    if several:
        for s, here in enumerate(pairs):
            left = np.array([c for c, _ in here] * 2)
            right = np.array([d for _, d in here] + [d for _, d in here[1:] + here[:1]])
            relations[f"answers relation {s}"] = Matches("words", "words", left, right)
    return Data("made", {"words": TextTable(tuple(f"w{i}" for i in range(60)), "word")}, relations)


def make_vectors(strength: float, noise: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 20))
    for s in range(3):
        x[16 * s + 8 : 16 * s + 16] = x[16 * s : 16 * s + 8] + strength * rng.normal(size=20)
        x[16 * s + 8 : 16 * s + 16] += noise * rng.normal(size=(8, 20))
    return x


def hit(y: np.ndarray, u: np.ndarray, answers: set[int], banned: set[int], k: int) -> bool:
    scores = u @ (y / np.linalg.norm(y))
    order = [j for j in np.argsort(-scores) if j not in banned]
    places = [i - sum(o in answers for o in order[:i]) for i, j in enumerate(order) if j in answers]
    return bool(places) and places[0] < k


@pytest.mark.parametrize("several", [False, True])
def test_scores_are_those_of_a_loop(several):
    data, x = make_data(several), make_vectors(1.5)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    task = TASK.variant("3cosadd.exclude.unit.top2")
    scores = task.score({"words": x}, data, seed=0)
    found: dict[str, list[bool]] = {"": [], ".c": [], ".b": []}
    for a, b, c, d in data.relations["questions"].rows:
        s = a // 16
        right = {d, 16 * s + 8 + (c % 16 + 1) % 8} - {a, b, c} if several else {d}
        for name, y in (("", u[b] - u[a] + u[c]), (".c", u[c]), (".b", u[b])):
            found[name].append(hit(y, u, right, {a, b, c}, 2))
    for name, hits in found.items():
        assert scores[f"{task.id}{name}"].items.tolist() == [float(h) for h in hits]
        assert scores[f"{task.id}{name}"].value == pytest.approx(np.mean(hits), abs=1e-15)
    main = scores[task.id]
    controls = {c: scores[f"{task.id}.{c}"] for c in ("c", "b", "random")}
    best = max(controls.values(), key=lambda s: s.value)
    gained = scores[f"{task.id}.gain"]
    assert gained.value == pytest.approx(main.value - best.value)
    assert gained.draws.mean() <= paired_difference(main, best).value + 0.02
    assert {len(s.draws) for s in scores.values()} == {1000}


def test_what_ignores_the_relation_gains_nothing():
    """Without a common offset d is only near c: high accuracy, no gain."""
    data, x = make_data(), make_vectors(0.0, noise=1.2)
    scores = TASK.score({"words": x}, data, seed=0)
    assert scores["google_analogies"].value > 0.2
    assert scores["google_analogies.gain"].value < 0
    assert scores["google_analogies.gain"].note == "best control: similarity to c"
    strong = TASK.score({"words": make_vectors(6.0)}, data, seed=0)
    assert strong["google_analogies.gain"].value > 0.5


def test_random_pairs_come_from_other_relations():
    data = make_data(several=True)
    questions = questions_of(data, "questions")
    first, again, second = (break_questions(questions, seed, draw) for seed, draw in ((3, 0), (3, 0), (3, 1)))
    assert (first.words[:, :2] == questions.words[:, :2]).all()
    assert (first.words[:, 2] // 16 != questions.words[:, 2] // 16).all()
    for words, answers in zip(first.words, first.answers[first.lists], strict=True):
        assert words[2] // 16 == answers[0] // 16 == answers[1] // 16
        assert answers[0] == words[2] + 8
    assert (first.words == again.words).all()
    assert (first.words != second.words).any()


def test_one_relation_has_no_random_control():
    data = make_data()
    asked = data.relations["questions"]
    one = Quadruples("words", asked.rows[:56], asked.section[:56])
    scores = TASK.score({"words": make_vectors(2.0)}, replace(data, relations={"questions": one}), seed=0)
    assert scores["google_analogies.random"].value is None
    assert "of one relation" in scores["google_analogies.random"].note
    assert scores["google_analogies.gain"].value is not None


def test_questions_with_unknown_words_are_left_out_and_counted():
    x = make_vectors(2.0)
    x[0], x[9] = np.nan, 0
    score = TASK.score({"words": x}, make_data(), seed=0)["google_analogies"]
    lost = [bool({0, 9} & set(q)) for q in make_data().relations["questions"].rows.tolist()]
    assert np.isnan(score.items).tolist() == lost
    assert score.n == len(lost) - sum(lost)
    assert f"{sum(lost)} of 168 questions left out" in score.note
    assert "58 candidates" in score.note
    nothing = TASK.score({"words": np.full((60, 3), np.nan)}, make_data(), seed=0)
    assert all(s.value is None and "undefined" in s.note for s in nothing.values())


def test_reverse_asks_for_c():
    data = make_data()
    forward, back = questions_of(data, "questions"), questions_of(data, "questions", reverse=True)
    assert (back.words[:, :2] == forward.words[:, [1, 0]]).all()
    assert (back.words[:, 2] == forward.answers[forward.lists, 0]).all()
    assert (back.answers[back.lists, 0] == forward.words[:, 2]).all()


def test_centring_removes_what_all_rows_share():
    x = make_vectors(2.0)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    v = u - u.mean(axis=0)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    questions = questions_of(make_data(), "questions")
    found = outcome(CandidateRows.of(x, "centered"), questions)
    alone = outcome(CandidateRows.of(v, "unit"), questions)
    np.testing.assert_array_equal(found.ranks["offset"].rank, alone.ranks["offset"].rank)


def test_the_same_seed_gives_the_same_scores():
    first, again, other = (TASK.score({"words": make_vectors(2.0)}, make_data(), seed) for seed in (1, 1, 2))
    assert all(first[k].draws.tolist() == again[k].draws.tolist() for k in first)
    assert first["google_analogies.random"].value != other["google_analogies.random"].value


def test_variants_are_tasks():
    task = TASKS.get("bats.3cosmul.all.centered.top5")
    assert (task.id, task.method, task.exclude, task.rows, task.k) == (
        "bats.3cosmul.all.centered.top5",
        "3cosmul",
        False,
        "centered",
        5,
    )
    with pytest.raises(UnknownNameError, match=r"as in bats\.3cosadd\.all\.raw\.top5"):
        TASKS.get("bats.3cosadd.some.raw.top5")
    with pytest.raises(UnknownNameError):
        TASKS.get("rg65.3cosadd.all.raw.top5")


def test_wrong_input_is_said():
    with pytest.raises(InputError, match="one row per text"):
        TASK.score({"words": np.ones((3, 2))}, make_data(), seed=0)
    with pytest.raises(InputError, match="it has questions"):
        questions_of(make_data(), "pairs")
