"""Contrastive heads: they find pairs they were not trained on, follow their seed, and the scale sets the gap."""

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.transforms.align import ContrastiveHeads

pytest.importorskip("torch", reason="the extra hf is not installed")


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((600, 8))
    x = common @ rng.standard_normal((8, 20)) + 0.2 * rng.standard_normal((600, 20)) + 3
    return x, common @ rng.standard_normal((8, 12)) + 0.2 * rng.standard_normal((600, 12)) - 1


def make(**options):
    return ContrastiveHeads(**{"steps": 150, "batch_size": 128, "learning_rate": 1e-2, **options})


def test_new_pairs_are_found(sides):
    x, y = sides
    fitted = make(renormalise=True).fit(x[:400], y[:400])
    scores = fitted.transform(x[400:]) @ fitted.transform_right(y[400:]).T
    assert (scores.argmax(axis=1) == np.arange(200)).mean() > 0.8
    assert fitted.left_.matrix.shape == (20, 12)
    assert fitted.loss_ < 0.5 * np.log(128)
    assert fitted.scale_ != pytest.approx(1 / 0.07, rel=1e-3)


def test_the_loss_is_that_of_a_naive_computation():
    """One step on all pairs with a learning rate of 0: the loss of the first weights."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((30, 5)), rng.standard_normal((30, 4))
    fitted = make(scale=7.0, steps=1, learning_rate=0.0, renormalise=True).fit(x, y)
    logits = 7 * fitted.transform(x) @ fitted.transform_right(y).T
    rows = np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)
    columns = np.log(np.exp(logits).sum(axis=0)) - np.diag(logits)
    assert fitted.loss_ == pytest.approx((rows.mean() + columns.mean()) / 2, rel=1e-5)


def test_the_seed_decides(sides):
    a, b, c = (make(seed=seed, steps=10, scale=20).fit(*sides) for seed in (0, 0, 1))
    np.testing.assert_allclose(a.left_.matrix, b.left_.matrix, rtol=1e-4, atol=1e-6)
    assert np.abs(a.left_.matrix - c.left_.matrix).max() > 1e-2
    assert a.scale_ == pytest.approx(20)


def test_messages(sides):
    with pytest.raises(InputError, match="scale above 0 or 'learned', got -1"):
        make(scale=-1).fit(*sides)
    with pytest.raises(InputError, match=r"heads \(steps\) needs k|whole number above 0"):
        make(steps=0).fit(*sides)
