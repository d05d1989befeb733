"""Every verb that reads rows on a cluster: the bits of one process, whatever happens to the workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import embedscope
from embedscope.core.progress import Silent
from embedscope.execution.dask import Dask

pytest.importorskip("distributed", reason="extra dask is not installed")

pytestmark = pytest.mark.timeout(300)

FILES, ROWS, DIM = 6, 300, 12


@pytest.fixture(scope="module")
def cluster():
    engine = Dask(workers=2)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def address(cluster):
    return f"dask:{cluster.client().scheduler.address}"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two sides in folders of six files; the second is the first with noise, cut into files at other rows."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(FILES * ROWS, DIM)) * np.linspace(3, 0.5, DIM) + 0.4).astype(np.float32)
    y = (x @ np.linalg.qr(rng.normal(size=(DIM, DIM)))[0] + 0.6 * rng.normal(size=x.shape)).astype(np.float32)
    made = []
    for name, rows, parts in (("x", x, FILES), ("y", y, FILES + 1)):
        folder = tmp_path_factory.mktemp("sides") / name
        folder.mkdir()
        for i, part in enumerate(np.array_split(rows, parts)):
            np.save(folder / f"{i}.npy", part)
        made.append(str(folder))
    return made


@pytest.fixture(autouse=True)
def _a_shard_a_file(monkeypatch):
    """Files are shards, however few rows they have, so that there is something to send and to merge."""
    monkeypatch.setattr("embedscope.readers._joined.plan", lambda n, dim: [(0, 1)])


def _numbers(result):
    return [(r.metric, r.space, r.transform, r.subset, r.value, r.stderr, r.ci_low, r.ci_high, r.n) for r in result]


def _labels(x):
    return np.arange(FILES * ROWS) % 5


def _diagnose(folders, engine, **more):
    return embedscope.diagnose(folders[0], engine=engine, **more).result


def _diagnose_pair(folders, engine, **more):
    return embedscope.diagnose(pair=tuple(folders), engine=engine, **more).result


def _check(folders, engine, **more):
    baseline = embedscope.measure(folders[0], metrics=["isoscore", "self_similarity"])
    return embedscope.check(folders[1], baseline=baseline, engine=engine, **more).result


def _repair_pair(folders, engine, **more):
    outcome = embedscope.repair(pair=tuple(folders), max_eval_rows=200, engine=engine, force=True, **more)
    assert not outcome.repair.is_identity
    return [*outcome.result, *embedscope.measure(outcome.repair.transform(np.eye(DIM), "image"), metrics=["i1"])]


def _repair_labels(folders, engine, **more):
    made = embedscope.repair(folders[0], labels=_labels(folders), candidates="center,abtt:1", engine=engine, **more)
    return made.result


def _migrate(folders, engine, **more):
    return embedscope.migrate(
        *folders, candidates="procrustes,ridge", max_eval_rows=300, engine=engine, **more
    ).result


def _compress(folders, engine, **more):
    return embedscope.compress(folders[0], candidates="int8,pca:6", max_eval_rows=64, engine=engine, **more).result


def _calibrate(folders, engine, **more):
    return embedscope.calibrate(pair=tuple(folders), engine=engine, **more).result


VERBS = (
    _diagnose,
    _diagnose_pair,
    _check,
    _repair_pair,
    _repair_labels,
    _migrate,
    _compress,
    _calibrate,
)


@pytest.mark.parametrize("verb", VERBS, ids=[f.__name__.strip("_") for f in VERBS])
def test_a_verb_has_the_same_bits_on_a_cluster(verb, folders, address, cluster):
    tasks = cluster.client().run_on_scheduler(_tasks_done)
    assert _numbers(verb(folders, address)) == _numbers(verb(folders, "local")) == _numbers(verb(folders, "local:1"))
    assert cluster.client().run_on_scheduler(_tasks_done) >= tasks + FILES


def _tasks_done(dask_scheduler):
    return dask_scheduler.transition_counter
