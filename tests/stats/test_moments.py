"""Moments against numpy, spectra, and their first-order perturbation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedscope.core.ids import hash_rows
from embedscope.stats import Gaussian, Grouped, Moments, statistic_of


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    d=st.integers(1, 8),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
    cut=st.floats(0, 1),
)
def test_any_two_parts_merge_to_what_numpy_gives(seed, n, d, offset, cut):
    x = np.random.default_rng(seed).normal(size=(n, d)) + offset
    ids, k = hash_rows(0, n), int(cut * n)
    a, b = Moments().start({}).update(x[:k], ids[:k]), Moments().start({}).update(x[k:], ids[k:])
    g = a.merge(b).result()
    y = x - x.mean(axis=0)
    np.testing.assert_allclose(g.mean, x.mean(axis=0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(g.scatter, y.T @ y, rtol=0, atol=2e-9 * n)
    assert g.quartic == pytest.approx(((y * y).sum(axis=1) ** 2).sum(), rel=1e-8, abs=1e-9)


def test_scatter_survives_an_offset_that_ruins_sums_of_squares():
    """On float64 rows offset by 1e6 a sum of squares is off by about 1e-4, the centred sum by rounding of the data."""
    x = np.random.default_rng(0).normal(size=(5000, 4)) + 1e6
    exact = (x.astype(np.longdouble) - x.astype(np.longdouble).mean(axis=0)).astype(np.float64)
    g = statistic_of(Moments(), x)
    np.testing.assert_allclose(np.diag(g.scatter), (exact**2).sum(axis=0), rtol=1e-14)
    naive = (x * x).sum(axis=0) - len(x) * x.mean(axis=0) ** 2
    assert np.abs(naive / (exact**2).sum(axis=0) - 1).max() > 1e-7


def test_equal_rows_have_no_scatter_at_all():
    g = statistic_of(Moments(), np.full((9000, 5), 0.1))
    assert not g.scatter.any()
    np.testing.assert_array_equal(g.mean, 0.1)


def test_spectra_of_fewer_rows_than_coordinates():
    x = np.random.default_rng(1).normal(size=(6, 15)) + 1
    g = statistic_of(Moments(), x)
    np.testing.assert_allclose(g.singular_values[:6], np.linalg.svd(x, compute_uv=False), rtol=1e-12)
    assert not g.singular_values[6:].any()
    expected = np.linalg.svd(x - x.mean(0), compute_uv=False)[:5] ** 2 / 5
    np.testing.assert_allclose(g.eigenvalues[:5], expected, rtol=1e-11)
    assert not g.eigenvalues[5:].any()
    np.testing.assert_allclose(g.eigenvectors @ np.diag(g.eigenvalues) @ g.eigenvectors.T, g.covariance, atol=1e-12)


def test_perturbed_spectra_are_right_to_first_order():
    rng = np.random.default_rng(2)
    x, change = rng.normal(size=(50, 6)) * np.arange(1, 7), rng.normal(size=(50, 6))
    full = statistic_of(Moments(), x)
    errors = []
    for step in (1e-2, 1e-3):
        moved = statistic_of(Moments(), x + step * change)
        errors.append(np.abs(moved.perturb(full).eigenvalues - moved.eigenvalues).max())
    assert errors[0] < 1e-2
    assert errors[1] < errors[0] / 50  # the rest is of second order


def test_perturbed_moments_make_no_decomposition(monkeypatch):
    x = np.random.default_rng(3).normal(size=(320, 12))
    ids = hash_rows(0, 320)
    found = Grouped(Moments(), {}).update(x, ids, ids).result()
    assert len(found.full.singular_values) == 12

    def refuse(*_):
        raise AssertionError("a decomposition of its own")

    monkeypatch.setattr(np.linalg, "eigh", refuse)
    for left in found.left_out:
        near = left.perturb(found.full).singular_values
        np.testing.assert_allclose(np.sort(near)[::-1], np.sort(near)[::-1])
        assert near.sum() < found.full.singular_values.sum()


def test_float32_products_are_near():
    x = np.random.default_rng(4).normal(size=(500, 20)) + 3
    exact, fast = statistic_of(Moments(), x), statistic_of(Moments(precision="fast"), x)
    assert np.abs(fast.scatter - exact.scatter).max() < 1e-5 * np.abs(exact.scatter).max()
    assert fast.scatter.dtype == np.float64


def test_a_gaussian_can_be_made_by_hand():
    g = Gaussian(5, np.zeros(2), np.diag([8.0, 4.0]))
    assert g.eigenvalues.tolist() == [2.0, 1.0]
    assert (g.dim, g.zero_rows, g.basis) == (2, 0, None)
