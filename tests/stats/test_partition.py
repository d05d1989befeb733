"""Partition functions against the definition in float64, also where many rows make float32 terms enough."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.block import Centred, RowBlock
from embedscope.core.ids import hash_rows
from embedscope.stats import partition
from embedscope.stats.moments import Moments
from embedscope.stats.partition import SINGLE


def rows(n: int, unit: bool) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(n, 24)) * np.geomspace(1, 0.1, 24) + 0.2
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True) if unit else x, dtype=np.float32)


def by_definition(x: np.ndarray) -> tuple[float, float]:
    u = x.astype(np.float64)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    p = u @ np.linalg.eigh(u.T @ u)[1]
    z = np.concatenate([np.exp(p).sum(axis=0), np.exp(-p).sum(axis=0)])
    return float(z.min() / z.max()), float(z.std() / z.mean())


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("n", [3000, SINGLE])
def test_i1_and_i2_are_those_of_the_definition(n, unit):
    """To rounding in few rows, to 1e-8 in many, which their notes say; rows of unit length to 2^-22 as they are."""
    x = rows(n, unit)
    found = {r.metric: r for r in measure(x, metrics=["i1", "i2"]).records}
    for name, wanted in zip(("i1", "i2"), by_definition(x), strict=True):
        r = found[name]
        assert r.value == pytest.approx(wanted, rel=0, abs=1e-8 if n >= SINGLE or unit else 1e-12)
        assert ("terms in float32" in (r.note or "")) == (n >= SINGLE)


def test_raw_and_unit_rows_that_are_the_same_rows_share_one_product(monkeypatch):
    """Also where raw rows are kept in 16 groups and unit rows, of which only directions are wanted, in one."""
    multiplied = []
    known = Centred.product.func
    product = cached_property(lambda c: multiplied.append(len(c)) or known(c))
    product.__set_name__(Centred, "product")
    monkeypatch.setattr(Centred, "product", product)
    monkeypatch.setattr(Centred, "product_with", lambda c, row: pytest.fail("a product of its own"))
    x = rows(700, unit=True)
    found = measure(x, metrics=["participation_ratio", "i1"])
    assert sum(multiplied) == 700
    eigenvalues = np.linalg.eigvalsh(np.cov(x.astype(np.float64).T))
    assert found.value(metric="participation_ratio") == pytest.approx(
        eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-12
    )


def test_a_shared_product_gives_the_scatter_of_both():
    x = rows(700, unit=True)
    blocks = [RowBlock(x[:400], hash_rows(0, 400)), RowBlock(x[400:], hash_rows(400, 700))]
    raw, unit = Moments("raw").start({}), Moments("unit").start({})
    raw.take(blocks[0])
    for block in blocks:
        unit.take(block)
    raw.take(blocks[1])
    u = x.astype(np.float64)
    np.testing.assert_array_equal(raw.result().scatter, unit.result().scatter)
    np.testing.assert_allclose(raw.result().scatter, np.cov(u.T, ddof=0) * 700, rtol=1e-12, atol=1e-12)


def test_rows_that_float32_did_not_round_to_unit_length_are_divided_by_it():
    x = rows(300, unit=True)
    x[7] *= np.float32(1 + 1e-6)
    block = RowBlock(x, hash_rows(0, 300))
    assert not block.of_unit_length
    assert block.centre("raw") is not block.centre("unit")


def test_what_directions_are_known_by_is_computed_once_for_all_groups_and_shards(monkeypatch):
    computed = []
    known = partition._wander
    monkeypatch.setattr(partition, "_wander", lambda moments: computed.append(moments.n) or known(moments))
    found = measure(rows(SINGLE, unit=False), metrics=["i1", "i2"])
    assert found.provenance["shards"] == {"array": 2}
    assert computed == [SINGLE]
