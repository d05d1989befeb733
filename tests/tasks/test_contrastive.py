"""Contrastive loss against naive sums, torch's cross entropy and the values of real CLIP vectors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from embedscope.core.errors import InputError
from embedscope.tasks import contrastive
from embedscope.tasks.contrastive import contrastive_loss, loss_curve, refit_scale


@pytest.fixture(scope="module")
def clip(shared_data):
    return np.load(shared_data / "clip500" / "features_clip.npy")


def pairs(n=30, d=6, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d))
    return a, a + noise * rng.normal(size=(n, d))


def naive(a, b, scale):
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    logits = scale * a @ b.T
    across, down = log_softmax(logits, axis=1), log_softmax(logits, axis=0)
    return -(np.diag(across) + np.diag(down)) / 2


@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0, 900.0])
def test_it_is_the_naive_sum(scale, monkeypatch):
    a, b = pairs()
    monkeypatch.setattr(contrastive, "_CELLS", 100)  # blocks of three rows
    score = contrastive_loss(a, b, scale)
    np.testing.assert_allclose(score.items, naive(a, b, scale), rtol=1e-12, atol=1e-12)
    assert score.value == pytest.approx(naive(a, b, scale).mean(), rel=1e-12)
    assert (score.n, score.draws.shape) == (30, (1000,))


def test_it_is_the_cross_entropy_of_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    a, b = (torch.nn.functional.normalize(torch.from_numpy(x), dim=1) for x in pairs(12, 4))
    logits, target = 20 * a @ b.T, torch.arange(12)
    both = [torch.nn.functional.cross_entropy(x, target) for x in (logits, logits.T)]
    assert contrastive_loss(*pairs(12, 4), 20).value == pytest.approx(float(sum(both) / 2), rel=1e-12)


def test_sigmoid_loss_is_the_naive_sum(monkeypatch):
    a, b = pairs(10, 3)
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    sign = 2 * np.eye(10) - 1
    wanted = np.log1p(np.exp(-sign * (10 * u @ v.T - 5))).sum(axis=1).mean()
    monkeypatch.setattr(contrastive, "_CELLS", 40)
    score = contrastive_loss(a, b, 10, bias=-5)
    assert score.value == pytest.approx(wanted, rel=1e-12)
    assert "sigmoid" in score.note


def test_chance_is_the_logarithm_of_the_batch():
    a, _ = pairs(16)
    score = contrastive_loss(np.ones((16, 6)), a, 100, batch_size=8)
    assert score.value >= np.log(8)
    assert contrastive_loss(np.ones((16, 6)), np.ones((16, 6)), 100, batch_size=8).value == pytest.approx(np.log(8))


def test_values_of_real_clip_vectors_depend_on_the_batch(clip):
    """data/clip500 at scale 100: .41, .65 and 1.80 at batches of 32, 64 and 500 (metrics.md, one shuffle)."""
    curve = loss_curve(*clip, 100, [32, 64, 500, 501], seed=0)
    assert curve[32].value == pytest.approx(0.41, abs=0.03)
    assert curve[64].value == pytest.approx(0.65, abs=0.03)
    assert curve[500].value == pytest.approx(1.80, abs=0.005)
    assert curve[501].value is None
    assert "501" in curve[501].note
    assert "batches of 64" in curve[64].note


def test_pairs_beyond_whole_batches_are_left_out_and_counted(clip):
    score = contrastive_loss(*clip, 100, batch_size=64)
    assert score.n == 448
    assert "52 pairs left over" in score.note
    assert np.isfinite(score.draws).all()


def test_the_refitted_scale_is_the_minimum(clip):
    fitted = refit_scale(*clip)
    least = contrastive_loss(*clip, fitted).value
    assert least < contrastive_loss(*clip, 100).value
    for factor in (0.999, 1.001):
        assert contrastive_loss(*clip, fitted * factor).value >= least
    assert refit_scale(*clip[:, :, ::-1]) == pytest.approx(fitted, rel=1e-4)


def test_a_separable_set_is_told_apart_at_the_refitted_scale():
    fitted = refit_scale(np.eye(4), np.eye(4))
    assert contrastive_loss(np.eye(4), np.eye(4), fitted).value < 1e-10


def test_draws_are_paired(clip):
    images, texts = clip
    raw = contrastive_loss(images, texts, 100, seed=3)
    again = contrastive_loss(images * 2, texts, 100, seed=3)
    np.testing.assert_allclose(raw.draws, again.draws, rtol=1e-6)
    assert abs(raw.draws.mean() - raw.value) < 0.05


def test_wrong_input_is_named():
    a, b = pairs()
    with pytest.raises(InputError, match="same shape"):
        contrastive_loss(a, b[:-1], 1)
    with pytest.raises(InputError, match="positive number"):
        contrastive_loss(a, b, 0)
    with pytest.raises(InputError, match="at least 1"):
        contrastive_loss(a, b, 1, batch_size=0)
    with pytest.raises(InputError, match="two pairs"):
        refit_scale(a[:1], b[:1])
