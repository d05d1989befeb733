"""Neighbours inside a part of a set, read from the lists of the whole, are those of a search in the part."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.stats.neighbours import top_k
from embedscope.stats.row_sets import K, RowSet


def _rows(n: int, copies: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 6)) + 3 * rng.normal(size=(12, 6))[rng.integers(0, 12, n)]
    x[rng.permutation(n)[: n // 5]] = x[rng.permutation(n)[: n // 5]]  # ties
    x[:copies] = x[0]
    return np.asarray((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32))


@pytest.mark.parametrize(("n", "share", "copies"), [(600, 0.5, 0), (600, 0.06, 0), (600, 0.5, 200), (9000, 0.25, 30)])
def test_a_part_has_the_neighbours_that_a_search_in_it_finds(n: int, share: float, copies: int) -> None:
    whole = RowSet(_rows(n, copies))
    whole.occurrences(K)
    members = np.random.default_rng(1).random(n) < share
    members[: copies // 2] = False
    part = whole.part(members)
    for asked in (20, int(members.sum())):
        found, wanted = part.nearest(K, asked), top_k(part.x[:asked], part.x, K, exclude=np.arange(asked))
        np.testing.assert_array_equal(found.indices, wanted.indices)
        np.testing.assert_array_equal(found.scores, wanted.scores)
    assert ("lists" in whole.found) == (copies < 49)
    np.testing.assert_array_equal(whole.nearest(K, n).indices, top_k(whole.x, whole.x, K, exclude=np.arange(n)).indices)


@pytest.mark.parametrize("d", [5, 1000, 1100])
def test_whole_numbers_are_searched_exactly_without_a_second_look(d: int) -> None:
    x = np.random.default_rng(d).integers(-127, 128, (700, d)).astype(np.float32)
    x[::7] = np.sign(x[::7]) * np.float32(120)  # many ties
    products = x.astype(np.int64) @ x.astype(np.int64).T
    np.fill_diagonal(products, -(2**40))
    wanted = np.argsort(-products, axis=1, kind="stable")[:, :K]
    found = top_k(x, x, K, exclude=np.arange(700), largest=127)
    np.testing.assert_array_equal(found.indices, wanted)
    np.testing.assert_array_equal(found.scores, np.take_along_axis(products, wanted, axis=1))
