"""Zero-shot classification and the linear probe, against closed forms and scikit-learn itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embedscope.core.errors import InputError
from embedscope.core.images import ImageTable, PixelImage
from embedscope.core.tables import Classes, Data, TextTable
from embedscope.stats.score_records import score_bars
from embedscope.tasks import TASKS
from embedscope.tasks.class_tasks import _scores
from embedscope.tasks.probe import linear_probe, seen_unseen
from embedscope.tasks.zeroshot import class_scores, class_vectors, zero_shot


def clouds(n=20, classes=6, d=8, noise=0.6, seed=0):
    centres = np.random.default_rng(7).normal(size=(classes, d))
    rng = np.random.default_rng(seed)
    label = np.tile(np.arange(classes), n)
    return centres[label] + noise * rng.normal(size=(len(label), d)), label, centres


def test_prompts_are_averaged_after_normalising():
    prompts = [np.array([[10.0, 0, 0], [0, 1, 0]]), np.array([[0, 0, 5.0]])]
    np.testing.assert_allclose(class_vectors(prompts), [[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]], atol=1e-15)
    np.testing.assert_allclose(class_vectors(prompts, normalise=False)[0], [0.5, 0.5, 0])


def test_scores_follow_their_definitions():
    x, _, c = clouds()
    dots = x @ c.T
    lengths = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(c, axis=1)
    distances = np.linalg.norm(x[:, None] - c, axis=2)
    np.testing.assert_allclose(class_scores(x, c), dots / lengths, atol=1e-13)
    np.testing.assert_allclose(class_scores(x, c, "dot"), dots, atol=1e-12)
    np.testing.assert_allclose(class_scores(x, c, "negative_distance"), 1 - distances**2 / 2, atol=1e-11)


@pytest.mark.parametrize("measure", ["cosine", "dot", "negative_distance"])
def test_accuracy_is_that_of_sorting(measure):
    x, label, c = clouds(noise=1.5)
    found = zero_shot(x, c, label, measure=measure, ks=[1, 3])
    order = np.argsort(-class_scores(x, c, measure), axis=1)
    for k in (1, 3):
        right = (order[:, :k] == label[:, None]).any(axis=1)
        assert found.top[k].value == pytest.approx(right.mean())
        assert found.top[k].draws.shape == (1000,)
    first = order[:, 0] == label
    assert found.per_class == pytest.approx([first[label == k].mean() for k in range(6)])
    assert f"ranked by {measure}" in found.top[1].note


def test_ties_count_as_wrong_and_absent_classes_as_none():
    found = zero_shot(np.ones((3, 2)), np.ones((4, 2)), [0, 1, 1], ks=[1, 4])
    assert (found.top[1].value, found.top[4].value) == (0.0, 1.0)
    assert found.per_class == (0.0, 0.0, None, None)


def test_the_probe_is_scikit_learns():
    x, label, _ = clouds(noise=1.2)
    xt, yt, _ = clouds(noise=1.2, seed=1)
    found = linear_probe(x, label, xt, yt, c=1.0)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(x, label)
    assert found.top[1].value == pytest.approx(model.score(xt, yt))
    top5 = np.argsort(-model.predict_proba(xt), axis=1)[:, :5]
    assert found.top[5].value == pytest.approx((top5 == yt[:, None]).any(axis=1).mean())
    assert "L-BFGS, C 1" in found.top[1].note


def test_the_probe_says_what_it_could_not_do():
    x, label, _ = clouds(noise=3)
    kept = label != 2
    note = linear_probe(x[kept], label[kept], x, label, max_iter=2).top[1].note
    assert "not converged after 2" in note
    assert "20 test rows of classes that were not trained" in note
    two = label < 2
    assert linear_probe(x[two], label[two], x[two], label[two], ks=[1]).top[1].value > 0.5
    with pytest.raises(InputError, match="two classes"):
        linear_probe(x[label == 1], label[label == 1], x, label)
    with pytest.raises(InputError, match="one per row"):
        linear_probe(x, label[:-1], x, label)


def least_squares(classes, images):
    """Map classes onto images; images stay."""
    turn = np.linalg.lstsq(classes, images, rcond=None)[0]
    return (lambda rows: rows @ turn), np.asarray


def test_an_alignment_on_seen_classes_does_not_carry_over():
    rng = np.random.default_rng(0)
    x, label, c = clouds(n=30, classes=8, d=12, noise=0.5)
    xt, yt, _ = clouds(n=10, classes=8, d=12, noise=0.5, seed=1)
    names = rng.normal(size=(8, 12))  # names that know nothing of the images
    found = seen_unseen(least_squares, (x, label), (xt, yt), names, seed=1)
    assert found.seen.value > 0.9
    assert found.unseen.value < 0.3
    assert sorted([*found.seen_classes, *found.unseen_classes]) == list(range(8))
    assert found.seen.n + found.unseen.n == len(yt)
    assert np.mean([found.per_class[k] for k in found.seen_classes]) == pytest.approx(found.seen.value)
    raw = seen_unseen(None, (x, label), (xt, yt), c, seen=[0, 1])
    everything = zero_shot(xt, c, yt)
    parts = raw.seen.value * raw.seen.n + raw.unseen.value * raw.unseen.n
    assert parts / len(yt) == pytest.approx(everything.top[1].value)


def test_the_fit_sees_known_training_rows_alone():
    x, label, c = clouds()
    seen = []

    def fit(classes, images):
        seen.append((classes, images))
        return np.asarray, np.asarray

    seen_unseen(fit, (x, label), (x, label), c, seen=[1, 4])
    assert len(seen[0][1]) == 40
    np.testing.assert_array_equal(np.unique(seen[0][0], axis=0), np.unique(c[[1, 4]], axis=0))


def test_choosing_among_the_own_side_is_easier():
    x, label, c = clouds(noise=2)
    every, own = (seen_unseen(None, (x, label), (x, label), c, own_side_only=o) for o in (False, True))
    assert own.seen.value > every.seen.value
    assert "3 to choose from" in own.seen.note


def test_halves_need_classes():
    x, label, c = clouds()
    with pytest.raises(InputError, match="both sides"):
        seen_unseen(None, (x, label), (x, label), c, seen=range(6))
    with pytest.raises(InputError, match="no image of a seen class"):
        seen_unseen(least_squares, (x[label > 0], label[label > 0]), (x, label), c, seen=[0])
    with pytest.raises(InputError, match="measure must be one of"):
        zero_shot(x, c, label, measure="euclid")


def test_tasks_of_classes_read_their_tables():
    x, label, c = clouds()
    named = tuple("abcdef")
    relations = {name: Classes(name.partition("_")[0], label, named) for name in ("train_classes", "test_classes")}
    photos = ImageTable(tuple(PixelImage(str(i), np.zeros((1, 1, 3), np.uint8)) for i in range(len(x))))
    data = Data("cifar10", {"classes": TextTable(named, "word")}, relations, {}, {"train": photos, "test": photos})
    zero = TASKS.get("cifar10.zeroshot").score({"test": x, "classes": c}, data, seed=0)
    assert zero["cifar10.zeroshot"].value == zero_shot(x, c, label).top[1].value
    narrow = TASKS.get("cifar10.zeroshot").score({"test": x, "classes": c[:, :3]}, data, seed=0)
    assert "fit an alignment first" in narrow["cifar10.zeroshot"].note
    holes = x.copy()
    holes[0] = np.nan
    probe = TASKS.get("cifar10.probe").score({"train": holes, "test": holes}, data, seed=0)
    assert probe["cifar10.probe"].value > 0.8
    assert "1 row without a direction left out" in probe["cifar10.probe.top5"].note


def test_the_right_class_is_always_among_all_of_them():
    few = _scores("pets", zero_shot(np.eye(3), np.eye(3), [0, 1, 0]), ())
    assert list(few) == ["pets"]
    assert "top-5 of 3 classes is always 1, and left out" in few["pets"].note
    assert list(_scores("pets", zero_shot(np.eye(6), np.eye(6), range(6)), ())) == ["pets", "pets.top5"]


def test_an_interval_of_what_is_all_right_is_no_point():
    """Four of four right: Wilson's interval begins at 0.51."""
    for label, ends in (([0, 1, 2, 3], (0.5101, 1.0)), ([1, 2, 3, 0], (0.0, 0.4899))):
        stderr, low, high = score_bars(zero_shot(np.eye(4), np.eye(4), label, ks=[1]).top[1])
        assert (low, high) == pytest.approx(ends, abs=1e-4)
        assert stderr > 0
