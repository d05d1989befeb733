"""Statistics on torch tensors where they lie (host, cuda, mps) give the numbers of numpy, to 1e-6."""

from functools import cache

import numpy as np
import pytest

from embedscope import measure
from embedscope.metrics import DEFAULTS
from embedscope.stats.neighbours import match_ranks, top_k
from embedscope.stats.row_sets import nearest_others

torch = pytest.importorskip("torch", reason="torch is not installed")

NEIGHBOURS = ("hubness_skew", "antihub_share", "robin_hood", "hub_share", "intrinsic_dimension", "uniformity")
THERE = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
DEVICES = [
    pytest.param(name, marks=pytest.mark.skipif(not there, reason=f"this machine has no {name} device"))
    for name, there in THERE.items()
]


def cloud(n=3000, d=32):
    rng = np.random.default_rng(4)
    x = (rng.normal(size=(n, d)) * np.geomspace(0.2, 4, d) + np.linspace(-1, 2, d)) * rng.uniform(0.5, 3, (n, 1))
    x[7] = 0
    return x.astype(np.float32)


@cache
def records(where, rows=None):
    x = cloud()
    given = x if where == "numpy" else torch.from_numpy(x).to(where)
    metrics = [*DEFAULTS, *NEIGHBOURS] if rows is None else ["isoscore", "effective_rank", "self_similarity", "i1"]
    return {(r.metric, r.space): r for r in measure(given, metrics=metrics, rows=rows)}


@pytest.mark.parametrize("name", [*DEFAULTS, *NEIGHBOURS])
@pytest.mark.parametrize("device", DEVICES)
def test_metrics_of_tensors_are_those_of_numpy(device, name):
    here, there = (
        {k: r for k, r in records(where).items() if k[0].partition(".")[0] == name} for where in ("numpy", device)
    )
    assert here
    assert list(here) == list(there)
    for key, record in here.items():
        found = there[key]
        for field in ("value", "stderr", "ci_low", "ci_high"):
            wanted = getattr(record, field)
            near = wanted if wanted is None else pytest.approx(wanted, rel=1e-6, abs=1e-12)
            assert getattr(found, field) == near, (key, field)
        assert (found.n, found.dim, found.exact, found.note) == (record.n, record.dim, record.exact, record.note)


@pytest.mark.parametrize("device", DEVICES)
def test_rows_override_and_half_precision_tensors(device):
    rows = "unit"
    here, there = ({k: r.value for k, r in records(where, rows).items()} for where in ("numpy", device))
    assert len(here) == 4  # isoscore, effective_rank, self_similarity, i1
    assert there == pytest.approx(here, rel=1e-6)
    x = cloud()[:400]
    half = torch.from_numpy(x).to(device).half()
    wanted = measure(half.cpu().numpy(), metrics=["isoscore", "self_similarity"])
    for a, b in zip(wanted, measure(half, metrics=["isoscore", "self_similarity"]), strict=True):
        assert b.value == pytest.approx(a.value, rel=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_blocks_are_made_on_the_device(device):
    from embedscope.core.block import RowBlock
    from embedscope.core.ids import hash_rows

    block = RowBlock(torch.from_numpy(cloud()[:50]).to(device), hash_rows(0, 50))
    where = "cpu" if device == "mps" else device  # mps has no float64
    assert block.double.device.type == where
    assert block.double.dtype == torch.float64
    assert block.norms.device.type == where


@pytest.mark.parametrize("device", DEVICES)
def test_neighbour_searches_take_tensors(device):
    x = cloud()[:500]
    tensor = torch.from_numpy(x).to(device)
    own = np.arange(500)
    a, b = top_k(x, x, 10, exclude=own), top_k(tensor, tensor, 10, exclude=own)
    np.testing.assert_array_equal(a.indices, b.indices)
    np.testing.assert_allclose(a.scores, b.scores, rtol=1e-6)
    np.testing.assert_array_equal(match_ranks(x, x, own, own[::-1]), match_ranks(tensor, tensor, own, own[::-1]))
    np.testing.assert_array_equal(nearest_others(x, 3)[0], nearest_others(tensor, 3)[0])


@pytest.mark.parametrize("device", DEVICES)
def test_hubs_from_an_index_take_tensors(device):
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    x = cloud()
    wanted = measure(x, metrics=["robin_hood"], neighbours="faiss").value(metric="robin_hood")
    found = measure(torch.from_numpy(x).to(device), metrics=["robin_hood"], neighbours="faiss")
    assert found.value(metric="robin_hood") == pytest.approx(wanted, rel=1e-3)
