"""Measuring on a cluster, with bad shards, and after an end: the same bits, or a word on what is missing."""

import os
import signal

import numpy as np
import pytest

from embedscope import measure
from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.execution import Local
from embedscope.execution.dask import Dask
from embedscope.execution.shards import ShardRunner, add_skip_notes, skipped_shards
from embedscope.geometry.measure import measure_stream
from embedscope.readers import find_vectors, open_vectors

pytest.importorskip("distributed", reason="extra dask is not installed")

METRICS = ["isoscore", "self_similarity", "i1", "top5_share", "self_similarity_centered", "mean_norm"]
X = np.random.default_rng(0).standard_normal((290_000, 8)).astype(np.float32) + 0.2


class Rows(Silent):
    def __init__(self):
        self.rows, self.notes = 0, []

    def advance(self, n):
        self.rows += n

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("shards")
    for i in range(5):
        np.save(path / f"x_{i}.npy", X[58_000 * i : 58_000 * (i + 1)])
    return path


@pytest.fixture(scope="module")
def cluster():
    engine = Dask(workers=2)
    yield engine
    engine.close()


def values(source, engine, progress=None, metrics=METRICS):
    records = measure_stream(open_vectors(str(source)), source="x", metrics=metrics, engine=engine, progress=progress)
    return [(r.metric, r.value, r.stderr, r.n) for r in records]


def test_one_or_two_workers_or_none_give_the_same_bits(folder, cluster):
    progress = Rows()
    here = values(folder, Local())
    assert values(folder, cluster, progress) == here
    assert progress.rows == 2 * len(X)
    one = Dask(workers=1)
    assert values(folder, one) == here
    one.close()


def test_a_worker_killed_half_way(folder, cluster):
    pids = list(cluster.client().run(os.getpid).values())
    killed = []

    class Killing(Silent):
        def advance(self, n):
            if not killed:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

    assert values(folder, cluster, Killing()) == values(folder, Local())
    assert killed


def test_a_bad_row_is_named_through_the_cluster(folder, tmp_path, cluster):
    bad = X[:60_000].copy()
    bad[41_234, 3] = np.nan
    np.save(tmp_path / "x_0.npy", X[:1000])
    np.save(tmp_path / "x_1.npy", bad)
    for engine in (Local(), cluster, ShardRunner(cluster)):
        with pytest.raises(InputError, match=r"x_1\.npy holds nan or inf .* first in row 41234"):
            values(tmp_path, engine)


def test_bad_shards_are_left_out_and_named(folder, tmp_path, cluster):
    for i in range(5):
        x = X[58_000 * i : 58_000 * (i + 1)].copy()
        x[7, 0] = np.inf if i == 3 else x[7, 0]
        np.save(tmp_path / f"x_{i}.npy", x)
    (tmp_path / "x_4.npy").write_bytes((tmp_path / "x_4.npy").read_bytes()[:1000])
    found = find_vectors(str(tmp_path), skip_bad=True)
    results = []
    for engine in (Local(), Local(2), cluster):
        run = ShardRunner(engine, skip_bad=True, unopened=tuple(found.missing))
        records = add_skip_notes(measure_stream(found.stream, source="x", metrics=METRICS, engine=run), run)
        results.append([(r.metric, r.value, r.stderr) for r in records])
        assert {r.metric for r in records} >= set(METRICS)
        assert all("1 of the files could not be opened and 1 of" in r.note for r in records)
        reasons = [s.why for s in skipped_shards("x", run)]
        assert any("x_4.npy is cut short" in why for why in reasons)
        assert any("x_3.npy holds nan or inf" in why and "row 7" in why for why in reasons)
        assert all(r.n < 4 * 58_000 for r in records)
    assert results[0] == results[1] == results[2]


def test_nothing_that_can_be_read(tmp_path):
    np.save(tmp_path / "x.npy", np.full((100, 3), np.nan))
    with pytest.raises(InputError, match="none of the 1 shards can be read; the first"):
        values(tmp_path / "x.npy", ShardRunner(Local(), skip_bad=True))


def test_a_folder_split_otherwise_gives_the_same_metrics(folder, tmp_path):
    for i, part in enumerate(np.array_split(X, 17)):
        np.save(tmp_path / f"y_{i}.npy", part)
    for a, b in zip(values(folder, Local()), values(tmp_path, Local()), strict=True):
        assert a[1] == pytest.approx(b[1], rel=1e-11)
        assert a[2] == pytest.approx(b[2], rel=1e-6)
        assert (a[0], a[3]) == (b[0], b[3])


def test_measure_takes_engine_checkpoint_and_bad_shards(folder, tmp_path):
    progress = Rows()
    options = {"metrics": ["isoscore"], "checkpoint": tmp_path, "skip_bad_shards": True}
    one = measure(str(folder), engine="dask:1", progress=progress, **options)
    two = measure(str(folder), progress=progress, **options)
    assert [(r.value, r.stderr) for r in one] == [(r.value, r.stderr) for r in two]
    assert progress.notes[0].endswith("folder, 5 .npy files, 290,000 rows: vectors with 8 dimensions in float32")
    assert any("shards of this pass are already done" in note for note in progress.notes)
    facts = one.provenance["data"][str(folder)]
    assert (facts["files"], facts["layout"]) == (5, "folder")
    with pytest.raises(InputError, match="engine must be"):
        measure(str(folder), engine="spark")
    with pytest.raises(InputError, match="leave out --checkpoint"):
        measure("minilm", texts=["a text"], checkpoint=tmp_path)
