"""Permutation nulls against the published package, and against what they must be for unrelated spaces."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.metrics.pairs import PAIR_METRICS, comparison
from embedscope.metrics.pairs.metric import Paired
from embedscope.stats.null import null_of, permutation_null, permutations


def sides(n=80, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    return x, x @ rng.normal(size=(6, 9)) + noise * rng.normal(size=(n, 9))


def measure(name, x, y):
    return {m.metric: m for m in PAIR_METRICS.get(name).measure(Paired.of(x, y))}


@pytest.mark.parametrize("name", ["linear_cka", "knn_overlap", "procrustes_distance"])
@pytest.mark.parametrize("noise", [1.0, 5.0])
def test_equal_to_calibrated_similarity(name, noise):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("calibrated_similarity")
    x, y = sides(noise=noise)
    orders = permutations(len(x), seed=0)
    metric = PAIR_METRICS.get(name)

    def similarity(a, b):
        value = metric(a.numpy(), b.numpy())
        return 1 - value if name == "procrustes_distance" else value

    calibrated, p, _ = package.calibrate(
        torch.from_numpy(x),
        torch.from_numpy(y),
        similarity,
        K=200,
        perm_fn=lambda n, device: torch.from_numpy(next(orders)),
    )
    found = measure(name, x, y)
    assert found[f"{name}.calibrated"].value == pytest.approx(float(calibrated), abs=1e-6)
    assert found[f"{name}.p"].value == pytest.approx(float(p), abs=1e-6)


@pytest.mark.parametrize("name", ["linear_cka", "knn_overlap", "procrustes_distance"])
def test_unrelated_spaces_are_calibrated_to_nothing(name):
    rng = np.random.default_rng(1)
    zero = [measure(name, rng.normal(size=(40, 30)), rng.normal(size=(40, 30))) for _ in range(40)]
    assert np.mean([m[f"{name}.calibrated"].value == 0 for m in zero]) >= 0.85
    assert np.mean([m[f"{name}.p"].value <= 0.05 for m in zero]) <= 0.15
    same = measure(name, *(2 * [rng.normal(size=(40, 30))]))
    assert same[f"{name}.calibrated"].value == pytest.approx(1.0)
    assert same[f"{name}.p"].value == pytest.approx(1 / 201)


def test_many_rows_are_sampled_by_hash_and_said_so(monkeypatch):
    assert comparison.NULL_ROWS == 1024
    monkeypatch.setattr(comparison, "NULL_ROWS", 256)
    x, y = sides(n=375, noise=0.1)
    note = measure("linear_cka", x, y)["linear_cka.calibrated"].note
    assert "on 256 sampled rows" in note
    half = np.arange(375) < 256  # the first rows unrelated: a sample by hash still sees the others
    y[half] = np.random.default_rng(0).permutation(y[half])
    assert measure("linear_cka", x, y)["linear_cka.p"].value < 0.05


def test_a_value_alone_takes_no_null(monkeypatch):
    monkeypatch.setattr("embedscope.metrics.pairs.comparison.null_of", lambda *_: pytest.fail("a null was taken"))
    assert 0 < PAIR_METRICS.get("linear_cka")(*sides()) < 1


def test_by_hand():
    null = permutation_null(0.9, [0.1, 0.2, 0.3, 0.4], alpha=0.25)
    assert (null.threshold, null.p) == (0.4, 0.2)
    assert null.calibrated == pytest.approx(0.5 / 0.6)
    assert permutation_null(0.2, [0.1, 0.2, 0.3]).p == 0.75
    with pytest.raises(InputError, match="at least one permutation"):
        permutation_null(0.5, [])
    assert null_of(lambda order: float(order[0]), 5, k=3) == null_of(lambda order: float(order[0]), 5, k=3)


def test_units_are_permuted_as_wholes():
    """Unrelated spaces with 40 items x 6 chunks: chunk by chunk every run looks related, item by item few do."""
    low = {"rows": 0, "units": 0}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        units = np.repeat(np.arange(40), 6)
        x, y = (np.repeat(rng.normal(size=(40, 8)), 6, axis=0) + 0.4 * rng.normal(size=(240, 8)) for _ in range(2))
        near = [(s @ s.T > 3).astype(float) for s in (x, y)]

        def shared(order, near=near):
            return float((near[0] * near[1][order][:, order]).sum())

        for name, given in (("rows", None), ("units", units)):
            low[name] += null_of(shared, 240, k=60, units=given).p <= 0.05
    assert low["rows"] >= 10 and low["units"] <= 3


def test_units_of_unequal_sizes_stay_apart():
    units = np.array([5, 1, 5, 2, 3, 3, 9])
    for order in permutations(7, seed=2, k=20, units=units):
        assert sorted(order.tolist()) == list(range(7))
        assert sorted(order[[0, 2]].tolist()) in ([0, 2], [4, 5])
        assert set(order[[1, 3, 6]].tolist()) == {1, 3, 6}
