"""Stores of strangers: points of Qdrant are pickles; ids of an HDF5 file may be said to lie in another file."""

import datetime
import json
import os
import pickle
import sqlite3
import uuid

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.readers import ids_of, open_vectors

N = 20
X = np.random.default_rng(0).standard_normal((N, 4)).astype(np.float32)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def store(tmp_path):
    library = pytest.importorskip("qdrant_client", reason="extra qdrant is not installed")
    models, folder = library.models, tmp_path / "q"
    client = library.QdrantClient(path=str(folder))
    for name in ("docs", "others"):
        client.create_collection(name, models.VectorParams(size=4, distance=models.Distance.DOT))
        client.upsert(name, [models.PointStruct(id=i, vector=X[i].tolist(), payload={"t": "a"}) for i in range(N)])
    client.close()
    return folder


def _put(store, collection, value, row=3):
    with sqlite3.connect(store / "collection" / collection / "storage.sqlite") as database:
        database.execute("UPDATE points SET point = ? WHERE rowid = ?", (value, row))
    database.close()


def _rows(store):
    stream = open_vectors(f"qdrant:{store}/docs")
    return np.concatenate([next(iter(b.spaces.values())) for s in stream.shards() for b in s.batches()])


def test_what_qdrant_writes_is_read(store):
    from qdrant_client import models

    payloads = [
        {"text": "a" * 70_000, "n": 2**80, "deep": [1, {"a": None}, True], "f": 1e300, "neg": -5},
        {"when": datetime.datetime.now(datetime.UTC), "u": uuid.uuid4(), "bytes": b"x" * 300},
    ]
    for i, payload in enumerate(payloads):
        _put(store, "docs", pickle.dumps(models.PointStruct(id=i, vector=X[i].tolist(), payload=payload)), row=i + 1)
    np.testing.assert_allclose(_rows(store), X, rtol=1e-6)


@pytest.mark.parametrize("collection", ["docs", "others"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_point_that_is_a_program_is_never_run(store, tmp_path, collection, protocol):
    _put(store, collection, pickle.dumps(Hostile(tmp_path / "made"), protocol))
    with pytest.raises(InputError, match=r"may be meant to run code; nothing was loaded"):
        _rows(store)
    assert not (tmp_path / "made").exists()


def test_a_program_inside_the_payload_of_a_point(store, tmp_path):
    from qdrant_client import models

    point = models.PointStruct.model_construct(id=2, vector=X[2].tolist(), payload={"a": Hostile(tmp_path / "made")})
    _put(store, "docs", pickle.dumps(point))
    with pytest.raises(InputError, match="may be meant to run code"):
        _rows(store)
    assert not (tmp_path / "made").exists()


def _take_name(module, name, rest):
    """A pickle that takes ``name`` out of ``module`` and goes on with the commands ``rest``."""
    parts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)]
    return b"\x80\x04" + b"".join(parts) + b"\x93" + rest


MODELS = "qdrant_client.http.models.models"


@pytest.mark.parametrize(
    "value",
    [
        b"\x80\x04Nr\xff\xff\xff\x7f.",  # room for two thousand million things to remember
        _take_name(MODELS, "Field", b")R."),
        _take_name(MODELS, "PointStruct.__init__", b")R."),
        _take_name("datetime", "sys", b"."),
        _take_name(MODELS, "PointStruct", b"}\x8c\x01aK\x01sb."),  # the state of a class, not of one of its objects
        b"",
        b"\x80\x04N",
        b"\x80\x04N.N.",
        "text",
    ],
)
def test_what_is_no_point_is_refused(store, value):
    _put(store, "docs", value)
    with pytest.raises(InputError, match=r"storage\.sqlite has a point"):
        _rows(store)


def test_rows_that_are_made_anew_each_time_are_refused(store):
    with sqlite3.connect(store / "collection" / "docs" / "storage.sqlite") as database:
        database.execute("ALTER TABLE points RENAME TO kept")
        database.execute(
            "CREATE VIEW points AS SELECT id, CASE random() % 2 WHEN 0 THEN point ELSE x'2e' END AS point FROM kept"
        )
    database.close()
    with pytest.raises(InputError, match="in another form than Qdrant does"):
        _rows(store)


@pytest.mark.parametrize("name", ["../../elsewhere", "..", "a/b", ""])
def test_a_collection_does_not_leave_the_folder(store, name):
    facts = json.loads((store / "meta.json").read_text())
    facts["collections"][name] = facts["collections"]["docs"]
    (store / "meta.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="no folder in it"):
        _rows(store)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"collections": 3}', "[" * 9999])
def test_a_list_of_collections_that_is_none(store, content):
    (store / "meta.json").write_text(content)
    with pytest.raises(InputError, match=r"meta\.json names no collections"):
        _rows(store)


@pytest.mark.parametrize("how", ["external", "virtual"])
def test_ids_of_an_hdf5_file_do_not_come_from_other_files(tmp_path, how):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    (tmp_path / "secret").write_bytes(b"".join(b"secret%03d" % i for i in range(N)))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["ids"] = [f"secret{i}" for i in range(N)]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
        if how == "external":
            file.create_dataset("ids", shape=(N,), dtype="S9", external=[(str(tmp_path / "secret"), 0, 9 * N)])
        else:
            layout = h5py.VirtualLayout(shape=(N,), dtype=h5py.string_dtype())
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "ids", shape=(N,))
            file.create_virtual_dataset("ids", layout)
    assert ids_of(open_vectors(str(tmp_path / "x.h5"))) is None


def test_a_library_that_panics_is_a_sentence(tmp_path):
    """Errors of Rust's libraries are no ``Exception``; Chroma panics on text that is none."""
    library = pytest.importorskip("chromadb", reason="extra chroma is not installed")
    client = library.PersistentClient(str(tmp_path / "c"), settings=library.Settings(anonymized_telemetry=False))
    client.create_collection("docs", embedding_function=None).add(ids=["a", "b"], embeddings=X[:2])
    library.api.client.SharedSystemClient.clear_system_cache()
    with sqlite3.connect(tmp_path / "c" / "chroma.sqlite3") as database:
        database.execute("UPDATE migrations SET sql = CAST(x'fffe' AS TEXT)")
    database.close()
    with pytest.raises(InputError, match="could not be read"):
        open_vectors(f"chroma:{tmp_path}/c/docs")
