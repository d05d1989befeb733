"""Vectors in object storage, read by the workers of a cluster from a real server that speaks S3."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import embedscope
from embedscope.execution.dask import Dask

pytest.importorskip("distributed", reason="extra dask is not installed")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
pytest.importorskip("moto.server", reason='moto is not installed: pip install "moto[server]"')

pytestmark = pytest.mark.timeout(300)

X = np.random.default_rng(0).normal(size=(1500, 16)).astype(np.float32) + 0.2


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of an S3 server on this machine, with the credentials that it takes in the environment of workers."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    address = f"http://127.0.0.1:{port}"
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    run = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (keys | {"AWS_ENDPOINT_URL": address}).items():
            patch.setenv(name, value)
        for _ in range(150):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield address
    run.terminate()
    run.wait()
    log.close()


@pytest.fixture(scope="module")
def bucket(server):
    """Five shards in .npy and in Parquet."""
    system = s3fs.S3FileSystem(endpoint_url=server)
    system.mkdir("vectors")
    for i, part in enumerate(np.array_split(X, 5)):
        held = io.BytesIO()
        np.save(held, part)
        system.pipe(f"vectors/npy/{i}.npy", held.getvalue())
        table = pa.table({"emb": pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), X.shape[1])})
        held = io.BytesIO()
        pq.write_table(table, held)
        system.pipe(f"vectors/parquet/{i}.parquet", held.getvalue())
    return "s3://vectors"


@pytest.fixture(scope="module")
def cluster(server):
    engine = Dask(workers=2)  # after the server, whose address workers find in their environment
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def _a_shard_a_file(monkeypatch):
    monkeypatch.setattr("embedscope.readers.concat.plan", lambda n, dim: [(0, 1)])


def _numbers(result):
    return [(r.metric, r.value, r.stderr) for r in result]


@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_workers_read_a_bucket(form, bucket, cluster, tmp_path):
    np.save(tmp_path / "x.npy", X)
    engine = f"dask:{cluster.client().scheduler.address}"
    metrics = ["isoscore", "self_similarity", "hub_share"]
    there = embedscope.measure(f"{bucket}/{form}/", metrics=metrics, engine=engine)
    assert _numbers(there) == _numbers(embedscope.measure(f"{bucket}/{form}/", metrics=metrics))
    whole = embedscope.measure(str(tmp_path / "x.npy"), metrics=metrics)
    assert [r.value for r in there] == pytest.approx([r.value for r in whole], rel=1e-9)


def test_a_worker_killed_while_it_reads_a_bucket(bucket, cluster, monkeypatch):
    engine, original = f"dask:{cluster.client().scheduler.address}", Dask.map

    def killing(self, work, shards):
        for i, outcome in enumerate(original(self, work, shards)):
            if i == 1:
                os.kill(min(cluster.client().run(os.getpid).values()), signal.SIGKILL)
            yield outcome

    options = {"candidates": "int8", "max_eval_rows": 64}
    here = embedscope.compress(f"{bucket}/npy/", **options).result
    monkeypatch.setattr(Dask, "map", killing)
    assert _numbers(embedscope.compress(f"{bucket}/npy/", engine=engine, **options).result) == _numbers(here)
