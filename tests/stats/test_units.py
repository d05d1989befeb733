"""Units of evidence: how they are found, against populations whose units are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, mix, row_numbers
from embedscope.stats import Grouped, UnitSum
from embedscope.stats.equal_rows import named_units
from embedscope.stats.file_order import FileOrder, drift_lag, file_order
from embedscope.stats.unit import UnitTally
from embedscope.stats.units import Grouping, UnitCount, Units, equal_rows, equal_texts, find_units, join, near_copies


def chunks(items, size, spread=0.5, dim=32, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(items, dim)), size, axis=0)
    return centres + spread * rng.normal(size=(items * size, dim))


def test_row_numbers_are_behind_their_hashes():
    assert row_numbers(hash_rows(123_456_789, 123_456_799)).tolist() == list(range(123_456_789, 123_456_799))
    ends = np.array([0, 1, 2**63, 2**64 - 1], dtype=np.uint64)
    assert (row_numbers(mix(ends)) == ends).all()


@pytest.mark.parametrize("size", [3, 5, 20, 50])
def test_chunks_are_found_in_the_order_of_the_file(size):
    x = chunks(2000 // size, size)
    order = file_order([x], len(x))
    assert order.dependent
    assert 2 * size <= order.block <= 4 * size or order.block == len(x) // 16
    assert order.neighbouring == pytest.approx(0.8 * (1 - 1 / size), abs=0.05)
    assert order.random == pytest.approx(0.0, abs=0.03)
    assert f"mean cosine of {order.neighbouring:.3f}" in str(order)


def test_shuffled_chunks_and_independent_rows_are_rows():
    rng = np.random.default_rng(1)
    assert file_order([rng.permutation(chunks(100, 10))], 1000).block == 1
    heavy = rng.standard_t(3, size=(1000, 24)) * 0.9 ** np.arange(24)
    assert sum(file_order([rng.permutation(heavy) + 2], 1000).block > 1 for _ in range(200)) <= 3
    assert file_order([np.ones((500, 4))], 500).block == 1
    assert file_order([heavy[:5]], 5) == FileOrder()


def test_a_sorted_file_does_not_fade():
    x = chunks(4, 500, spread=1.0)
    order = file_order([x], len(x))
    assert (order.fades, order.block) == (False, len(x) // 16)
    assert "declare" in str(order)


def test_runs_are_taken_by_themselves():
    x = chunks(100, 10)
    runs = [x[start : start + 100] for start in range(0, 1000, 200)]
    assert file_order(runs, 1000).lag == 8
    assert file_order([x[i : i + 1] for i in range(1000)], 1000).block == 1


def test_equal_rows_are_equal_at_unit_length():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 37)).astype(np.float32)
    same = equal_rows(np.vstack([x, 2 * x, x[::-1]]))
    assert (same[:300] == same[300:600]).all()
    assert (same[:300] == same[600:][::-1]).all()
    assert len(set(same.tolist())) == 300
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=10)))
    assert len(set(equal_rows(signs).tolist())) == 1024
    assert equal_rows(np.array([[0.0, 1.0]]))[0] == equal_rows(np.array([[-0.0, 1.0]]))[0]
    assert len(set(equal_rows(np.zeros((3, 2))).tolist())) == 3
    assert (equal_rows(x.astype(np.float64)) == same[:300]).mean() > 0.9


def test_units_of_named_rows_do_not_depend_on_last_bits():
    """Every row keeps its unit under rounding noise; equal rows share the smallest name, whatever their order."""
    rng = np.random.default_rng(0)
    x, ids = rng.normal(size=(2000, 48)).astype(np.float32), hash_rows(0, 2000)
    noisy = (x * (1 + rng.choice([-1, 1], size=x.shape) * 2.0**-23)).astype(np.float32)
    assert (equal_rows(noisy) != equal_rows(x)).all()
    assert (named_units(noisy, ids) == named_units(x, ids)).all()
    twice, order = np.repeat(x, 2, axis=0), rng.permutation(4000)
    names = hash_rows(0, 4000)
    units = named_units(twice, names)
    assert (units[::2] == units[1::2]).all()
    assert (units[::2] == np.minimum(names[::2], names[1::2])).all()
    assert (named_units(twice[order], names[order]) == units[order]).all()
    assert len(set(named_units(np.zeros((3, 2)), ids[:3]).tolist())) == 3


def test_equal_texts_are_stripped():
    assert len(set(equal_texts(["x", " x\n", "X"]).tolist())) == 2


def test_near_copies_are_joined_across_the_file():
    rng = np.random.default_rng(0)
    x = rng.permutation(chunks(60, 10, spread=0.02))
    left, right = near_copies(x)
    units = join(len(x), links=[(left, right)])
    assert len(np.unique(units)) == 60
    for cloud in (rng.normal(size=(600, 32)), rng.normal(size=(600, 64)) * 0.95 ** np.arange(64)):
        assert len(near_copies(cloud)[0]) <= 12


def test_overlapping_units_are_joined():
    labels = [np.array(["a", "a", "b", "c", "d"]), np.array([0, 1, 1, 2, 3])]
    assert join(5, labels, [(np.array([4]), np.array([3]))]).tolist() == [0, 0, 0, 1, 1]
    assert join(3).tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="got 2 for 3 rows"):
        join(3, [np.zeros(2)])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.data())
def test_joining_is_the_transitive_closure(labels, data):
    n = len(labels)
    other = data.draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    found = join(n, [np.array(labels), np.array(other)])
    naive = list(range(n))
    for _ in range(n):
        for i, j in itertools.product(range(n), repeat=2):
            if labels[i] == labels[j] or other[i] == other[j]:
                naive[i] = naive[j] = min(naive[i], naive[j])
    assert all((found[i] == found[j]) == (naive[i] == naive[j]) for i, j in itertools.combinations(range(n), 2))


def test_find_units_says_how():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 32))
    assert find_units(x)[1] == Units(200, 200, 1, (), file_order([x], 200))
    doubled = np.vstack([x, x[:50]])
    units, found = find_units(doubled)
    assert (found.units, found.largest, found.ways) == (200, 2, ("equal rows",))
    assert (units[:50] == units[200:]).all()
    assert find_units(chunks(100, 10))[1].ways == ("file order",)
    assert find_units(rng.permutation(chunks(100, 10, spread=0.01)))[1].ways == ("near-duplicates",)
    assert find_units(rng.permutation(chunks(100, 10, spread=0.01)), near=False)[1].units == 1000
    assert find_units(texts=["a", "a ", "b"])[1].units == 2
    declared = find_units(x, groups=np.repeat(np.arange(20), 10))[1]
    assert (declared.units, declared.ways) == (20, ("declared",))
    with pytest.raises(InputError, match="same rows"):
        find_units(x, texts=["a"])


def test_too_few_units_or_one_that_is_most_of_them_have_no_interval():
    assert Units(100, 16, 40).problem is None
    assert "at least 16 are needed" in str(Units(100, 15, 40).problem)
    assert "--groups" in str(Units(100, 15, 40).problem)
    assert "holds 51 of 100" in str(Units(100, 40, 51).problem)
    assert Units(100, 40, 50).problem is None


def test_units_are_counted_the_same_however_rows_come():
    names = np.random.default_rng(0).integers(0, 3000, size=20_000).astype(np.uint64)
    one = UnitCount().update(names)
    parts = [UnitCount().update(part) for part in np.array_split(names, 7)]
    many = parts[3]
    for i in (0, 6, 1, 5, 2, 4):
        many.merge(parts[i])
    counts = np.bincount(names.astype(int))
    assert one.units(()) == many.units(()) == Units(20_000, int((counts > 0).sum()), int(counts.max()))
    large = UnitCount().update(np.repeat(np.arange(50_000, dtype=np.uint64), 2)).units(())
    assert not large.exact
    assert large.units == pytest.approx(50_000, rel=0.05)
    assert UnitCount().update(np.arange(50_000, dtype=np.uint64)).units(()) == Units(50_000, 50_000)


def test_rows_are_grouped_by_blocks_only_where_order_says_so():
    x, ids = chunks(100, 10), hash_rows(0, 1000)
    blocks = Grouping(FileOrder(block=40, lag=10)).clusters(x[400:500], ids[400:500], ids[400:500])
    assert len(set(blocks[:40].tolist())) == len(set(blocks[40:80].tolist())) == 1
    assert len(set(blocks.tolist())) == 3
    assert (Grouping().clusters(x, ids, ids) == equal_rows(x)).all()
    own = mix(ids)
    assert Grouping(FileOrder(block=40, lag=10)).clusters(x, ids, own) is own


def naive_mean_cosine(x, units):
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    return (u @ u.T)[units[:, None] != units].mean()


@pytest.mark.parametrize("shuffled", [False, True])
def test_pairs_inside_units_are_left_out(shuffled):
    x, units = chunks(50, 20), np.repeat(np.arange(50), 20)
    order = np.random.default_rng(0).permutation(1000) if shuffled else np.arange(1000)
    x, units = x[order], units[order]
    ids, names = hash_rows(0, 1000), mix(units.astype(np.uint64))
    grouped = Grouped(UnitSum(), {})
    for start in range(0, 1000, 130):
        part = slice(start, start + 130)
        grouped.merge(Grouped(UnitSum(), {}).update(x[part], ids[part], names[part]))
    found = grouped.result()
    assert found.full.mean_cosine == pytest.approx(naive_mean_cosine(x, units), abs=1e-12)
    assert found.full.mean_cosine_of_all == pytest.approx(naive_mean_cosine(x, np.arange(1000)), abs=1e-12)
    assert found.full.parts.sum() == pytest.approx(found.full.mean_cosine, abs=1e-12)


def test_a_tally_that_closes_units_gives_the_same_sums():
    rng = np.random.default_rng(0)
    dim = 20_000  # 16 units stay open at this width
    x, units = rng.normal(size=(200, dim)), np.repeat(np.arange(50, dtype=np.uint64), 4)
    whole = UnitTally.of(x, units)
    joined = UnitTally.of(x[:90], units[:90]).merge(UnitTally.of(x[90:], units[90:]))
    sums = x.reshape(50, 4, dim).sum(axis=1)
    for tally in (whole, joined):
        assert len(tally.names) == 16
        assert tally.all_pairs == 50 * 16
        np.testing.assert_allclose(tally.all_squares, (sums**2).sum(axis=0))


@pytest.mark.parametrize(("items", "per", "spread"), [(60, 6, 0.7), (40, 12, 0.6)])
def test_chunks_in_random_order_are_tight_clusters(items, per, spread):
    rng = np.random.default_rng(items)
    x = np.repeat(rng.normal(size=(items, 32)), per, axis=0) + spread * rng.normal(size=(items * per, 32))
    order = rng.permutation(len(x))
    found = find_units(x[order])
    item = np.repeat(np.arange(items), per)[order]
    assert "tight clusters" in found[1].ways
    assert 0.6 * items <= found[1].units <= 2.5 * items
    assert all(len(np.unique(item[found[0] == unit])) <= 8 for unit in np.unique(found[0]))


@pytest.mark.parametrize("d", [16, 64])
def test_independent_rows_are_no_clusters(d):
    rng = np.random.default_rng(d)
    for x in (rng.normal(size=(500, d)), rng.normal(size=(500, d)) * np.arange(1, d + 1) ** -0.7):
        assert find_units(x)[1].units == 500
    classes = rng.normal(size=(6, d))[rng.integers(0, 6, size=400)] + 0.8 * rng.normal(size=(400, d))
    assert "tight clusters" not in find_units(classes)[1].ways


@pytest.mark.parametrize(("spread", "dim", "wanted"), [(0.05, 16, 90), (0.15, 24, 90), (0.15, 64, 90)])
def test_near_copies_of_any_number_are_joined(spread, dim, wanted):
    """Zipf's law: most things once, a few of them up to 60 times, more than the neighbours that are looked at."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(90), np.minimum(rng.zipf(1.6, size=90), 60))
    x = rng.normal(size=(90, dim))[item] + spread * rng.normal(size=(len(item), dim))
    assert np.bincount(item).max() == 60
    left, right = near_copies(x)
    assert (item[left] == item[right]).all()
    assert len(np.unique(join(len(x), links=[(left, right)]))) == wanted


