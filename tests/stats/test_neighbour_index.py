"""Neighbours from a real FAISS index: what it finds, and that the recall it states is the recall it has."""

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.stats import statistic_of
from embedscope.stats.neighbour_index import HeldUnitRows, indexed_neighbours
from embedscope.stats.neighbourhood import NeighbourRows

faiss = pytest.importorskip("faiss", reason="the extra faiss is not installed")


def cloud(n, d, inner, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inner)) @ rng.normal(size=(inner, d)) + 0.3 * rng.normal(size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def true_neighbours(x, k):
    """By all products in float64, blocks of queries sorted whole."""
    out = np.empty((len(x), k), dtype=np.intp)
    for start in range(0, len(x), 500):
        s = x[start : start + 500].astype(np.float64) @ x.T.astype(np.float64)
        s[np.arange(len(s)), start + np.arange(len(s))] = -np.inf
        out[start : start + 500] = np.argsort(-s, axis=1)[:, :k]
    return out


@pytest.fixture(scope="module")
def hard():
    return cloud(6000, 128, 100)


def test_the_recall_stated_is_the_recall_of_its_queries_and_near_that_of_all(hard):
    found, true = indexed_neighbours(hard, 10), true_neighbours(hard, 10)
    shares = (found.indices[:, :, None] == true[:, None, :]).any(axis=2).mean(axis=1)
    asked = np.random.default_rng(0).permutation(len(hard))[:1000]
    assert found.recall == pytest.approx(shares[asked].mean(), abs=1e-12)
    assert found.stderr == pytest.approx(shares[asked].std(ddof=1) / np.sqrt(1000), rel=1e-12)
    assert 0.97 < found.recall < 1
    assert abs(found.recall - shares.mean()) < 4 * found.stderr
    assert found.queries == 1000
    assert f"recall@10 {found.recall:.4f} ± {found.stderr:.4f} of 1,000 queries" in str(found)


def test_rows_are_not_their_own_neighbours_and_occurrences_count_all(hard):
    found = indexed_neighbours(hard, 10)
    assert not (found.indices == np.arange(len(hard))[:, None]).any()
    assert found.occurrences().sum() == (found.indices >= 0).sum()
    assert all(len(set(row)) == 10 for row in found.indices[:200].tolist())


def test_the_same_on_one_thread_and_on_two(hard):
    before = faiss.omp_get_max_threads()
    results = []
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        results.append(indexed_neighbours(hard[:3000], 10))
        assert faiss.omp_get_max_threads() == threads
    faiss.omp_set_num_threads(before)
    np.testing.assert_array_equal(results[0].indices, results[1].indices)
    assert results[0].recall == results[1].recall


def test_an_easy_cloud_is_searched_less_deep_than_a_hard_one(hard):
    easy, deep = indexed_neighbours(cloud(3000, 32, 4), 10), indexed_neighbours(hard, 10)
    depths = [int(found.index.rpartition(" ")[2]) for found in (easy, deep)]
    assert depths[0] < depths[1]
    assert easy.recall > 0.99


def test_copies_do_not_count_against_the_index():
    x = np.repeat(cloud(200, 16, 16), 20, axis=0)
    found = indexed_neighbours(x, 10)
    scores = np.einsum("ijk,ik->ij", x[found.indices], x)
    assert found.recall == pytest.approx((scores > 1 - 1e-6).mean(), abs=0.02)


def test_few_rows_and_k_out_of_range():
    x = cloud(30, 8, 8)
    found = indexed_neighbours(x, 10)
    np.testing.assert_array_equal(np.sort(found.indices), np.sort(true_neighbours(x, 10)))
    assert (found.recall, found.queries) == (1.0, 30)
    for k in (0, 30):
        with pytest.raises(InputError, match="k must be from 1 to 29"):
            indexed_neighbours(x, k)


def test_rows_are_held_at_length_one_within_the_room():
    x, ids = np.random.default_rng(1).normal(size=(500, 6)), hash_rows(0, 500)
    x[3] = 0
    need = HeldUnitRows(room=4 * 6 * 120)
    whole = statistic_of(need, x)
    parts = [need.start({}).update(x[a : a + 100], ids[a : a + 100]) for a in range(0, 500, 100)]
    merged = need.start({})
    for part in reversed(parts):
        merged.merge(part)
    for found in (whole, merged.result()):
        assert (found.n, found.zero_rows, found.x.shape, found.x.dtype) == (500, 1, (120, 6), np.float32)
        np.testing.assert_array_equal(found.ids, whole.ids)
        np.testing.assert_array_equal(found.x, whole.x)
    held = statistic_of(HeldUnitRows(), x)
    place = {i: p for p, i in enumerate(ids.tolist())}
    own = x[[place[i] for i in held.ids.tolist()]]
    lengths = np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_array_equal(held.x, (own / np.where(lengths > 0, lengths, 1)).astype(np.float32))


def test_the_need_with_an_index_holds_all_rows_whatever_the_limit():
    x = cloud(700, 12, 12)
    found = statistic_of(NeighbourRows(limit=100, search="faiss"), x)
    assert (found.n, len(found.all.x), len(found.asked), found.sampled) == (700, 700, 0, False)
    assert found.all.occurrences(10).sum() == 7000
    part = statistic_of(NeighbourRows(search="faiss", room=4 * 12 * 300), x)
    assert (part.n, len(part.all.x), part.sampled) == (700, 300, True)
