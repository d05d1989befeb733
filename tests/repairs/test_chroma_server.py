"""Collections of a real Chroma server, as its own command starts it: read, changed in place, put back, made."""

import gc
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pytest
from tests.repairs import stores
from tests.repairs.stores import TEXTS, N, X, rows

import embedscope
from embedscope.readers import open_vectors, texts_of
from embedscope.readers.stores.chroma import _server
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

CENTRE = Repair.from_chain(parse_chain("center").fit(X))
_SECONDS = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server; skipped with the reason where it does not answer."""
    library = pytest.importorskip("chromadb", reason="the extra chroma is not installed")
    command = shutil.which("chroma", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the command chroma is not installed beside python")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    process = subprocess.Popen(
        [command, "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + _SECONDS
        while not _answers(port):
            if time.monotonic() > until or process.poll() is not None:
                pytest.skip(f"the Chroma server does not answer within {_SECONDS} s")
            time.sleep(0.1)
        client = library.HttpClient("127.0.0.1", port, settings=library.Settings(anonymized_telemetry=False))
        stores.chroma(folder, client=client)
        yield f"chroma:http://127.0.0.1:{port}"
    finally:
        _close_clients()
        process.terminate()
        process.wait(20)


def _close_clients():
    """Clients of Chroma leave their connections open, which a later test would be blamed for."""
    from chromadb.api.shared_system_client import SharedSystemClient

    for system in list(SharedSystemClient._identifier_to_system.values()):
        for part in list(system._instances.values()):
            if hasattr(part, "_session"):
                part._session.close()
    _server.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=1) as reply:
            return reply.status == 200
    except OSError:
        return False


def test_read_changed_and_put_back(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    source = f"{server}/docs"
    assert texts_of(open_vectors(source)).values() == tuple(TEXTS)
    np.testing.assert_array_equal(rows(source), X)
    done = embedscope.apply(CENTRE, source, in_place=True)
    assert done.journal.parent == tmp_path / "embedscope" / "journals"
    np.testing.assert_array_equal(rows(source), CENTRE.transform(X))
    embedscope.apply(CENTRE, source, rollback=True)
    np.testing.assert_array_equal(rows(source), X)
    assert not done.journal.exists()


def test_a_new_collection_from_another(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    narrow = Repair.from_chain(parse_chain("center,whiten:4").fit(X))
    done = embedscope.apply(narrow, f"{server}/docs", f"{server}/docs_narrow")
    assert (done.rows, done.dim_out) == (N, 4)
    np.testing.assert_array_equal(rows(f"{server}/docs_narrow"), narrow.transform(X))
    assert texts_of(open_vectors(f"{server}/docs_narrow")).values() == tuple(TEXTS)
