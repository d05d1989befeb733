"""Rows that are duplicates but for the rounding of the network that gave them."""

import numpy as np
import pytest

import embedscope
from embedscope.stats.copies import NEAR, first_alike


def batches(n, d, seed=0, error=5e-7):
    """Rows, and the same as another batch gives them: ``error`` of their length elsewhere."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + 1
    e = rng.normal(size=(n, d))
    e *= error * np.linalg.norm(x, axis=1, keepdims=True) / np.linalg.norm(e, axis=1, keepdims=True)
    return x.astype(np.float32), (x + e).astype(np.float32)


@pytest.mark.parametrize(("n", "copies"), [(400, 1), (60, 5)])
def test_rows_of_other_batches_are_duplicates(n, copies):
    x, _ = batches(n, 16)
    parts = [x, *(batches(n, 16, error=5e-7 * (i + 1))[1] for i in range(copies))]
    order = np.random.default_rng(1).permutation(n * (copies + 1))
    first = first_alike(np.concatenate(parts)[order])
    own = order % n
    wanted = np.array([np.flatnonzero(own == name)[0] for name in own])
    np.testing.assert_array_equal(first, wanted)


def test_what_is_near_by_the_shape_of_the_space_is_no_duplicate():
    rng = np.random.default_rng(2)
    cone = rng.normal(size=(500, 8)) + 1e6  # rows are 1e-6 of their length apart
    assert first_alike(cone) is None
    x = rng.normal(size=(500, 8))
    assert first_alike(x) is None
    pair = np.stack([x[0], x[0] * (1 + 3 * NEAR)])
    assert first_alike(np.concatenate([x, pair[1:]])) is None
    assert first_alike(x[:1]) is None


def test_exact_and_near_duplicates_are_joined():
    x, y = batches(50, 8)
    first = first_alike(np.concatenate([x, y, x[:10], y[:10]]))
    np.testing.assert_array_equal(first, np.concatenate([np.arange(50), np.arange(50), np.arange(10), np.arange(10)]))


def test_the_dimension_of_a_space_does_not_fall_where_its_texts_stand_twice():
    x, y = batches(600, 24)
    alone = embedscope.measure(x, metrics="intrinsic_dimension")["intrinsic_dimension"]
    twice = embedscope.measure(np.concatenate([x, y]), metrics="intrinsic_dimension")["intrinsic_dimension"]
    assert alone.value > 15
    assert twice.value == pytest.approx(alone.value, rel=1e-5)
    assert "600 rows that equal others left out" in twice.note
    found = embedscope.diagnose(np.concatenate([x, y]))
    assert found.result.value(metric="copy_share") == 0.5
    assert "half precision" not in " ".join(f.text for f in found.result.document.findings if f.status != "fine")
