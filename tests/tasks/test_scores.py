"""Scores against scipy and an SC-WEAT written out word by word; ties, gaps and undefined values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from embedscope.core.tables import Data, Labels, Pairs, TextTable
from embedscope.datasets._weat import attribute_tables
from embedscope.stats.bootstrap import spearman_draws
from embedscope.tasks import TASKS
from embedscope.tasks.cosines import pair_cosines, unit
from embedscope.tasks.valence import effect_sizes


def words(n):
    return TextTable(tuple(f"w{i}" for i in range(n)), "word")


def pair_data(left, right, gold, n):
    pairs = Pairs("words", np.array(left), np.array(right), np.array(gold, dtype=float))
    return Data("toy", {"words": words(n)}, {"pairs": pairs})


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_cosines_are_float64_whatever_comes(dtype):
    x = np.random.default_rng(0).normal(size=(900, 40)).astype(dtype)
    left, right = np.random.default_rng(1).integers(0, 900, size=(2, 1300))
    expected = [cosine(x[a].astype(float), x[b].astype(float)) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(pair_cosines(x, left, right), expected, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_lengths_neither_overflow_nor_vanish(scale):
    assert unit(np.array([[3.0, 4.0]]) * scale).ravel() == pytest.approx([0.6, 0.8])


def test_spearman_equals_scipy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 8))
    left, right = np.triu_indices(50, k=1)
    gold = np.round(rng.normal(size=len(left)), 1)
    score = TASKS.get("rg65").score({"words": x}, pair_data(left, right, gold, 50), 0)["rg65"]
    cosines = [cosine(x[a], x[b]) for a, b in zip(left, right, strict=True)]
    assert score.value == pytest.approx(stats.spearmanr(cosines, gold)[0], abs=1e-14)
    np.testing.assert_allclose(score.items, cosines, atol=1e-14)
    assert score.note is None


def test_cosines_that_differ_by_rounding_alone_are_ties():
    """Rows scaled by odd factors have the same cosines up to rounding; ranks must not follow the rounding."""
    base = np.array([[1.0, 0.2, 0.1], [0.3, 1.0, 0.7], [0.2, 0.1, 1.0]])
    factors = np.array([1 / 3, 7.1, 1e-3, 1234.5])
    x = np.concatenate([base * f for f in factors])
    left, right = [0, 3, 6, 9, 0, 3], [1, 4, 7, 10, 2, 5]
    score = TASKS.get("rg65").score({"words": x}, pair_data(left, right, range(6), 12), 0)["rg65"]
    exact = [0, 0, 0, 0, -1, -1]
    assert score.value == pytest.approx(stats.spearmanr(exact, range(6))[0])
    assert score.note == "7 ties between cosines of 6 items"


def test_gaps_are_counted_by_cause():
    x = np.random.default_rng(0).normal(size=(6, 3))
    x[1], x[2] = 0, np.inf
    score = TASKS.get("rg65").score({"words": x}, pair_data([0, 1, 2, 3, 4], [1, 3, 4, 4, 5], range(5), 6), 0)["rg65"]
    assert score.n == 2
    assert score.note == "3 pairs left out: 1 words without a vector, 1 words with a zero vector"
    assert np.isnan(score.items[:3]).all()


def test_undefined_says_why():
    task, data = TASKS.get("rg65"), pair_data([0, 1], [1, 2], [1, 2], 3)
    assert task.score({"words": np.ones((3, 2))}, data, 0)["rg65"].note == (
        "undefined: the cosines of all 2 items are equal (range below 1e-12)"
    )
    gone = task.score({"words": np.full((3, 2), np.nan)}, data, 0)["rg65"]
    assert gone.note.startswith("undefined: 0 items can be scored, two are needed; 2 pairs left out")
    flat = task.score({"words": np.eye(3)[:, :2] + 1}, pair_data([0, 1], [1, 2], [3, 3], 3), 0)["rg65"]
    assert flat.note == "undefined: the gold values of all 2 items are equal"


def test_documents_are_drawn_for_lee():
    """The interval is wider than that of pairs drawn on their own, which ignores that pairs share documents."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    left, right = np.triu_indices(30, k=1)
    gold = pair_cosines(x + 0.5 * rng.normal(size=x.shape), left, right)
    table = TextTable(tuple(f"d{i}" for i in range(30)), "document")
    lee = Data("toy", {"documents": table}, {"pairs": Pairs("documents", left, right, gold)})
    score = TASKS.get("lee").score({"documents": x}, lee, 0)
    assert score["lee"].draws.std() > 1.5 * spearman_draws(score["lee"].items, gold, 0).std()
    assert score["lee"].facts == {"resampled": "documents", "units": 30}
    assert score["lee.pearson"].value == pytest.approx(stats.pearsonr(score["lee"].items, gold)[0], abs=1e-13)


def test_effect_sizes_equal_the_formula_written_out():
    rng = np.random.default_rng(0)
    w, a, b = rng.normal(size=(600, 9)), rng.normal(size=(25, 9)), rng.normal(size=(25, 9))
    for i in (0, 1, 511, 512, 599):
        to_a, to_b = [cosine(w[i], v) for v in a], [cosine(w[i], v) for v in b]
        expected = (np.mean(to_a) - np.mean(to_b)) / np.std(to_a + to_b, ddof=1)
        assert effect_sizes(w, a, b)[i] == pytest.approx(expected, abs=1e-12)


def valence_data(n, rng):
    return Data("toy", {"words": words(n), **attribute_tables()}, {"valence": Labels("words", rng.normal(size=n))})


def test_valnorm_leaves_out_what_has_no_effect_size():
    rng = np.random.default_rng(0)
    data = valence_data(40, rng)
    rows = {name: rng.normal(size=(len(t), 5)) for name, t in data.tables.items()}
    rows["words"][3], rows["words"][4], rows["pleasant"][0] = np.nan, 0, np.nan
    for name in ("pleasant", "unpleasant"):
        rows[name][:, 4] = 0  # a word along this axis has the cosine 0 to every attribute word
    rows["words"][5] = [0, 0, 0, 0, 1]
    score = TASKS.get("valnorm").score(rows, data, 0)["valnorm"]
    assert score.n == 37
    assert score.note == (
        "3 words left out: 1 words without a vector, 1 words with a zero vector, 1 without an effect size; "
        "attributes left out: 1 words without a vector"
    )
    known = np.isfinite(score.items)
    expected = stats.pearsonr(score.items[known], data.relations["valence"].gold[known])[0]
    assert score.value == pytest.approx(expected, abs=1e-13)


def test_valnorm_without_attributes_is_undefined():
    rng = np.random.default_rng(0)
    data = valence_data(10, rng)
    rows = {name: rng.normal(size=(len(t), 5)) for name, t in data.tables.items()}
    rows["pleasant"][:] = np.nan
    assert TASKS.get("valnorm").score(rows, data, 0)["valnorm"].value is None
