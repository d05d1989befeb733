"""Zero-shot classification and retrieval on ``FOLDER/class/*.jpg``: the scores against a naive count."""

import math

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.evaluation.user_tasks import user_task

pil = pytest.importorskip("PIL.Image", reason="needs the extra images")

CLASSES = ("big_cat", "dog", "sun")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, dice = tmp_path_factory.mktemp("f") / "pets 1", np.random.default_rng(0)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for i in range(7):
            pil.fromarray(dice.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(root / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def vectors():
    dice = np.random.default_rng(1)
    return {"images": dice.standard_normal((21, 6)), "prompts": dice.standard_normal((3, 6))}


def cosines(vectors):
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (vectors["images"], vectors["prompts"]))
    return x @ y.T


def test_zero_shot(folder, vectors):
    task, data, said = user_task(f"zeroshot:{folder}")
    assert data.tables["prompts"].texts == ("a photo of a big cat.", "a photo of a dog.", "a photo of a sun.")
    assert said == "21 images of 3 classes, prompt 'a photo of a {class}.'"
    found = task.score(vectors, data, 0)
    label = np.repeat(np.arange(3), 7)
    assert next(iter(found)) == task.id == "zeroshot-pets_1"
    assert found[task.id].value == pytest.approx((cosines(vectors).argmax(axis=1) == label).mean())


def test_retrieval(folder, vectors):
    task, data, said = user_task(f"retrieval:{folder}")
    assert said.endswith("queries 'a photo of a {class}.'")
    found = task.score(vectors, data, 0)
    gains, first = [], []
    for k, column in enumerate(cosines(vectors).T):
        hits = (np.repeat(np.arange(3), 7) == k)[np.argsort(-column)]
        ideal = sum(1 / math.log2(2 + i) for i in range(7))
        gains.append(sum(hit / math.log2(2 + i) for i, hit in enumerate(hits[:10])) / ideal)
        first.append(1 / (1 + int(np.argmax(hits))))
    assert found[task.id].value == pytest.approx(np.mean(gains))
    assert found[f"{task.id}.mrr"].value == pytest.approx(np.mean(first))


def test_rows_without_a_direction_are_left_out_and_said(folder, vectors):
    task, data, _ = user_task(f"retrieval:{folder}")
    x = vectors["images"].copy()
    x[3] = 0
    found = task.score({**vectors, "images": x}, data, 0)
    assert "1 row without a direction left out" in found[task.id].note
    other = task.score({**vectors, "prompts": np.ones((3, 5))}, data, 0)
    assert other[task.id].value is None
    assert "images have 6 dimensions and prompts 5" in other[task.id].note


@pytest.mark.parametrize("kind", ["zeroshot", "retrieval", "labels"])
def test_one_class_is_none(tmp_path, kind):
    (tmp_path / "only").mkdir()
    pil.new("RGB", (4, 4)).save(tmp_path / "only" / "a.png")
    with pytest.raises(InputError, match="one class folder"):
        user_task(f"{kind}:{tmp_path}")
