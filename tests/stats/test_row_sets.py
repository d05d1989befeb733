"""Neighbours inside a part of a set, read from the lists of the whole, are those of a search in the part."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.metrics.storage import kept_in_int8
from embedscope.stats import neighbours
from embedscope.stats._neighbours import pair_scores
from embedscope.stats.copies import first_equal
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
    assert ("lists" in whole.results) == (copies < 49)
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


def test_those_of_the_asking_rows_ask_that_are_in_a_part() -> None:
    """A mean over 2,000 rows spreads as 2,000 do; were 2,000 of each half asked, bars would be too narrow."""
    whole = RowSet(_rows(6000, 0))
    members = np.random.default_rng(1).random(6000) < 0.5
    part = whole.part(members)
    assert whole.n_queries(2000) == 2000
    assert part.n_queries(2000) == members[:2000].sum()
    assert part.part(np.arange(part.n) % 2 == 0).n_queries(2000) == (members[:2000].sum() + 1) // 2
    assert len(kept_in_int8(part)) == members[:2000].sum()
    assert part.n_queries(0) == 1  # one row at least


def test_rows_of_a_part_in_8_bits_keep_the_scale_of_the_whole() -> None:
    x = _rows(900, 0)
    x[0] = np.eye(6)[0]  # the largest coordinate
    whole = RowSet(x)
    whole.occurrences(K)
    members = np.arange(900) % 2 == 1
    levels = np.rint(x * np.float32(127)).astype(np.float64)[members]
    products = levels @ levels.T
    np.fill_diagonal(products, -np.inf)
    after = np.argsort(-products, axis=1, kind="stable")[:, :K]
    before = whole.part(members).nearest(K, 450).indices
    wanted = [len(set(a) & set(b)) for a, b in zip(after.tolist(), before.tolist(), strict=True)]
    np.testing.assert_array_equal(kept_in_int8(whole.part(members)), wanted)


@pytest.mark.parametrize("copies", [0, 1, 30])
def test_rows_without_copies_of_a_part_are_parts_of_those_of_the_whole(copies: int) -> None:
    x = _rows(700, copies)
    whole = RowSet(x)
    names, first = np.unique(x, axis=0, return_index=True)
    assert whole.unequal.n == len(names)
    np.testing.assert_array_equal(whole.unequal.x, x[np.sort(first)])
    members = np.random.default_rng(2).random(700) < 0.4
    found = whole.part(members).unequal
    np.testing.assert_array_equal(np.unique(found.x, axis=0), np.unique(x[members], axis=0))
    assert found.n == len(np.unique(x[members], axis=0))
    equal = first_equal(x)
    assert equal is not None
    np.testing.assert_array_equal(x[equal], x)
    assert first_equal(whole.unequal.x) is None


def test_scores_of_parts_are_taken_once_from_the_lists_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = RowSet(_rows(2100, 0))
    whole.occurrences(K)
    computed: list[int] = []
    monkeypatch.setattr(
        neighbours, "pair_scores", lambda a, b, i, j: computed.append(len(i)) or pair_scores(a, b, i, j)
    )
    rng = np.random.default_rng(2)
    for _ in range(12):
        part = whole.part(rng.random(2100) < 0.5)
        asked = part.n_queries(100)
        found = part.nearest(K, asked)
        rows = np.repeat(np.arange(asked), K)
        wanted = pair_scores(part.x, part.x, rows, found.indices.ravel()).reshape(asked, K)
        np.testing.assert_array_equal(found.first(asked - 1, 3).scores, wanted[:-1, :3])
        np.testing.assert_array_equal(found.scores, wanted)
    assert 0 < sum(computed) <= 100 * whole.results["lists"].indices.shape[1]
