"""Grouped statistics: groups by cluster, merging, and the cases with too few of them."""

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.arrays import row_norms
from embedscope.core.errors import InputError
from embedscope.core.ids import groups_of, hash_rows
from embedscope.stats import CenteredUnitSum, Grouped, Norms, RowGroups, UnitSum
from embedscope.stats.centered import GroupTotal


def rows(n=100):
    return np.random.default_rng(0).normal(size=(n, 4)) + 1, hash_rows(0, n)


def gather(groups, x, ids, clusters, batch):
    found = {}
    for start in range(0, len(x), batch):
        part = slice(start, start + batch)
        for g, block in groups.add(x[part], ids[part], clusters[part]):
            found.setdefault(g, []).append((np.array(block.x), block.ids.copy()))
    for g, block in groups.rest():
        found.setdefault(g, []).append((np.array(block.x), block.ids.copy()))
    return found


def test_rows_of_a_cluster_stay_together():
    x, ids = rows(300)
    clusters = ids[np.arange(300) // 10]
    found, groups = gather(RowGroups(capacity=16), x, ids, clusters, 70), groups_of(clusters)
    assert set(found) == set(groups.tolist())
    for g, parts in found.items():
        np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), x[groups == g])
        np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), ids[groups == g])
        assert [len(p[0]) for p in parts[:-1]] == [16] * (len(parts) - 1)


def test_blocks_do_not_depend_on_the_batches():
    x, ids = rows(300)
    one, two = (gather(RowGroups(capacity=8), x, ids, ids, batch) for batch in (300, 7))
    assert {g: [len(p[0]) for p in parts] for g, parts in one.items()} == {
        g: [len(p[0]) for p in parts] for g, parts in two.items()
    }


def test_rows_of_another_kind_start_a_block_of_their_own():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, ids = rows(60)
    groups, kinds = RowGroups(capacity=100), []
    for part in (x[:20], x[20:40].astype(np.float32), torch.from_numpy(x[40:])):
        kinds += [block.x for _, block in groups.add(part, ids[:20], np.zeros(20, dtype=np.uint64))]
    kinds += [block.x for _, block in groups.rest()]
    assert [str(k.dtype) for k in kinds] == ["float64", "float32", "torch.float64"]


def test_merge_is_feeding_everything_and_leaves_the_other_alone():
    x, ids = rows()
    a, b = Grouped(UnitSum(), {}).update(x[:30], ids[:30], ids[:30]), Grouped(UnitSum(), {})
    b.update(x[30:], ids[30:], ids[30:])
    before = b.result().full.total.copy()
    merged, whole = a.merge(b).result(), Grouped(UnitSum(), {}).update(x, ids, ids).result()
    assert merged.sizes == whole.sizes
    for one, two in zip(merged.left_out, whole.left_out, strict=True):
        np.testing.assert_allclose(one.total, two.total, rtol=1e-12)
    np.testing.assert_array_equal(b.result().full.total, before)


def test_one_cluster_and_no_groups_give_no_companions():
    x, ids = rows()
    one = Grouped(Norms(), {}).update(x, ids, np.zeros(100, dtype=np.uint64)).result()
    assert (one.left_out, one.sizes, one.full.n) == ((), (), 100)
    none = Grouped(Norms(), {}, n_groups=0).update(x, ids, ids).result()
    assert (none.left_out, none.sizes, none.full.n) == ((), (), 100)


def test_few_clusters_leave_groups_empty():
    x, ids = rows(3)
    found = Grouped(Norms(), {}).update(x, ids, ids).result()
    assert len(found.left_out) == len(found.sizes) == 16
    for left, size in zip(found.left_out, found.sizes, strict=True):
        assert left.n == 3 - size


def test_rows_without_a_group_are_centred_by_their_own_mean():
    x, ids = rows()
    sums = UnitSum().start({}).update(x, ids).result()
    totals = Grouped(GroupTotal(), {}).update(x, ids, ids).result().full
    found = Grouped(CenteredUnitSum(), {UnitSum(): sums, GroupTotal(): totals}).update(x, ids, ids).result()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)

    def total(kept):
        centred = unit[kept] - unit[kept].mean(axis=0)
        return (centred / np.linalg.norm(centred, axis=1, keepdims=True)).sum(axis=0)

    np.testing.assert_allclose(found.full.total, total(np.ones(len(x), dtype=bool)), atol=1e-12)
    left = found.left_out[2].perturb(found.full)
    np.testing.assert_allclose(left.total, total(groups_of(ids) != 2), atol=1e-12)


def test_what_does_not_fit_is_refused():
    x, ids = rows()
    with pytest.raises(InputError, match="must have the same length"):
        Grouped(Norms(), {}).update(x, ids[:-1], ids)
    with pytest.raises(InputError, match="cannot merge"):
        Grouped(Norms(), {}).merge(Grouped(Norms(), {}, 4))
    with pytest.raises(InputError, match="at least one row"):
        Grouped(Norms(), {}).result()


def test_lengths_of_rows_are_taken_once_for_groups_and_blocks(monkeypatch):
    """Both the hash that tells equal rows and the statistics need them, also of rows that are zero or nearly so."""
    taken = []
    for module in ("embedscope.core.block", "embedscope.stats.equal_rows"):
        monkeypatch.setattr(f"{module}.row_norms", lambda x: taken.append(len(x)) or row_norms(x))
    x = np.random.default_rng(0).normal(size=(700, 5)).astype(np.float32)
    x[3], x[4] = 0, x[4] * np.float32(1e-30)
    found = measure(x, metrics=["zero_rows", "mean_norm"])
    assert sum(taken) == 700
    assert found.value(metric="zero_rows") == 1
    assert found.value(metric="mean_norm") == pytest.approx(np.linalg.norm(x.astype(float), axis=1).mean(), rel=1e-14)
