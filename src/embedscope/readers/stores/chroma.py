"""Chroma collections: ``chroma:FOLDER/COLLECTION``, or ``chroma:http://HOST:8000/COLLECTION`` on a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.waiting import Patient, call_within
from embedscope.readers._keys import check_key
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.stores._field_columns import column_notes, field_columns
from embedscope.readers.stores._place import FIRST_ANSWER, PATIENCE, StorePlace
from embedscope.readers.stores._ranges import chunks_of, ranges

IDS = ("chroma",)

_FIRST = 32
"""Rows whose metadata say which fields there are."""

_PARTS = {"id": "ids", "document": "documents", "embedding": "embeddings"}


def open_chroma(place: StorePlace, key: str | None = None) -> ColumnStream:
    """The embeddings of a collection, in the order it gives them."""
    import pyarrow as pa

    collection = open_collection(place)
    first = collection.get(limit=1, include=["embeddings", "documents"])
    said = collection.get(limit=_FIRST, include=["metadatas"])["metadatas"] or []
    metadata = {k: v for held in reversed(said) for k, v in (held or {}).items() if isinstance(v, str | int)}
    dim = len(first["embeddings"][0]) if first["ids"] else 1
    fields = [("id", pa.string()), ("document", pa.string()), ("embedding", pa.list_(pa.float32(), dim))]
    if first["ids"] and first["documents"][0] is None:
        del fields[1]
    texts = fields[1][0] if len(fields) == len(_PARTS) else None
    columns = field_columns(metadata, _PARTS, "metadata")
    fields += [(name, pa.string()) for name in columns]
    sizes, notes = chunks_of(collection.count()), column_notes(columns, "metadata")
    stream = column_stream(place, pa.schema(fields), sizes, _batches, key, layout=columns, notes=notes)
    return replace(stream, ids="id", texts=stream.texts if texts is None else texts)


def open_client(place: StorePlace, *, make: bool = False) -> Any:
    """A client of a server or of a folder, which must hold a store unless one is to be made."""
    chromadb = require("chromadb", "chroma", f"reading {place}")
    if place.is_local:
        folder = place.path if make else str(place.folder("chroma.sqlite3"))
        return chromadb.PersistentClient(folder, settings=chromadb.Settings(anonymized_telemetry=False))
    address = urlsplit(place.path)
    secure = address.scheme == "https"
    try:
        port = address.port or (443 if secure else 8000)
        return _server(address.hostname or "", port, secure)
    except Exception as error:
        raise InputError(
            f"no Chroma server answers at {place.path} ({reason(error)}); start one with `chroma run --path FOLDER`, "
            "or name its folder"
        ) from error


@lru_cache(maxsize=4)
def _server(host: str, port: int, secure: bool) -> Any:
    """The client of a server, which has a bounded time for every answer.

    A new one for each question would keep a connection open each.
    """
    chromadb = require("chromadb", "chroma", "reading a Chroma server")
    settings = chromadb.Settings(anonymized_telemetry=False)
    client = call_within(partial(chromadb.HttpClient, host, port, ssl=secure, settings=settings), FIRST_ANSWER)
    return Patient(client, PATIENCE, ("Collection",))


def open_collection(place: StorePlace) -> Any:
    """The collection; nothing is embedded by it."""
    client = open_client(place)
    names = [collection.name for collection in client.list_collections()]
    return client.get_collection(check_key(place.path, "collection", place.collection, names), embedding_function=None)


def space_of(collection: Any) -> str:
    """The distance of a collection: l2, cosine or ip."""
    settings = collection.configuration_json
    return str(next((settings[kind].get("space") for kind in ("hnsw", "spann") if settings.get(kind)), "l2"))


def _batches(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    place: Any = stream.path
    collection = open_collection(place)
    dim = stream.schema.field("embedding").type.list_size
    include = [_PARTS[name] for name in names if name in _PARTS and name != "id"]
    include += ["metadatas"] if any(name not in _PARTS for name in names) else []
    for start, stop in ranges(stream.sizes, chunks):
        for first in range(start, stop, rows):
            answer = collection.get(limit=min(rows, stop - first), offset=first, include=include)
            columns = {
                name: answer[_PARTS[name]]
                if name in _PARTS
                else [_text(held, stream.layout[name]) for held in answer["metadatas"]]
                for name in names
            }
            if "embedding" in columns:
                x = np.asarray(columns["embedding"], dtype=np.float32)
                if x.ndim != 2 or x.shape[1] != dim:
                    raise InputError(
                        f"{place} gave embeddings of shape {x.shape}, wanted {dim} dimensions; write it again"
                    )
                columns["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), dim)
            arrays = [columns[n] if n == "embedding" else pa.array(columns[n], pa.string()) for n in names]
            yield pa.record_batch(arrays, names=list(names))


def _text(metadata: Any, field: str) -> str | None:
    value = (metadata or {}).get(field)
    return None if value is None else str(value)


ENTRIES = {"chroma": open_chroma}
