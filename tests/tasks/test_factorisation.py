"""Ideal words: planted sums, planted nonsense, and leave-one-out by refitting."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.tasks.factorisation import factorisation


def grid(shared: float, own: float, n: int = 40, k: int = 3, d: int = 16) -> np.ndarray:
    """Objects with attributes that move all of them alike (``shared``) and each in its own way (``own``)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 1, d)) + shared * rng.normal(size=(1, k, d)) + own * rng.normal(size=(n, k, d))


def test_sums_are_explained_and_nonsense_is_not() -> None:
    assert factorisation(grid(1.0, 0.0))["explained"].value == pytest.approx(1.0)
    nonsense = factorisation(grid(0.0, 1.0))["explained"]
    assert abs(nonsense.value) < 0.1
    both = factorisation(grid(1.0, 1.0))
    assert 0.3 < both["explained"].value < 0.8
    assert both["shuffled"].value < 0.1
    low, high = np.quantile(both["explained"].draws, (0.025, 0.975))
    assert low < both["explained"].value < high
    assert both["explained"].items.shape == (40,)


def test_left_out_combinations_are_really_left_out() -> None:
    """The closed form equals fitting again without each combination in turn."""
    x = grid(0.5, 0.5, n=5, k=3, d=4)
    n, k, d = x.shape
    o, a = (m.ravel() for m in np.meshgrid(np.arange(n), np.arange(k), indexing="ij"))
    rows = x.reshape(-1, d)
    left = alone = 0.0
    for i in range(len(rows)):
        kept = np.arange(len(rows)) != i
        for design, part in (
            (np.concatenate([np.eye(n)[o], np.eye(k)[a]], axis=1), "additive"),
            (np.eye(n)[o], "object"),
        ):
            fit = np.linalg.lstsq(design[kept], rows[kept], rcond=None)[0]
            error = np.square(rows[i] - design[i] @ fit).sum()
            left, alone = (left + error, alone) if part == "additive" else (left, alone + error)
    assert factorisation(x)["explained"].value == pytest.approx(1 - left / alone)


def test_too_few_are_refused_and_nothing_to_explain_is_undefined() -> None:
    with pytest.raises(InputError, match="at least 3 and 2"):
        factorisation(np.ones((2, 2, 3)))
    same = factorisation(np.repeat(np.random.default_rng(0).normal(size=(4, 1, 3)), 2, axis=1))
    assert same["explained"].value is None
