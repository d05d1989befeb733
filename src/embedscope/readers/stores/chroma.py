"""Chroma collections in a folder: ``chroma:PATH/COLLECTION``, with their ids and documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.readers._columns import ColumnStream, column_stream
from embedscope.readers._keys import known
from embedscope.readers.stores._place import StorePlace
from embedscope.readers.stores._ranges import chunks_of, ranges

IDS = ("chroma",)

_PARTS = {"id": "ids", "document": "documents", "embedding": "embeddings"}


def open_chroma(place: StorePlace, key: str | None = None) -> ColumnStream:
    """The embeddings of a collection, in the order it gives them."""
    import pyarrow as pa

    collection = _collection(place)
    first = collection.get(limit=1, include=["embeddings"])["embeddings"]
    dim = len(first[0]) if len(first) else 1
    fields = [("id", pa.string()), ("document", pa.string()), ("embedding", pa.list_(pa.float32(), dim))]
    return column_stream(place, pa.schema(fields), chunks_of(collection.count()), _batches, key)


def _collection(place: StorePlace) -> Any:
    chromadb = require("chromadb", "chroma", f"reading {place}")
    folder = place.folder("chroma.sqlite3")
    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    names = [found.name for found in client.list_collections()]
    name = known(str(folder), "collection", place.collection, names)
    return client.get_collection(name, embedding_function=None)


def _batches(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    place: Any = stream.path
    collection = _collection(place)
    dim = stream.schema.field("embedding").type.list_size
    include = [_PARTS[name] for name in names if name != "id"]
    for start, stop in ranges(stream.sizes, chunks):
        for first in range(start, stop, rows):
            found = collection.get(limit=min(rows, stop - first), offset=first, include=include)
            made = {name: found[_PARTS[name]] for name in names}
            if "embedding" in made:
                x = np.asarray(made["embedding"], dtype=np.float32)
                if x.ndim != 2 or x.shape[1] != dim:
                    raise InputError(
                        f"{place} gave embeddings of shape {x.shape}, wanted {dim} dimensions; write it again"
                    )
                made["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), dim)
            arrays = [made[n] if n == "embedding" else pa.array(made[n], pa.string()) for n in names]
            yield pa.record_batch(arrays, names=list(names))


ENTRIES = {"chroma": open_chroma}
