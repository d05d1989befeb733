"""Ranks of analogies against a loop over questions and candidates in float64, and against gensim."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.tasks import analogy_ranks as module
from embedscope.tasks._analogy_counts import row_counts, true_places
from embedscope.tasks._analogy_methods import METHODS
from embedscope.tasks.analogy_ranks import Asked, analogy_ranks
from embedscope.tasks.analogy_rows import KINDS, CandidateRows


def naive_rows(x: np.ndarray, kind: str) -> np.ndarray:
    x = x.astype(np.float64)
    x[~np.isfinite(x).all(axis=1) | ~x.any(axis=1)] = np.nan
    if kind == "raw":
        return x
    u = np.array([row / np.linalg.norm(row) for row in x])
    if kind == "unit":
        return u
    v = u - np.nanmean(u, axis=0)
    return np.array([row / np.linalg.norm(row) for row in v])


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def naive_score(method: str, a, b, c, x) -> float:
    if method == "3cosadd":
        return cosine(b - a + c, x)
    if method == "3cosmul":
        return (cosine(x, b) + 1) / 2 * (cosine(x, c) + 1) / 2 / ((cosine(x, a) + 1) / 2 + 0.001)
    if method == "pairdirection":
        return -1.0 if np.array_equal(x, c) else cosine(x - c, b - a)
    return cosine(x, {"b": b, "c": c}[method])


def naive_rank(method: str, rows: np.ndarray, words, answers, exclude: bool) -> tuple[int, int]:
    banned = {int(i) for i in answers} | ({int(i) for i in words} if exclude else set())
    a, b, c = rows[list(words)]
    right = [d for d in answers if d >= 0 and not (exclude and d in words) and np.isfinite(rows[d]).all()]
    if not right:
        return 0, 0
    best = max(naive_score(method, a, b, c, rows[d]) for d in right)
    others = [j for j in range(len(rows)) if j not in banned and np.isfinite(rows[j]).all()]
    ahead = np.array([naive_score(method, a, b, c, rows[j]) - best for j in others])
    return 1 + int((ahead >= -1e-12).sum()), int((np.abs(ahead) <= 1e-12).sum())


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(150, 11)) + 0.5).astype(np.float32)
    x[5], x[7], x[21] = 0, np.nan, x[20]  # no direction, no vector, a twin
    words = rng.integers(8, 150, size=(40, 3))
    answers = rng.integers(8, 150, size=(40, 3))
    answers[::3, 1:] = -1
    words[0], answers[0] = [30, 31, 40], [21, -1, -1]
    answers[1] = [words[1, 0], -1, -1]  # the answer is a word of the question
    answers[2] = [7, -1, -1]  # the answer has no vector
    return x, words, answers


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_ranks_are_those_of_a_loop(made, method, kind, exclude, monkeypatch):
    monkeypatch.setattr(module, "_TILE", 64)
    x, words, answers = made
    found = analogy_ranks(CandidateRows.of(x, kind), [Asked(method, words, answers, exclude)])[0]
    rows = naive_rows(x, kind)
    expected = [naive_rank(method, rows, w, a, exclude) for w, a in zip(words, answers, strict=True)]
    assert list(zip(found.rank.tolist(), found.ties.tolist(), strict=True)) == expected


def test_float32_search_gives_the_ranks_of_float64():
    """Vectors so close together that float32 alone cannot tell them apart."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=40) + 1e-6 * rng.normal(size=(300, 40))
    words, answers = rng.integers(0, 300, size=(50, 3)), rng.integers(0, 300, size=(50, 1))
    asked = [Asked(method, words, answers, exclude=False) for method in ("3cosadd", "3cosmul", "c")]
    rows = naive_rows(x, "unit")
    for one, found in zip(asked, analogy_ranks(CandidateRows.of(x, "unit"), asked), strict=True):
        expected = [naive_rank(one.method, rows, w, a, exclude=False) for w, a in zip(words, answers, strict=True)]
        assert found.rank.tolist() == [rank for rank, _ in expected]


def test_many_kinds_at_once_are_the_same_as_one_by_one(made):
    x, words, answers = made
    rows = CandidateRows.of(x, "unit")
    asked = [Asked(m, words[i:], answers[i:], exclude=bool(i % 2)) for i, m in enumerate(METHODS)]
    for one, found in zip(asked, analogy_ranks(rows, asked), strict=True):
        alone = analogy_ranks(rows, [one])[0]
        np.testing.assert_array_equal(found.rank, alone.rank)
        np.testing.assert_array_equal(found.answer, alone.answer)
        np.testing.assert_array_equal(found.score, alone.score)
    assert analogy_ranks(rows, []) == []


