"""Every verb that reads rows on a cluster: the bits of one process, whatever happens to the workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.execution.dask import Dask
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

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
    monkeypatch.setattr("embedscope.readers.concat.plan", lambda n, dim: [(0, 1)])


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
    return embedscope.migrate(*folders, candidates="procrustes,ridge", max_eval_rows=300, engine=engine, **more).result


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


@pytest.fixture
def deadly(monkeypatch, cluster):
    """A worker of the cluster is killed whenever a second shard has come back; how many were."""
    killed, original = [], Dask.map

    def killing(self, work, shards):
        for i, outcome in enumerate(original(self, work, shards)):
            if i == 1:
                pids = sorted(cluster.client().run(os.getpid).values())
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])
            yield outcome

    monkeypatch.setattr(Dask, "map", killing)
    return killed


def test_workers_killed_on_the_way_change_nothing(folders, address, deadly):
    assert _numbers(_compress(folders, address)) == _numbers(_compress(folders, "local"))
    assert _numbers(_repair_labels(folders, address)) == _numbers(_repair_labels(folders, "local"))
    assert len(deadly) == 3  # one for each pass


@pytest.fixture(scope="module")
def made():
    chain = parse_chain("center,abtt:1").fit(np.random.default_rng(1).normal(size=(200, DIM)) + 1)
    return Repair.from_chain(chain, normalise_after=True)


@pytest.fixture(scope="module")
def table_folder(folders, tmp_path_factory):
    """The rows of the first side with ids, in Parquet files."""
    folder, start = tmp_path_factory.mktemp("tables") / "in", 0
    folder.mkdir()
    for i in range(FILES):
        x = np.load(Path(folders[0]) / f"{i}.npy")
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), DIM)
        ids = pa.array([f"row {j}" for j in range(start, start + len(x))])
        pq.write_table(pa.table({"id": ids, "emb": vectors}), folder / f"{i}.parquet", row_group_size=70)
        start += len(x)
    return folder


def test_apply_writes_one_file_with_the_same_bytes(made, folders, table_folder, address, tmp_path):
    for source, name in ((folders[0], "x.npy"), (table_folder, "x.parquet")):
        here = embedscope.apply(made, source, tmp_path / f"here-{name}").path
        there = embedscope.apply(made, source, tmp_path / f"there-{name}", engine=address).path
        assert here.read_bytes() == there.read_bytes()


def test_apply_writes_a_folder_of_shards_while_workers_die(made, folders, table_folder, address, tmp_path, deadly):
    whole = np.load(embedscope.apply(made, folders[0], tmp_path / "whole.npy").path)
    done = embedscope.apply(made, folders[0], tmp_path / "shards", engine=address)
    assert deadly
    assert (done.rows, done.n_bytes) == (len(whole), sum(f.stat().st_size for f in done.path.iterdir()))
    files = sorted(done.path.iterdir())
    assert [f.name for f in files] == [f"part-{i:05}.npy" for i in range(FILES)]
    np.testing.assert_array_equal(np.concatenate([np.load(f) for f in files]), whole)
    made_tables = embedscope.apply(made, table_folder, tmp_path / "tables", engine=address).path
    table = pq.read_table(sorted(made_tables.iterdir()))
    assert table.column("id").to_pylist() == [f"row {i}" for i in range(len(whole))]
    np.testing.assert_array_equal(np.stack(table.column("emb").to_numpy()), whole)


class _Stops(Silent):
    """The run is cut off after some shards."""

    def __init__(self, after):
        self.left, self.notes = after, []

    def advance(self, n):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def note(self, text):
        self.notes.append(text)


def test_apply_to_a_folder_goes_on_where_it_was_cut_off(made, folders, address, tmp_path):
    out, unfinished = tmp_path / "shards", tmp_path / "shards.unfinished"
    with pytest.raises(KeyboardInterrupt):
        embedscope.apply(made, folders[0], out, engine="local:1", progress=_Stops(2))
    assert not out.exists()
    first = {f.name: f.stat().st_mtime_ns for f in unfinished.glob("part-*.npy")}
    assert 2 <= len(first) < FILES
    with pytest.raises(InputError, match=r"was left by a run with another repair, other rows or another plan"):
        embedscope.apply(Repair.centre_kinds({"vectors": np.ones(DIM)}), folders[0], out)
    progress = _Stops(0)
    embedscope.apply(made, folders[0], out, engine=address, progress=progress)
    assert any(f"{len(first)} of {FILES} shards are already written" in note for note in progress.notes)
    assert {f.name: f.stat().st_mtime_ns for f in out.iterdir() if f.name in first} == first
    whole = embedscope.apply(made, folders[0], tmp_path / "whole.npy").path
    np.testing.assert_array_equal(np.concatenate([np.load(f) for f in sorted(out.iterdir())]), np.load(whole))
    assert not unfinished.exists()
    with pytest.raises(InputError, match="is there already"):
        embedscope.apply(made, folders[0], out)
