"""Small collections in real vector stores, each with ids, texts and something else that must stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedscope.readers import ids_of, open_vectors

N, D = 40, 6
X = np.random.default_rng(5).standard_normal((N, D)).astype(np.float32) + 1
OTHER = np.random.default_rng(6).standard_normal((N, 3)).astype(np.float32)
NAMES = [f"doc{i:02}" for i in range(N)]
TEXTS = [f"the words of {i}" for i in range(N)]


def lists(x: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])


def lancedb(folder: Path, names: list[str] = NAMES) -> str:
    library = pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    import pyarrow as pa

    table = pa.table({"id": names, "text": TEXTS, "n": list(range(N)), "vector": lists(X), "other": lists(OTHER)})
    library.connect(str(folder)).create_table("docs", table)
    return f"lancedb:{folder}/docs::vector"


def chroma_client(folder: Path) -> Any:
    library = pytest.importorskip("chromadb", reason="the extra chroma is not installed")
    return library.PersistentClient(str(folder), settings=library.Settings(anonymized_telemetry=False))


def chroma(folder: Path, space: str = "l2", client: Any = None) -> str:
    made = (client or chroma_client(folder)).create_collection(
        "docs", embedding_function=None, metadata={"hnsw:space": space}
    )
    made.add(ids=NAMES, embeddings=X, documents=TEXTS, metadatas=[{"n": i} for i in range(N)])
    return f"chroma:{folder}/docs"


def qdrant_client(folder: Path) -> Any:
    library = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    return library.QdrantClient(path=str(folder))


def qdrant(folder: Path | None, n: int = N, client: Any = None) -> str:
    """A collection in a folder, or on the server of ``client``, which stays open."""
    given, client = client, client or qdrant_client(Path(str(folder)))
    from qdrant_client import models as m

    vectors = {
        "vector": m.VectorParams(size=D, distance=m.Distance.COSINE),
        "other": m.VectorParams(size=3, distance=m.Distance.DOT),
    }
    client.create_collection("docs", vectors_config=vectors)
    points = [
        m.PointStruct(
            id=i, vector={"vector": X[i].tolist(), "other": OTHER[i].tolist()}, payload={"text": TEXTS[i], "n": i}
        )
        for i in range(n)
    ]
    client.upsert("docs", points)
    if given is None:
        client.close()
    return f"qdrant:{folder}/docs::vector"


def postgresql(uri: str, table: str, kind: str = f"vector({D})") -> str:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"create table {table}(id text primary key, text text, n int, emb {kind}, other real[])")
        with connection.cursor().copy(f"copy {table} from stdin") as copy:
            for i in range(N):
                copy.write_row((NAMES[i], TEXTS[i], i, str(X[i].tolist()), OTHER[i].tolist()))
    return f"{address(uri, table)}::emb"


def address(uri: str, table: str) -> str:
    return uri.replace("/postgres?", f"/postgres/{table}?")


def rows(source: str) -> np.ndarray:
    """The vectors of ``source`` in the order of the ids."""
    stream = open_vectors(source)
    x = np.concatenate([next(iter(b.spaces.values())) for shard in stream.shards() for b in shard.batches()])
    found = ids_of(stream)
    if found is None:
        return x
    names = found.unique()
    return x[sorted(range(len(x)), key=lambda i: (len(names[i]), names[i]))]


def beside(source: str) -> list[Any]:
    """All that stands beside the vectors, in the order of the ids."""
    place = source.partition("::")[0]
    scheme, _, path = place.rpartition("/")[0].partition(":")
    if scheme == "lancedb":
        import lancedb as library

        table = library.connect(path).open_table("docs").to_arrow().sort_by("id")
        return table.drop_columns(["vector"]).to_pylist()
    if scheme == "chroma":
        found = chroma_client(Path(path)).get_collection("docs", embedding_function=None).get()
        return [found["ids"], found["documents"], found["metadatas"]]
    if scheme == "qdrant":
        client = qdrant_client(Path(path))
        points = client.scroll("docs", limit=N, with_vectors=["other"])[0]
        client.close()
        return [(p.id, p.payload, p.vector["other"]) for p in points]
    import psycopg

    uri, _, query = place.partition("?")
    base, _, table = uri.rpartition("/")
    with psycopg.connect(f"{base}?{query}") as connection:
        return connection.execute(f"select id, text, n, other from {table} order by id").fetchall()
