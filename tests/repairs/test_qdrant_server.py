"""Collections on a server of Qdrant's protocol around Qdrant's engine: read, changed in place, put back, made."""

import gc
import warnings

import numpy as np
import pytest
from tests.repairs import stores
from tests.repairs.stores import TEXTS, N, X, rows

import embedscope
from embedscope.core.errors import EmbedscopeError
from embedscope.readers import describe_stream, find_vectors, ids_of, open_vectors, texts_of
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

CENTRE = Repair.from_chain(parse_chain("center").fit(X))
UNIT = X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with the collections docs (Cosine, two vectors a point) and dot (one vector without a name)."""
    library = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    pytest.importorskip("qdrant_edge", reason="qdrant-edge-py is not installed")
    from tests.repairs.qdrant_server import Server

    served = Server(tmp_path_factory.mktemp("server"))
    client, m = library.QdrantClient(url=served.address, check_compatibility=False), library.models
    stores.qdrant(None, client=client)
    client.create_collection("dot", vectors_config=m.VectorParams(size=X.shape[1], distance=m.Distance.DOT))
    client.upsert("dot", [m.PointStruct(id=i, vector=X[i].tolist(), payload={"text": TEXTS[i]}) for i in range(N)])
    client.close()
    yield served
    served.shutdown()
    served.server_close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def read_point(server, name, point=0):
    return server.collections[name].shard.retrieve([point], True, True)[0]


def test_rows_ids_and_texts_are_read(server):
    found = find_vectors(f"qdrant:{server.address}/dot").stream
    np.testing.assert_array_equal(rows(f"qdrant:{server.address}/dot"), X)
    assert ids_of(found).unique() == tuple(map(str, range(N)))
    assert texts_of(found).values() == tuple(TEXTS)
    cosine = f"qdrant:{server.address}/docs::vector"
    assert "a Qdrant server keeps vector L2-normalised (distance Cosine)" in describe_stream(open_vectors(cosine))
    np.testing.assert_allclose(rows(cosine), UNIT, atol=1e-6)
    with pytest.raises(EmbedscopeError, match="did you mean 'docs'"):
        open_vectors(f"qdrant:{server.address}/dosc")


def test_changed_in_place_and_put_back(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    source = f"qdrant:{server.address}/dot"
    before = read_point(server, "dot").payload
    embedscope.apply(CENTRE, source, in_place=True)
    np.testing.assert_array_equal(rows(source), CENTRE.transform(X).astype(np.float32))
    assert read_point(server, "dot").payload == before
    embedscope.apply(CENTRE, source, rollback=True)
    np.testing.assert_array_equal(rows(source), X)


def test_under_the_distance_cosine_other_vectors_stay_and_norms_are_lost(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    source = f"qdrant:{server.address}/docs::vector"
    first = rows(source)
    before = read_point(server, "docs", 3)
    done = embedscope.apply(CENTRE, source, in_place=True)
    wanted = CENTRE.transform(first)
    np.testing.assert_allclose(rows(source), wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)
    after = read_point(server, "docs", 3)
    assert after.payload == before.payload
    assert after.vector["other"] == before.vector["other"]
    embedscope.apply(CENTRE, source, rollback=True)
    np.testing.assert_allclose(rows(source), first, atol=1e-6)
    assert done.rows == N


def test_a_new_collection_from_another(server):
    narrow = Repair.from_chain(parse_chain("center,whiten:4").fit(X))
    target = f"qdrant:{server.address}/dot_narrow"
    done = embedscope.apply(narrow, f"qdrant:{server.address}/dot", target)
    assert (done.rows, done.dim_out) == (N, 4)
    np.testing.assert_allclose(rows(target), narrow.transform(X), atol=1e-6)
    assert texts_of(open_vectors(target)).values() == tuple(TEXTS)


def test_rows_of_a_file_become_points_with_ids_of_their_own(server, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"row {i}" for i in range(N)]
    pq.write_table(pa.table({"id": names, "text": TEXTS, "vector": X.tolist()}), tmp_path / "x.parquet")
    target = f"qdrant:{server.address}/from_file"
    embedscope.apply(CENTRE, str(tmp_path / "x.parquet"), target)
    stream = open_vectors(f"{target}?ids=source_id")
    assert sorted(ids_of(stream).unique()) == sorted(names)