def test_hits_and_reciprocal_ranks(made):
    x, words, answers = made
    found = analogy_ranks(CandidateRows.of(x, "unit"), [Asked("3cosadd", words, answers)])[0]
    assert found.rank[1] == found.rank[2] == 0
    assert found.hits(150).sum() == (found.rank > 0).sum()
    assert found.hits(5).tolist() == [float(0 < r <= 5) for r in found.rank]
    assert found.reciprocal().tolist() == [1 / r if r else 0.0 for r in found.rank]


def test_counts_of_flags():
    rng = np.random.default_rng(0)
    for shape in ((3, 7), (5, 64), (2, 5000), (1, 8), (4, 3)):
        flags = rng.random(shape) < 0.6
        assert row_counts(flags).tolist() == flags.sum(axis=1).tolist()
        row, column = true_places(flags)
        assert np.stack([row, column], axis=1).tolist() == np.argwhere(flags).tolist()
    assert row_counts(np.ones((2, 9001), dtype=bool)).tolist() == [9001, 9001]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("3cosadd", np.array([[0, 1]]), np.array([[2]])), "words \\(m, 3\\)"),
        (Asked("3cosadd", np.array([[0, 1, 900]]), np.array([[2]])), "150 candidates"),
        (Asked("sum", np.array([[0, 1, 2]]), np.array([[2]])), "wanted one of 3cosadd"),
    ],
)
def test_wrong_questions_are_said(made, asked, said):
    with pytest.raises(InputError, match=said):
        analogy_ranks(CandidateRows.of(made[0], "unit"), [asked])


def test_wrong_rows_are_said():
    with pytest.raises(InputError, match="one of unit, raw, centered"):
        CandidateRows.of(np.ones((2, 2)), "whitened")
    with pytest.raises(InputError, match="shape"):
        CandidateRows.of(np.ones(3), "unit")


def test_accuracy_is_gensims_to_the_last_question(tmp_path):
    """gensim.models.KeyedVectors.evaluate_word_analogies, case kept, on vectors with relations in them."""
    gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")
    from embedscope.datasets import DATASETS, Finder

    data = DATASETS.get("google_analogies").load(Finder(download=False))
    questions = data.relations["questions"]
    texts = data.tables["words"].texts
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(texts) + 600, 50)).astype(np.float32)
    for i, section in enumerate(dict.fromkeys(questions.section)):
        here = questions.rows[[s == section for s in questions.section]]
        offset = np.random.default_rng(i).normal(size=50) * 0.8
        x[np.unique(here[:, 1])] += offset.astype(np.float32)
        x[here[:, 1]] += 0.4 * x[here[:, 0]]
    order = rng.permutation(len(x))
    names = [*texts, *(f"filler{i}" for i in range(600))]
    vectors = gensim.KeyedVectors(50)
    vectors.add_vectors([names[i] for i in order], x[order])
    limit = 1200
    chosen = np.arange(0, len(questions.rows), 9)
    lines: list[str] = []
    for i in chosen:
        lines += [f": {questions.section[i]}", " ".join(texts[j] for j in questions.rows[i])]
    (tmp_path / "questions.txt").write_text("\n".join(lines) + "\n")
    theirs, sections = vectors.evaluate_word_analogies(
        str(tmp_path / "questions.txt"), restrict_vocab=limit, case_insensitive=False
    )
    place = np.empty(len(x), dtype=np.intp)
    place[order] = np.arange(len(x))
    rows = place[questions.rows[chosen]]
    rows = rows[(rows < limit).all(axis=1)]
    asked = Asked("3cosadd", rows[:, :3], rows[:, 3:])
    found = analogy_ranks(CandidateRows.of(x[order][:limit], "unit"), [asked])[0]
    assert len(rows) == sum(len(sections[-1][k]) for k in ("correct", "incorrect")) < len(chosen)
    right = [tuple(vectors.index_to_key[j] for j in row) for row, hit in zip(rows, found.hits(1), strict=True) if hit]
    assert right == [tuple(q) for q in sections[-1]["correct"]]
    assert found.hits(1).mean() == pytest.approx(theirs, abs=0)
    assert 0.05 < theirs < 0.95
