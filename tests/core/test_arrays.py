"""Checked matrices: what is refused, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.arrays import as_matrix, unit_rows
from embedscope.core.errors import InputError


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(3), r"must have shape \(n, d\), got \(3,\); for one vector pass x\[None, :\]"),
        (np.zeros((2, 2, 2)), r"got \(2, 2, 2\); reshape"),
        (np.zeros((0, 3)), "at least one row"),
        (np.array([["a"]]), "real numbers, got dtype <U1"),
        (np.array([[1 + 1j]]), "real numbers, got dtype complex128"),
        (np.array([[1e200, 0.0]]), "values up to 1e[+]200, whose squares overflow; divide all rows"),
        (np.array([[0.0], [np.nan], [np.inf]]), "nan or inf in 2 of 3 rows read, first in row 1"),
    ],
)
def test_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_matrix(x)


def test_large_float16_is_fine() -> None:
    x = np.full((100, 2), 60000, dtype=np.float16)
    assert as_matrix(x) is x


def test_unit_rows_on_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    x[3] = 0
    ours, kept = unit_rows(torch.from_numpy(x))
    expected, _ = unit_rows(x)
    assert not bool(kept[3])
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-14)
