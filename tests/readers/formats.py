"""A right file of every format and a right store of every scheme that lies in a folder, and how tests read them."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from embedscope.readers import held_bytes, ids_of, open_vectors, texts_of

X = np.random.default_rng(3).standard_normal((40, 6)).astype(np.float32)
_IDS = [f"n{i}" for i in range(len(X))]


def consume(source):
    """Read everything of a source, which must hold together."""
    stream = open_vectors(str(source))
    assert held_bytes(stream) >= 0
    n = sum(len(b.ids) for s in stream.shards() for b in s.batches())
    assert n == stream.n_rows
    for strings in (ids_of(stream), texts_of(stream)):
        assert strings is None or len(strings.values()) == n


def sentence(error):
    """The message of an error, which is one sentence."""
    text = str(error)
    assert len(text) < 400
    assert "\n" not in text
    assert text.encode()
    return text


def _table():
    return pa.table({"id": _IDS, "text": _IDS, "e": X.tolist()})


def _safetensors(path):
    from safetensors.numpy import save_file

    save_file({"x": X}, path)


def _stream(path):
    with pa.ipc.new_stream(str(path), _table().schema) as writer:
        writer.write_table(_table())


def _json_lines(path):
    path.write_text("".join(f'{{"id": "{i}", "e": {x}}}\n' for i, x in zip(_IDS, X.tolist(), strict=True)))


def _write_separated(path):
    cell = "," if path.suffix == ".csv" else "\t"
    rows = [cell.join([i, *map(str, x)]) for i, x in zip(_IDS, X.tolist(), strict=True)]
    path.write_text("\n".join([cell.join(["id", *(f"e{j}" for j in range(6))]), *rows]))


def _vecs(path):
    x = X.astype({"f": "<f4", "b": "u1", "i": "<i4"}[path.suffix[1]])
    path.write_bytes(b"".join(struct.pack("<i", 6) + row.tobytes() for row in x))


def _bigann(path):
    x = X.astype({".fbin": "<f4", ".u8bin": "u1", ".i8bin": "i1", ".ibin": "<i4"}[path.suffix])
    path.write_bytes(struct.pack("<II", 40, 6) + x.tobytes())


def _hdf5(path):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    with h5py.File(path, "w") as file:
        file["x"], file["ids"] = X, _IDS


def _zarr(path):
    zarr = pytest.importorskip("zarr", reason="extra zarr is not installed")
    zarr.open_group(str(path), mode="w").create_array("x", data=X)


def _torch(path):
    torch = pytest.importorskip("torch", reason="extra models is not installed")
    torch.save({"x": torch.from_numpy(X), "ids": _IDS}, path)


def _faiss(path):
    faiss = pytest.importorskip("faiss", reason="extra faiss is not installed")
    index = faiss.IndexIDMap(faiss.IndexFlatL2(6))
    index.add_with_ids(X, np.arange(40))
    faiss.write_index(index, str(path))


def _lancedb(folder):
    library = pytest.importorskip("lancedb", reason="extra lancedb is not installed")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 6)
    library.connect(str(folder)).create_table("docs", pa.table({"id": _IDS, "text": _IDS, "vector": lists}))


def _chroma(folder):
    library = pytest.importorskip("chromadb", reason="extra chroma is not installed")
    client = library.PersistentClient(str(folder), settings=library.Settings(anonymized_telemetry=False))
    client.create_collection("docs", embedding_function=None).add(ids=_IDS, embeddings=X, documents=_IDS)
    library.api.client.SharedSystemClient.clear_system_cache()


def _qdrant(folder):
    library = pytest.importorskip("qdrant_client", reason="extra qdrant is not installed")
    models = library.models
    client = library.QdrantClient(path=str(folder))
    client.create_collection("docs", models.VectorParams(size=6, distance=models.Distance.DOT))
    points = [models.PointStruct(id=i, vector=x.tolist(), payload={"text": _IDS[i]}) for i, x in enumerate(X)]
    client.upsert("docs", points)
    client.close()


WRITERS = {
    "npy": lambda path: np.save(path, X),
    "npz": lambda path: np.savez(path, x=X),
    "safetensors": _safetensors,
    "parquet": lambda path: pq.write_table(_table(), path),
    **dict.fromkeys(("feather", "arrow", "ipc"), lambda path: feather.write_feather(_table(), path)),
    "arrows": _stream,
    **dict.fromkeys(("jsonl", "ndjson"), _json_lines),
    **dict.fromkeys(("csv", "tsv"), _write_separated),
    **dict.fromkeys(("fvecs", "bvecs", "ivecs"), _vecs),
    **dict.fromkeys(("fbin", "u8bin", "i8bin", "ibin"), _bigann),
    **dict.fromkeys(("h5", "hdf5", "hdf"), _hdf5),
    "zarr": _zarr,
    **dict.fromkeys(("pt", "pth"), _torch),
    **dict.fromkeys(("index", "faiss"), _faiss),
}
"""Suffix -> function that writes a right file at a path with that suffix."""

STORE_MAKERS = {"lancedb": _lancedb, "chroma": _chroma, "qdrant": _qdrant}
"""Scheme -> function that makes a store with the collection ``docs`` in a folder."""


def write(folder, form):
    """A right file, or store, of the format ``form`` in ``folder``: what to read, and the path it lies at."""
    if form in STORE_MAKERS:
        STORE_MAKERS[form](folder / form)
        return f"{form}:{folder / form}/docs", folder / form
    path = folder / f"x.{form}"
    WRITERS[form](path)
    return str(path), path
