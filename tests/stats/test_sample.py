"""The row sample: the same rows for any order and any split, and uniform."""

import numpy as np

from embedscope.core.block import RowBlock
from embedscope.core.ids import combine, hash_rows
from embedscope.stats import RowSample, sample, statistic_of


def test_order_and_split_do_not_matter():
    x, ids = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32), hash_rows(0, 500)
    order = np.random.default_rng(1).permutation(500)
    whole = statistic_of(RowSample(40, seed=7), x)
    state = RowSample(40, seed=7).start({})
    for chunk in np.array_split(order, 9):
        state.update(x[chunk], ids[chunk])
    np.testing.assert_array_equal(state.result().x, whole.x)
    np.testing.assert_array_equal(state.result().ids, whole.ids)
    assert whole.x.dtype == np.float32
    assert (whole.n, whole.dim, len(whole.x)) == (500, 3, 40)


def test_seed_decides_and_fewer_rows_are_all_kept():
    x = np.arange(60.0).reshape(20, 3)
    assert len(statistic_of(RowSample(50), x).x) == 20
    a, b = statistic_of(RowSample(5, seed=1), x), statistic_of(RowSample(5, seed=2), x)
    assert a.ids.tolist() != b.ids.tolist()


def test_every_row_is_as_likely():
    x = np.zeros((50, 1))
    ids = hash_rows(0, 50)
    drawn = np.concatenate([statistic_of(RowSample(10, seed=s), x).ids for s in range(600)])
    counts = np.array([(drawn == i).sum() for i in ids])
    assert abs(counts.mean() - 120) < 1e-9
    assert counts.std() < 15  # binomial: 9.8


def test_a_long_stream_copies_few_rows(monkeypatch):
    """Each row is a candidate only while its hash is among the smallest, and what waits is put in order seldom."""
    copied = []
    known = np.concatenate
    monkeypatch.setattr(sample.np, "concatenate", lambda parts: copied.append(sum(map(len, parts))) or known(parts))
    x, ids = np.arange(40_000.0)[:, None], hash_rows(0, 40_000)
    state = RowSample(100, seed=3).start({})
    for start in range(0, 40_000, 200):
        state.take(RowBlock(x[start : start + 200], ids[start : start + 200]))
    result = state.result()
    monkeypatch.undo()
    wanted = np.argsort(combine(ids, 3), kind="stable")[:100]
    np.testing.assert_array_equal(result.x[:, 0], wanted)
    np.testing.assert_array_equal(result.ids, ids[wanted])
    assert result.n == 40_000
    assert sum(copied) - 40_000 < 3 * 40 * 150  # without the lengths of all rows, which a block puts together
