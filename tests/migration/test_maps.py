"""Candidate maps against closed forms and naive solutions."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.migration.maps import MapPairs, auto_candidates, expand, fit_map


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def pair(n: int = 120, dx: int = 6, dy: int = 6, noise: float = 0.1, seed: int = 0) -> MapPairs:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dx)) + 0.5
    y = x @ rng.normal(size=(dx, dy)) + noise * rng.normal(size=(n, dy)) - 0.3
    return MapPairs(unit(x), unit(y))


def test_procrustes_finds_a_rotation_and_never_touches_the_target() -> None:
    x = unit(np.random.default_rng(1).normal(size=(80, 5)) + 1)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    fitted = fit_map("procrustes", MapPairs(x, x @ turn))
    assert np.abs(fitted.apply(x) - x @ turn).max() < 1e-12


@pytest.mark.parametrize(("dx", "dy"), [(8, 5), (5, 8)])
def test_procrustes_of_unequal_sides_is_semi_orthogonal(dx: int, dy: int) -> None:
    matrix = fit_map("procrustes", pair(dx=dx, dy=dy)).matrix
    assert matrix.shape == (dx, dy)
    gram = matrix.T @ matrix if dx > dy else matrix @ matrix.T
    assert np.abs(gram - np.eye(min(dx, dy))).max() < 1e-10


def test_ridge_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import Ridge

    pairs = pair(dx=6, dy=4)
    penalty = 0.1 * np.trace(pairs.cross.cxx) / 6
    reference = Ridge(alpha=penalty).fit(pairs.x, pairs.y).predict(pairs.x)
    assert np.abs(fit_map("ridge:0.1", pairs).apply(pairs.x) - unit(reference)).max() < 1e-10


def test_low_rank_of_full_rank_is_the_ridge_and_a_lower_one_has_that_rank() -> None:
    pairs = pair(dx=7, dy=4)
    full, ridge = fit_map("lowrank:4", pairs), fit_map("ridge:0.01", pairs)
    assert np.abs(full.matrix - ridge.matrix).max() < 1e-10
    assert np.linalg.matrix_rank(fit_map("lowrank:2", pairs).matrix, tol=1e-9) == 2


def test_low_rank_finds_a_diagonal_that_no_low_rank_has() -> None:
    rng = np.random.default_rng(3)
    x, scale = unit(rng.normal(size=(500, 12))), np.linspace(1, 3, 12)
    y = x * scale
    fitted = fit_map("lowrank:1", MapPairs(x, unit(y)))
    assert np.einsum("ij,ij->i", fitted.apply(x), unit(y)).mean() > 0.99


def test_cca_with_all_components_predicts_what_regression_predicts() -> None:
    """Without noise the canonical correlations are 1, so all components give the target back."""
    x = unit(np.random.default_rng(4).normal(size=(3000, 4)))
    y = x @ np.random.default_rng(5).normal(size=(4, 4))
    out = fit_map("cca:4", MapPairs(x, y)).apply(x)
    assert np.einsum("ij,ij->i", out, unit(y)).mean() > 0.99


def test_mlp_learns_what_no_linear_map_can() -> None:
    pytest.importorskip("torch", reason="the extra hf is not installed")
    rng = np.random.default_rng(6)
    x = unit(rng.normal(size=(700, 6)))
    y = unit(np.abs(x @ rng.normal(size=(6, 6))) + 0.1)
    pairs = MapPairs(x[:500], y[:500])
    linear, deep, again = (fit_map(text, pairs).apply(x[500:]) for text in ("ridge", "mlp:32", "mlp:32"))
    cosines = [np.einsum("ij,ij->i", out, y[500:]).mean() for out in (linear, deep)]
    assert cosines[1] > cosines[0] + 0.01
    assert np.array_equal(deep, again)


def test_candidates_as_text() -> None:
    assert expand("auto", (8, 8), 200) == auto_candidates((8, 8), 200)
    assert "none" not in auto_candidates((8, 9), 200)
    assert expand("lowrank", (8, 8), 200) == ["none", "lowrank:8"]
    with pytest.raises(UnknownNameError, match="did you mean 'procrustes'"):
        expand("procrust", (8, 8), 200)
    for text in ("ridge:-1", "mlp:1.5", "none:2"):
        with pytest.raises(InputError, match="is not understood"):
            expand(text, (8, 8), 200)
    with pytest.raises(InputError, match="8 and 9 dimensions"):
        expand("none", (8, 9), 200)
