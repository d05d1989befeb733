"""Neighbours are those of float64 products, pair by pair, for rows of any size and any number of ties."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, mix
from embedscope.stats import Grouped, statistic_of
from embedscope.stats._candidates import kth_bound
from embedscope.stats._neighbours import error_bound, pair_scores
from embedscope.stats._neighbours_kept import KeptRows
from embedscope.stats.copies import without_copies
from embedscope.stats.neighbourhood import NeighbourRows
from embedscope.stats.neighbours import k_occurrences, match_ranks, top_k
from embedscope.stats.row_sets import nearest_others

KINDS = ("normal", "integers", "copies", "collapsed", "lengths", "offset")


def rows(kind, n, d, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if kind == "integers":
        x = rng.integers(-1, 2, (n, d)).astype(float)
    if kind == "copies":
        x[n // 10 :] = x[3 % n]
    if kind == "collapsed":
        x = 1 + 1e-7 * x
    if kind == "lengths":
        x *= 10.0 ** rng.integers(-60, 60, (n, 1))
    return x + 1e4 if kind == "offset" else x


def all_scores(q, c):
    """Every product by the definition: one float64 sum a pair, in one order."""
    i, j = np.divmod(np.arange(len(q) * len(c)), len(c))
    return np.einsum("ij,ij->i", q.astype(np.float64)[i], c.astype(np.float64)[j]).reshape(len(q), len(c))


def naive_top(q, c, k, exclude=None):
    s = all_scores(q, c)
    if exclude is not None:
        s[exclude >= 0, exclude[exclude >= 0]] = -np.inf
    order = np.argsort(-s, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(s, order, axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_top_k_is_the_float64_order_with_ties_to_the_lower_row(kind, dtype):
    with np.errstate(over="ignore", under="ignore"):
        x = rows("normal" if kind == "lengths" and dtype == np.float32 else kind, 700, 8).astype(dtype)
    found = top_k(x, x, 7, exclude=np.arange(len(x)))
    order, scores = naive_top(x, x, 7, np.arange(len(x)))
    np.testing.assert_array_equal(found.indices, order)
    np.testing.assert_array_equal(found.scores, scores)


@pytest.mark.parametrize("kind", KINDS)
def test_several_blocks_of_queries_and_corpus(kind):
    c, q = rows(kind, 9000, 4), rows(kind, 1100, 4, seed=1)
    found = top_k(q, c, 3)
    some = np.unique(np.concatenate([np.arange(0, 1100, 4), np.arange(1000, 1100)]))  # all at the edge of a block
    order, scores = naive_top(q[some], c, 3)
    np.testing.assert_array_equal(found.indices[some], order)
    np.testing.assert_array_equal(found.scores[some], scores)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 60),
    m=st.integers(1, 30),
    d=st.integers(1, 70),
    share=st.floats(0, 1),
)
def test_any_shape(seed, kind, n, m, d, share):
    c, q = rows(kind, n, d, seed), rows(kind, m, d, seed + 1)
    exclude = np.random.default_rng(seed).integers(-1, n, m)
    k = max(1, int(share * (n - 1)))
    found = top_k(q, c, k, exclude=exclude)
    order, scores = naive_top(q, c, k, exclude)
    np.testing.assert_array_equal(found.indices, order)
    np.testing.assert_array_equal(found.scores, scores)


@pytest.mark.parametrize("kind", KINDS)
def test_match_ranks_are_pessimistic(kind):
    q, c = rows(kind, 300, 6), rows(kind, 5000, 6, seed=1)
    rng = np.random.default_rng(2)
    query, document = rng.integers(0, 250, 600), rng.integers(0, len(c), 600)
    scores, match = all_scores(q, c), np.zeros((len(q), len(c)), dtype=bool)
    match[query, document] = True
    best = np.where(match, scores, -np.inf).max(axis=1)
    wanted = np.where(match.any(axis=1), 1 + ((scores >= best[:, None]) & ~match).sum(axis=1), 0)
    np.testing.assert_array_equal(match_ranks(q, c, query, document), wanted)


@pytest.mark.parametrize("n", [7, 90, 161, 500])
@pytest.mark.parametrize("k", [1, 7])
def test_k_entries_of_a_row_reach_what_is_said(n, k):
    s = np.random.default_rng(n).normal(size=(40, n)).astype(np.float32)
    s[0], s[1, 1:] = 2.0, -np.inf
    least = kth_bound(s, k)
    assert ((s >= least[:, None]).sum(axis=1) >= k).all()
    kth = np.sort(s, axis=1)[:, -k]
    assert (least[2:] <= kth[2:]).all()
    assert ((s >= least[:, None]).sum(axis=1)[2:] <= 2 * k + 3).all()


def test_faiss_finds_the_same():
    faiss = pytest.importorskip("faiss", reason="faiss is not installed")
    x = rows("normal", 2000, 24).astype(np.float32)
    index = faiss.IndexFlatIP(24)
    index.add(x)
    assert (index.search(x, 5)[1] == top_k(x, x, 5).indices).mean() > 0.999  # float32 order differs at near ties


def test_occurrences_sum_to_all_places():
    x = rows("normal", 300, 5)
    counts = k_occurrences(top_k(x, x, 10, exclude=np.arange(300)), 300)
    assert counts.sum() == 3000


def test_the_bound_holds_for_the_worst_of_many_products():
    rng = np.random.default_rng(0)
    for d in (3, 64, 700):
        x, y = (np.abs(rng.normal(size=(500, d))) for _ in range(2))
        x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
        off = np.abs(x.astype(np.float32) @ y.astype(np.float32).T - x @ y.T).max()
        assert 0 < off < error_bound(d, np.float32)


def test_memory_does_not_grow_with_the_pairs():
    x = rows("normal", 12_000, 16).astype(np.float32)
    tracemalloc.start()
    top_k(x, x, 10, exclude=np.arange(len(x)))
    match_ranks(x, x, np.arange(len(x)), np.arange(len(x)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6 < 4 * len(x) ** 2


def test_copies_beyond_what_can_be_a_neighbour_are_passed_over():
    x = np.array([[1.0], [2.0], [1.0], [-0.0], [1.0], [0.0]])
    np.testing.assert_array_equal(without_copies(x, 2), [0, 1, 2, 3, 5])
    np.testing.assert_array_equal(without_copies(x, 1), [0, 1, 3])
    assert without_copies(x, 3) is None


def test_equal_rows_give_equal_products_wherever_they_stand():
    x = np.random.default_rng(0).normal(size=(3000, 77)).astype(np.float32)
    x[1::2] = x[0]
    scores = pair_scores(x, x, np.zeros(1500, dtype=np.intp), np.arange(1, 3000, 2))
    assert len(set(scores.tolist())) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: top_k(x, x, 0), "k must be from 1 to 5"),
        (lambda x: top_k(x, x, 5, exclude=np.arange(5)), "k must be from 1 to 4"),
        (lambda x: top_k(x, x, 1, exclude=np.arange(4)), "exclude must have shape"),
        (lambda x: top_k(x, x[:, :2], 1), "the same number of dimensions"),
        (lambda x: match_ranks(x, x, np.array([9]), np.array([0])), "query must number 5 rows"),
        (lambda x: match_ranks(x, x, np.array([0]), np.array([0, 1])), "as the other side does"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call(np.eye(5))


def test_nearest_others_are_those_of_all_distances():
    from scipy.spatial.distance import cdist

    x = rows("offset", 300, 5)
    distances = cdist(x, x) + np.diag(np.full(300, np.inf))
    indices, found = nearest_others(x, 4)
    np.testing.assert_array_equal(indices, np.argsort(distances, axis=1)[:, :4])
    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :4], rtol=1e-9)


def parts_of(need, x, ids, results, cuts):
    edges = [0, *cuts, len(x)]
    states = [need.start(results).update(x[a:b], ids[a:b]) for a, b in itertools.pairwise(edges)]
    for state in states[1:]:
        states[0].merge(state)
    return states[0].result()


@pytest.mark.parametrize("limit", [10, 100, 1000])
def test_kept_rows_do_not_depend_on_order_or_batches(limit):
    x, ids = rows("normal", 500, 3), hash_rows(0, 500)
    x[[1, 7]] = 0
    whole = statistic_of(KeptRows(limit), x)
    merged = parts_of(KeptRows(limit), x[::-1], ids[::-1], {}, [3, 90, 91, 400])
    for name in ("x", "ids", "keys"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(merged, name))
    assert (whole.n, whole.zero_rows, len(whole.x)) == (500, 2, min(limit, 500))


@pytest.mark.parametrize("cuts", [[1, 40, 41, 200], [250]])
def test_queries_against_everything_are_exact(cuts):
    x, ids = rows("normal", 500, 6), hash_rows(0, 500)
    need = NeighbourRows("unit", limit=60, queries=40)
    results = {d: statistic_of(d, x) for d in need.depends}
    found = parts_of(need, x, ids, results, cuts)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    place = {i: p for p, i in enumerate(ids.tolist())}
    own = np.array([place[i] for i in found.kept.ids[found.asked].tolist()])
    wanted = naive_top(unit[own], unit, 10, own)[0]
    np.testing.assert_array_equal(found.ids, ids[wanted])
    assert found.sampled
    assert found.n == 500


def test_a_group_left_out_lacks_its_own_rows():
    x, ids = rows("normal", 300, 4), hash_rows(0, 300)
    need = NeighbourRows()
    results = {d: statistic_of(d, x) for d in need.depends}
    found = Grouped(need, results).update(x, ids, mix(ids // np.uint64(2))).result()
    assert len(found.full.seen) == 300
    assert sum(300 - len(left.seen) for left in found.left_out) == 300
