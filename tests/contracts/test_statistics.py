"""Laws of every mergeable statistic: merging is what feeding everything at once gives, and leaves the other alone."""

import copy
import itertools
import pickle
from dataclasses import fields

import numpy as np
import pytest

from embedscope import stats
from embedscope.core.accumulate import Need, fold
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, mix
from embedscope.stats import (
    CenteredUnitSum,
    Coordinates,
    Grouped,
    Moments,
    Norms,
    Partition,
    RowSample,
    Shares,
    UnitSum,
    statistic_of,
)
from embedscope.stats.unit import UnitTally

NEEDS = [
    Moments("raw"),
    Moments("unit"),
    UnitSum(),
    CenteredUnitSum("unit"),
    CenteredUnitSum("raw"),
    Coordinates("raw"),
    Coordinates("unit"),
    Shares(3),
    Shares(3, signed=True),
    Shares(3, rows="unit"),
    Norms(),
    Partition("unit"),
    Partition("raw"),
    Partition("unit", "published"),
    RowSample(7, seed=3),
]
IDS = [repr(need) for need in NEEDS]
N, D = 400, 6


def rows(offset):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, D)) * np.arange(1, D + 1) + offset
    x[[0, 17, 250]] = 0
    return x


def begin(need, x):
    return need.start({dependency: statistic_of(dependency, x) for dependency in need.depends})


def parts(need, x, cuts):
    ids = hash_rows(0, len(x))
    bounds = [0, *cuts, len(x)]
    return [begin(need, x).update(x[a:b], ids[a:b]) for a, b in itertools.pairwise(bounds)]


def numbers(result):
    """Arrays of a result by name, each with the size its rounding is measured by."""
    out = {}
    for name in (
        f.name for f in fields(result) if f.name not in ("moved", "sizes")
    ):  # by group: tests/metrics/test_bias.py
        value = getattr(result, name)
        if value is None or isinstance(value, tuple | UnitTally):  # tallies: tests/stats/test_units.py
            continue
        value = np.asarray(value, dtype=np.float64)
        out[name] = (value, np.abs(value).max(initial=0.0))
    if "cubic" in out:
        out["cubic"] = (out["cubic"][0], result.n**0.25 * result.quartic**0.75)
    if "shift" in out:
        del out["shift"], out["total"]
        out["log_z"] = (result.log_z, np.abs(result.log_z).max())
    return out


def assert_same(a, b, tolerance=1e-9):
    one, two = numbers(a), numbers(b)
    assert one.keys() == two.keys()
    for name, (value, size) in one.items():
        np.testing.assert_allclose(two[name][0], value, rtol=0, atol=tolerance * size, err_msg=name)


def test_every_need_of_the_package_is_here():
    known = {getattr(stats, name) for name in stats.__all__}
    kinds = {kind for kind in known if isinstance(kind, type) and issubclass(kind, Need)}
    assert kinds == {type(need) for need in NEEDS}


@pytest.mark.parametrize("offset", [0.5, 1e6])
@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_merge_of_parts_is_the_whole(need, offset):
    x = rows(offset)
    (whole,) = parts(need, x, [])
    merged = fold(parts(need, x, [1, 40, 41, 200, 399]), lambda a, b: a.merge(b))
    assert_same(whole.result(), merged.result())


@pytest.mark.parametrize("offset", [0.5, 1e6])
@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_merge_is_associative_and_leaves_the_other_alone(need, offset):
    x = rows(offset)
    a, b, c = parts(need, x, [90, 230])
    before = copy.deepcopy(numbers(b.result()))
    left = parts(need, x, [90, 230])[0].merge(b).merge(c).result()
    right = a.merge(parts(need, x, [90, 230])[1].merge(c)).result()
    assert_same(left, right)
    for name, (value, _) in numbers(b.result()).items():
        np.testing.assert_array_equal(value, before[name][0])


@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_result_is_pure_and_batches_do_not_matter(need):
    x, ids = rows(0.5), hash_rows(0, N)
    state = begin(need, x)
    for start in range(0, N, 33):
        state.update(x[start : start + 33], ids[start : start + 33])
        state.result()
    assert_same(statistic_of(need, x), state.result())
    assert_same(state.result(), state.result(), tolerance=0)


@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_the_caller_may_reuse_the_memory_of_a_batch(need):
    x, ids = rows(0.5), hash_rows(0, N)
    state, memory = begin(need, x), np.empty((20, D))
    for start in range(0, N, 20):
        memory[:] = x[start : start + 20]
        state.update(memory, ids[start : start + 20])
        memory[:] = np.nan
    assert_same(statistic_of(need, x), state.result())


@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_states_travel_between_processes_and_refuse_other_dimensions(need):
    x, ids = rows(0.5), hash_rows(0, N)
    state = begin(need, x).update(x, ids)
    assert_same(state.result(), pickle.loads(pickle.dumps(state)).result(), tolerance=0)
    with pytest.raises(InputError, match="dimensions"):
        state.update(x[:, :-1], ids)
    with pytest.raises(InputError, match="at least one row"):
        begin(need, x).result()


@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_groups_left_out_are_the_statistic_of_the_other_rows(need):
    x, ids = rows(0.5), hash_rows(0, N)
    clusters = mix(ids // np.uint64(3))
    results = {dependency: statistic_of(dependency, x) for dependency in need.depends}
    grouped = Grouped(need, results)
    for start in range(0, N, 57):
        grouped.update(x[start : start + 57], ids[start : start + 57], clusters[start : start + 57])
    found = grouped.result()
    assert sum(found.sizes) == N
    assert len(found.left_out) == 16
    assert_same(statistic_of(need, x), found.full)
    groups = stats.grouped.groups_of(clusters)
    for g, left in enumerate(found.left_out):
        rest = need.start(results).update(x[groups != g], ids[groups != g]).result()
        assert_same(rest, left)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("need", NEEDS, ids=IDS)
def test_torch_gives_the_same(need, dtype):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, ids = rows(0.5).astype(dtype), hash_rows(0, N)
    results = {dependency: statistic_of(dependency, x) for dependency in need.depends}
    grouped = Grouped(need, results).update(torch.from_numpy(x), ids, ids).result()
    assert_same(need.start(results).update(x, ids).result(), grouped.full, tolerance=1e-12)
    for field in fields(grouped.full):
        assert not isinstance(getattr(grouped.full, field.name), torch.Tensor)
