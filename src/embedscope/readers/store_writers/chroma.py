"""Chroma collections: ``update`` of the embeddings alone, documents and metadata stay; new collections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.readers.columns import ColumnStream
from embedscope.readers.store_writers._target import (
    Blocks,
    Loss,
    Made,
    NewCollection,
    StoreTarget,
    check_own_ids,
    check_width,
    plain_fields,
)
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.chroma import open_client, open_collection, space_of

IDS = ("chroma",)

_ROUNDS = "Chroma keeps embeddings of the distance cosine to seven digits, not bit by bit"
_ROWS = 2048
"""Rows of one request; Chroma takes some five thousand."""


class ChromaWriter:
    """A collection."""

    notes: tuple[str, ...] = ()

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.loss = Loss(_ROUNDS, self.read) if space_of(collection) == "cosine" else None

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Update the embeddings of ``ids``."""
        for first in range(0, len(ids), _ROWS):
            part = slice(first, first + _ROWS)
            self._collection.update(ids=list(ids[part]), embeddings=np.asarray(rows[part], dtype=np.float32))

    def read(self, ids: Sequence[str]) -> Mapping[str, npt.NDArray[Any]]:
        """The embeddings of ``ids``."""
        held: dict[str, npt.NDArray[Any]] = {}
        for first in range(0, len(ids), _ROWS):
            answer = self._collection.get(ids=list(ids[first : first + _ROWS]), include=["embeddings"])
            held |= zip(answer["ids"], answer["embeddings"], strict=True)
        return held


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[ChromaWriter]:
    """The writer of a collection of ``dim`` dimensions."""
    check_own_ids(place, stream)
    remedy = f"write a new collection: give {place}_new as OUT"
    check_width(place, stream.columns[0].dim, dim, remedy)
    yield ChromaWriter(open_collection(place))


def create(new: NewCollection, blocks: Blocks) -> Made:
    """A collection of the distance cosine, or that of the collection it copies, with documents and metadata."""
    client = open_client(new.place, make=True)
    name = new.place.collection
    if new.unfinished and there(new):
        client.delete_collection(name)
    like = None if new.like is None else open_collection(new.like)
    metadata = {"hnsw:space": "cosine"} if like is None else {**(like.metadata or {}), "hnsw:space": space_of(like)}
    collection = client.create_collection(name, embedding_function=None, metadata=metadata)
    try:
        for ids, rows, table in blocks:
            for first in range(0, len(ids), _ROWS):
                _add(
                    collection,
                    new,
                    like,
                    ids[first : first + _ROWS],
                    rows[first : first + _ROWS],
                    table.slice(first, _ROWS),
                )
    except BaseException:
        client.delete_collection(name)
        raise
    return Made("id", (_ROUNDS,), exact=False) if space_of(collection) == "cosine" else Made("id")


def _add(collection: Any, new: NewCollection, like: Any, ids: Sequence[str], rows: Any, table: Any) -> None:
    x = np.ascontiguousarray(rows, dtype=np.float32)
    if like is not None:
        rows_of_like = like.get(ids=list(ids), include=["documents", "metadatas", "uris"])
        at = {name: i for i, name in enumerate(rows_of_like["ids"])}
        order = [at[name] for name in ids]
        kept = {
            part: [rows_of_like[part][i] for i in order]
            for part in ("documents", "metadatas", "uris")
            if rows_of_like[part]
        }
        kept = {part: values for part, values in kept.items() if any(value is not None for value in values)}
        collection.add(ids=list(ids), embeddings=x, **kept)
        return
    documents = None if new.text is None else [value or "" for value in table.column(new.text).to_pylist()]
    fields = plain_fields(table, [new.ids, *([new.text] if new.text else [])])
    metadata = [row or None for row in fields]
    collection.add(ids=list(ids), embeddings=x, documents=documents, metadatas=metadata if any(metadata) else None)


def there(new: NewCollection) -> bool:
    """Whether a collection is there."""
    if new.place.is_local and not (Path(new.place.path) / "chroma.sqlite3").exists():
        return False
    return new.place.collection in {collection.name for collection in open_client(new.place).list_collections()}


ENTRIES = {"chroma": StoreTarget(open_writer, create, there, "embedding")}
