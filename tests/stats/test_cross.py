"""Cross moments against numpy, their merge laws, and what they lose on data far from the origin: nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedscope.core.errors import InputError
from embedscope.core.ids import groups_of, hash_rows
from embedscope.stats import CrossMoments, Moments, cross_gaussian, statistic_of

FIELDS = ("mean_x", "mean_y", "cxx", "cxy", "cyy", "quartic_x", "quartic_y")


def pairs(seed, n, offset=0.0, dx=4, dy=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dx))
    return x + offset, x @ rng.normal(size=(dx, dy)) + rng.normal(size=(n, dy)) - offset


def feed(x, y):
    return CrossMoments().update(x, y)


def assert_same(a, b, n, scale=1e-9):
    assert a.n == b.n
    for name in FIELDS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-9, atol=scale * n, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 60), offset=st.sampled_from([0.0, 1.0, 1e6]))
def test_the_moments_are_those_of_numpy(seed, n, offset):
    x, y = pairs(seed, n, offset)
    g = cross_gaussian(x, y)
    joint = np.cov(np.hstack([x, y]).T) * (n - 1)
    np.testing.assert_allclose(g.cxx, joint[:4, :4], atol=1e-8 * n)
    np.testing.assert_allclose(g.cxy, joint[:4, 4:], atol=1e-8 * n)
    np.testing.assert_allclose(g.cyy, joint[4:, 4:], atol=1e-8 * n)
    np.testing.assert_allclose(g.gram_xy, x.T @ y, rtol=1e-12, atol=1e-8)
    np.testing.assert_allclose(g.gram_xx, x.T @ x, rtol=1e-12, atol=1e-8)
    np.testing.assert_allclose(g.gram_yy, y.T @ y, rtol=1e-12, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(0, 30), min_size=3, max_size=3).filter(lambda s: sum(s) > 1),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_merging_is_associative_and_symmetric(seed, sizes, offset):
    x, y = pairs(seed, sum(sizes), offset)
    cuts = np.cumsum(sizes)[:2]
    xs, ys = np.split(x, cuts), np.split(y, cuts)

    def part(i):
        return feed(xs[i], ys[i])

    whole = feed(x, y).result()
    left = part(0).merge(part(1)).merge(part(2)).result()
    right = part(0).merge(part(1).merge(part(2))).result()
    turned = part(2).merge(part(0)).merge(part(1)).result()
    for found in (left, right, turned):
        assert_same(found, whole, sum(sizes))


def test_an_offset_of_a_million_loses_nothing():
    x, y = pairs(0, 5000, 1e6)
    exact = [a.astype(np.longdouble) - a.astype(np.longdouble).mean(axis=0) for a in (x, y)]
    wanted = (exact[0].T @ exact[1]).astype(np.float64)
    np.testing.assert_allclose(cross_gaussian(x, y).cxy, wanted, rtol=0, atol=1e-13 * 5000)
    naive = x.T @ y - 5000 * np.outer(x.mean(axis=0), y.mean(axis=0))
    assert np.abs(naive - wanted).max() > 1e-3


def test_each_side_alone_is_what_moments_give():
    x, y = pairs(1, 3000)
    g, left = cross_gaussian(x.astype(np.float32), y), statistic_of(Moments(), x.astype(np.float32))
    np.testing.assert_allclose(g.x.scatter, left.scatter, rtol=1e-12)
    assert g.x.quartic == pytest.approx(left.quartic, rel=1e-12)
    np.testing.assert_array_equal(g.swapped.cxy, g.cxy.T)
    assert g.swapped.widths == (3, 4)


def test_feeding_many_small_batches_is_feeding_all():
    x, y = pairs(2, 5000)
    state = CrossMoments()
    for start in range(0, 5000, 37):
        state.update(x[start : start + 37], y[start : start + 37])
    before = state.result()
    assert_same(before, cross_gaussian(x, y), 5000, 1e-12)
    np.testing.assert_array_equal(state.result().cxy, before.cxy)


def test_merging_leaves_the_other_alone():
    x, y = pairs(3, 600)
    a, b = feed(x[:300], y[:300]), feed(x[300:], y[300:])
    before = b.result()
    a.merge(b).update(x, y)
    np.testing.assert_array_equal(b.result().cxy, before.cxy)


def test_torch_tensors_give_the_same():
    torch = pytest.importorskip("torch", reason="the extra hf is not installed")
    x, y = pairs(4, 3000)
    assert_same(cross_gaussian(torch.from_numpy(x), torch.from_numpy(y)), cross_gaussian(x, y), 3000, 1e-12)
    assert_same(cross_gaussian(torch.from_numpy(x), y), cross_gaussian(x, y), 3000, 1e-12)


def test_groups_give_each_leave_one_out():
    x, y = pairs(5, 900)
    clusters = hash_rows(0, 900)
    state = (
        CrossMoments(16)
        .update(x[:500], y[:500], clusters[:500])
        .merge(CrossMoments(16).update(x[500:], y[500:], clusters[500:]))
    )
    assert_same(state.result(), cross_gaussian(x, y), 900)
    groups = groups_of(clusters, 16)
    found = state.leave_out()
    assert len(found) == 16
    for g, left in enumerate(found):
        assert_same(left, cross_gaussian(x[groups != g], y[groups != g]), 900)
    assert CrossMoments(0).update(x, y).leave_out() == ()


def test_pooled_sides():
    x, y = pairs(6, 400, dx=3, dy=3)
    g, rows = cross_gaussian(x, y + 5), np.vstack([x, y + 5])
    joint = g.pool("joint")
    np.testing.assert_allclose(joint.scatter, np.cov(rows.T) * (len(rows) - 1), rtol=1e-10)
    np.testing.assert_allclose(joint.mean, rows.mean(axis=0))
    apart = np.vstack([x - x.mean(0), y - y.mean(0)])
    np.testing.assert_allclose(g.pool().scatter, apart.T @ apart, atol=1e-9)
    assert g.pool().quartic == pytest.approx(((apart**2).sum(axis=1) ** 2).sum())
    assert joint.quartic is None


def test_messages():
    x, y = pairs(7, 9)
    with pytest.raises(InputError, match=r"same n, got \(9, 4\) and \(8, 3\); join them by id"):
        feed(x, y[:8])
    with pytest.raises(InputError, match="at least one row"):
        CrossMoments().result()
    with pytest.raises(InputError, match="must have 3 dimensions"):
        feed(x, y).update(x, x)
    with pytest.raises(InputError, match="must have 4 dimensions"):
        feed(x, y).merge(feed(y, y))
    with pytest.raises(InputError, match="pass clusters"):
        CrossMoments(4).update(x, y)
    with pytest.raises(InputError, match="cannot merge 4 groups into 0"):
        feed(x, y).merge(CrossMoments(4))
    with pytest.raises(InputError, match="equal dimensions, got 4 and 3"):
        cross_gaussian(x, y).pool()
    with pytest.raises(InputError, match="'space' or 'joint'"):
        cross_gaussian(x, x).pool("own")
