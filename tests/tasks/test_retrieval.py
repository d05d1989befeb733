"""Recall and graded measures against naive loops, trec_eval's own code, scikit-learn and values of real CLIP."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from embedscope.core.errors import InputError
from embedscope.tasks import ranks
from embedscope.tasks.retrieval import judged_scores, recall_at, recall_both_ways


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def naive_recall(q, c, pairs, k, variant):
    scores = np.round(unit(q) @ unit(c).T, 12)
    found = []
    for i in range(len(q)):
        mine = {d for j, d in pairs if j == i}
        if not mine:
            continue
        order = sorted(range(len(c)), key=lambda d: (-scores[i, d], d in mine))
        top = mine & set(order[:k])
        found.append(bool(top) if variant == "hit" else len(top) / len(mine))
    return np.mean(found)


@pytest.mark.parametrize("variant", ["hit", "recall"])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_recall_is_the_naive_loop_with_ties(variant, k, monkeypatch):
    rng = np.random.default_rng(1)
    c = rng.integers(-1, 2, size=(40, 3)).astype(float)  # many equal rows, some of them zero
    q = rng.integers(-1, 2, size=(25, 3)).astype(float)
    pairs = sorted({(int(a), int(b)) for a, b in zip(rng.integers(0, 24, 60), rng.integers(0, 40, 60), strict=True)})
    monkeypatch.setattr(ranks, "_CELLS", 100)
    q[(q == 0).all(axis=1)] = 1.0
    c[(c == 0).all(axis=1)] = 1.0
    score = recall_at(q, c, np.array(pairs).T, [k], variant=variant)[k]
    assert score.value == pytest.approx(naive_recall(q, c, pairs, k, variant), abs=1e-12)
    assert score.n == len({a for a, _ in pairs})
    assert "without a match" in score.note


def test_zero_vectors_tie_with_all_and_come_last():
    x = np.eye(3)
    q = x.copy()
    q[1] = 0
    score = recall_at(q, x, (range(3), range(3)), [1, 2, 3])
    assert [s.value for s in score.values()] == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert "1 query is a zero vector" in score[1].note


def test_values_of_real_clip_vectors(shared_data):
    """metrics.md: recall@1 image to text .552, text to image .506."""
    images, texts = np.load(shared_data / "clip500" / "features_clip.npy")
    scores = recall_both_ways(images, texts, names=("image", "text"))
    assert scores["recall@1.image_to_text"].value == 0.552
    assert scores["recall@1.text_to_image"].value == 0.506
    centred = [unit(x.astype(float)) - unit(x.astype(float)).mean(axis=0) for x in (images, texts)]
    scores = recall_both_ways(*centred, ks=[1])
    assert [s.value for s in scores.values()] == [0.542, 0.5]


def test_captions_of_an_image_are_drawn_together():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(10, 4))
    texts = np.repeat(images, 5, axis=0) + 0.1 * rng.normal(size=(50, 4))
    matches = np.repeat(np.arange(10), 5), np.arange(50)
    scores = recall_both_ways(images, texts, matches, [1])
    draws = scores["recall@1.b_to_a"].draws
    np.testing.assert_allclose(draws * 50 % 1, 0, atol=1e-9)
    equal = np.ones(50)
    equal[:5] = 0  # all captions of one image wrong: draws move in steps of five
    from embedscope.tasks.means import mean_draws

    steps = mean_draws(equal, 0, matches[0]) * 10
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


def make(seed=0, m=20, n=60, ties=False):
    rng = np.random.default_rng(seed)
    q, c = rng.normal(size=(m, 5)), rng.normal(size=(n, 5))
    if ties:
        c = c[rng.integers(0, 12, n)]
    grade = rng.integers(-1, 4, size=(m, n)) * (rng.random((m, n)) < 0.2)
    grade[3] = -(rng.random(n) < 0.1).astype(int)  # judged, nothing relevant
    query, document = np.nonzero((grade != 0) | (rng.random((m, n)) < 0.1))
    return q, c, (query, document, grade[query, document].astype(float))


@pytest.mark.parametrize("ties", [False, True])
def test_graded_measures_are_those_of_trec_eval(ties):
    pytrec_eval = pytest.importorskip("pytrec_eval", reason="pytrec_eval is not installed")
    q, c, judged = make(ties=ties)
    names = [f"d{(i * 37) % 60}" for i in range(60)]  # order of ids is not that of rows
    qrels: dict[str, dict[str, int]] = {}
    for a, b, g in zip(*judged, strict=True):
        qrels.setdefault(f"q{a}", {})[names[b]] = int(g)
    # places stand in for cosines: trec_eval compares scores as float32, where close cosines would tie
    scores = np.round(unit(q) @ unit(c).T, 12)
    run = {
        f"q{i}": dict(zip(names, map(float, np.unique(s, return_inverse=True)[1]), strict=True))
        for i, s in enumerate(scores)
    }
    measures = {"ndcg_cut.10", "recall.1,10,100", "recip_rank"}
    wanted = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
    found = judged_scores(q, c, judged, document_ids=names)
    theirs = {"ndcg@10": "ndcg_cut_10", "recall@1": "recall_1", "recall@10": "recall_10", "mrr": "recip_rank"}
    for ours, name in theirs.items():
        for query, values in wanted.items():
            assert found[ours].items[int(query[1:])] == pytest.approx(values[name], abs=1e-9), (ours, query)
        assert found[ours].value == pytest.approx(np.mean([v[name] for v in wanted.values()]), abs=1e-9)
    assert "1 judged query has no relevant document and counts as 0" in found["mrr"].note


def test_ndcg_is_that_of_scikit_learn_without_ties():
    q, c, (query, document, grade) = make(3)
    grade = np.maximum(grade, 0)
    dense = np.zeros((20, 60))
    dense[query, document] = grade
    kept = dense.any(axis=1)
    wanted = [ndcg_score([g], [s], k=10) for g, s in zip(dense[kept], (unit(q) @ unit(c).T)[kept], strict=True)]
    found = judged_scores(q, c, (query, document, grade))["ndcg@10"].items
    np.testing.assert_allclose(found[kept], wanted, atol=1e-12)


def test_without_ids_relevant_documents_come_last_among_equals():
    same = np.ones((4, 2))
    found = judged_scores(same[:1], same, ([0, 0], [0, 1], [1.0, 2.0]), ks=[2, 3])
    assert found["recall@2"].value == 0
    assert found["recall@3"].value == 0.5
    assert found["mrr"].value == pytest.approx(1 / 3)
    ideal = 2 + 1 / np.log2(3)
    assert found["ndcg@10"].value == pytest.approx((1 / 2 + 2 / np.log2(5)) / ideal)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"judged": ([0, 0], [1, 1], [1.0, 2.0])}, "judged twice"),
        ({"judged": ([0], [9], [1.0])}, r"must lie in 0\.\.2"),
        ({"judged": ([0], [1], [np.nan])}, "grades must be finite"),
        ({"judged": ([0.5], [1], [1.0])}, "row numbers"),
        ({"corpus": np.eye(4)}, "encode both into one space"),
        ({"ks": [0]}, "at least 1"),
        ({"document_ids": ["a"]}, "one id per row"),
    ],
)
def test_wrong_input_is_named(change, message):
    given = {"queries": np.eye(3), "corpus": np.eye(3), "judged": ([0], [1], [1.0])} | change
    with pytest.raises(InputError, match=message):
        judged_scores(given.pop("queries"), given.pop("corpus"), given.pop("judged"), **given)
