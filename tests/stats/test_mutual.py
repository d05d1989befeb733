"""Neighbours of every row of one set, found from half of the products: the same bits as from all of them."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.stats import _mutual, neighbours
from embedscope.stats._neighbours import pair_scores
from embedscope.stats.neighbours import top_k

RNG = np.random.default_rng(0)
N = 2500


def spaces() -> dict[str, np.ndarray]:
    cloud = RNG.normal(size=(N, 16)) + 0.3
    unit = cloud / np.linalg.norm(cloud, axis=1, keepdims=True)
    far = np.concatenate([unit[: N // 2] * 1e-3 + unit[0], unit[N // 2 :]])  # some nearly alike
    twins = np.repeat(unit[: N // 5], 5, axis=0) + 3e-4 * cloud  # of which float32 does not tell the order
    return {
        "float32": unit.astype(np.float32),
        "twins": twins / np.linalg.norm(twins, axis=1, keepdims=True),
        "float64": unit,
        "many ties": RNG.integers(-2, 3, size=(N, 6)).astype(np.float32) + np.float32(0.5),
        "nearly alike": far / np.linalg.norm(far, axis=1, keepdims=True),
        "crowded": unit[0] + 1e-9 * cloud,
        "lengths unlike": cloud * np.geomspace(1e-3, 1e3, N)[:, None],
        "few": unit[:40],
    }


@pytest.mark.parametrize("name", spaces())
@pytest.mark.parametrize("k", [1, 10])
def test_halved_products_give_the_same_bits_as_all_of_them(name, k):
    x = spaces()[name]
    own = np.arange(len(x))
    found, all_products = top_k(x, x, k, exclude=own), top_k(x.copy(), x, k, exclude=own)
    np.testing.assert_array_equal(found.indices, all_products.indices)
    np.testing.assert_array_equal(found.scores, all_products.scores)


def test_whole_numbers_need_no_second_product():
    x = RNG.integers(-127, 128, size=(N, 32)).astype(np.float32)
    own = np.arange(N)
    found, all_products = top_k(x, x, 10, exclude=own, largest=127), top_k(x.copy(), x, 10, exclude=own)
    np.testing.assert_array_equal(found.indices, all_products.indices)
    np.testing.assert_array_equal(found.scores, all_products.scores)


def test_every_row_is_compared_with_every_other(monkeypatch):
    """With blocks of 64 rows there are 820 pairs of blocks, and hits of all of them meet."""
    monkeypatch.setattr(_mutual, "BLOCK", 64)
    x = spaces()["float64"]
    search = _mutual.MutualSearch.of(x, 5, exact=False)
    assert search is not None
    products = x @ x.T
    np.fill_diagonal(products, -np.inf)
    np.testing.assert_array_equal(search.best()[0], np.argsort(-products, axis=1)[:, :5])


def test_few_products_are_taken_in_float64_until_scores_are_asked_for(monkeypatch):
    """Only those whose order float32 does not tell: of 25,000 neighbours of this cloud a few hundred."""
    taken = []
    for module in (_mutual, neighbours):
        monkeypatch.setattr(module, "pair_scores", lambda a, b, i, j: taken.append(len(i)) or pair_scores(a, b, i, j))
    x = spaces()["float32"]
    found = top_k(x, x, 10, exclude=np.arange(N))
    assert 0 < sum(taken) < N
    before = sum(taken)
    first = found.first(100, 3)
    assert first.scores.shape == (100, 3)
    assert sum(taken) - before == 300
    np.testing.assert_array_equal(found.scores[:100, :3], first.scores)
    np.testing.assert_array_equal(found.first(100, 3).scores, first.scores)
    assert sum(taken) - before == 300 + 10 * N


def test_rows_that_one_power_of_two_does_not_serve_are_searched_with_all_products():
    assert _mutual.MutualSearch.of(spaces()["lengths unlike"], 5, exact=False) is None
    assert _mutual.MutualSearch.of(spaces()["few"], 5, exact=False) is None
    crowded = _mutual.MutualSearch.of(spaces()["crowded"], 5, exact=False)
    assert crowded is not None
    with pytest.raises(_mutual.CrowdedError):
        crowded.best()