def test_clusters_of_unequal_sizes_are_found_and_copies_of_two_are_not_merged():
    rng = np.random.default_rng(1)
    item = np.repeat(np.arange(90), np.minimum(rng.zipf(1.6, size=90), 60))
    x = rng.normal(size=(90, 32))[item] + 0.5 * rng.normal(size=(len(item), 32))
    _, found = find_units(x, in_order=False)
    assert "tight clusters" in found.ways
    assert 60 <= found.units <= 130
    twice = np.repeat(rng.normal(size=(150, 24)), 2, axis=0) + 0.02 * rng.normal(size=(300, 24))
    assert find_units(rng.permutation(twice))[1].units == 150


def test_one_row_far_from_a_narrow_cone_makes_no_group():
    rng = np.random.default_rng(2)
    x = np.vstack([1 + 0.1 * rng.normal(size=(300, 32)), rng.normal(size=(1, 32))])
    assert find_units(x)[1].units == 301


def walk(rng, n, memory, dim=24):
    steps, out = rng.normal(size=(n, dim)), np.zeros((n, dim))
    for i in range(n):
        out[i] = memory * out[i - 1] + (1 - memory**2) ** 0.5 * steps[i]
    return out


def test_a_walk_forgets_slowly_and_topics_do_not_drift():
    rng = np.random.default_rng(3)
    assert drift_lag([walk(rng, 1000, 0.9)], 1000) in (16, 32)
    assert drift_lag([chunks(5, 200, spread=1.0)], 1000) == 1
    assert drift_lag([chunks(200, 5)], 1000) in (4, 8)
    assert drift_lag([rng.normal(size=(1000, 24))], 1000) == 1
