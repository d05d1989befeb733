"""Qdrant collections: the vectors of points are changed, payloads and other vectors stay; new collections.

A server updates the vectors alone (``update_vectors``). The local mode L2-normalises what is updated so under the
distance Cosine, but keeps whole points as they are given, so there whole points are read and put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

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
from embedscope.readers.stores.qdrant import (
    UNNAMED,
    distance_of,
    has_names,
    open_client,
    unit_vectors,
    vectors_of,
)

IDS = ("qdrant",)

_ROWS = 256
"""Points of one request; a server takes 32 MB."""
SOURCE_ID = "source_id"
_NAMES = UUID("5f0c8d9e-3b57-4c57-9a53-6f6c1c9c5e10")


class QdrantWriter:
    """A collection and the name of its vectors."""

    notes: tuple[str, ...] = ()

    def __init__(self, client: Any, place: StorePlace, name: str) -> None:
        self._client, self._name, self._collection = client, name, place.collection
        self._server = not place.is_local
        self._named = has_names(client, place)
        unit = self._server and name in unit_vectors(client, place)
        self.loss = Loss("a Qdrant server L2-normalises vectors of the distance Cosine", self.read) if unit else None

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Update the vectors of the points ``ids``."""
        for first in range(0, len(ids), _ROWS):
            vectors = dict(zip(map(_point, ids[first : first + _ROWS]), rows[first : first + _ROWS], strict=True))
            there = self._client.retrieve(
                self._collection,
                list(vectors),
                with_vectors=not self._server,
                with_payload=not self._server,
            )
            (self._update if self._server else self._put_back)({p.id: p for p in there}, vectors)

    def _update(self, there: dict[Any, Any], vectors: dict[Any, Any]) -> None:
        from qdrant_client import models

        points = [
            models.PointVectors(id=key, vector={self._name: x.tolist()} if self._named else x.tolist())
            for key, x in vectors.items()
            if key in there
        ]
        if points:
            self._client.update_vectors(self._collection, points, wait=True)

    def _put_back(self, there: dict[Any, Any], vectors: dict[Any, Any]) -> None:
        from qdrant_client import models

        points = [
            models.PointStruct(
                id=key,
                vector={**there[key].vector, self._name: x.tolist()} if self._named else x.tolist(),
                payload=there[key].payload,
            )
            for key, x in vectors.items()
            if key in there
        ]
        if points:
            self._client.upsert(self._collection, points, wait=True)

    def read(self, ids: Sequence[str]) -> Mapping[str, npt.NDArray[Any]]:
        """The vectors of the points ``ids``."""
        held: dict[str, npt.NDArray[Any]] = {}
        for first in range(0, len(ids), _ROWS):
            keys = [_point(name) for name in ids[first : first + _ROWS]]
            for point in self._client.retrieve(self._collection, keys, with_vectors=True, with_payload=False):
                vector = point.vector[self._name] if self._named else point.vector
                held[str(point.id)] = np.asarray(vector, dtype=np.float32)
        return held


def _point(name: str) -> int | str:
    """The id of a point as Qdrant has it, a whole number or a UUID."""
    return int(name) if name.isdecimal() else name


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[QdrantWriter]:
    """The writer of a collection that keeps ``dim`` dimensions under the name of the column."""
    (column,) = stream.columns
    check_own_ids(place, stream)
    remedy = f"write a new collection: give {place}_new as OUT"
    check_width(place, column.dim, dim, remedy)
    with open_client(place) as client:
        yield QdrantWriter(client, place, column.name)


def create(new: NewCollection, blocks: Blocks) -> Made:
    """A collection of the distance Cosine, or that of the collection it copies, with the payload of its points.

    Points are called by whole numbers or UUIDs; other ids become UUIDs, and stand in the payload as ``source_id``.
    """
    from qdrant_client import models

    name, renamed = new.place.collection, False
    with ExitStack() as stack:
        client = stack.enter_context(open_client(new.place, make=True))
        like = None if new.like is None else stack.enter_context(open_client(new.like))
        if new.unfinished and client.collection_exists(name):
            client.delete_collection(name)
        distance = models.Distance.COSINE if new.like is None else distance_of(like, new.like, new.source_column)
        left = [] if new.like is None else [name for name in vectors_of(like, new.like) if name != new.source_column]
        params = models.VectorParams(size=new.dim, distance=distance)
        client.create_collection(name, vectors_config=params if new.column == UNNAMED else {new.column: params})
        try:
            for ids, rows, table in blocks:
                payloads = _payloads(like, new, ids, table)
                points = []
                for key, row, payload in zip(ids, rows.tolist(), payloads, strict=True):
                    point = _point_id(key)
                    renamed |= str(point) != key
                    fields = payload if str(point) == key else {**payload, SOURCE_ID: key}
                    vector = row if new.column == UNNAMED else {new.column: row}
                    points.append(models.PointStruct(id=point, vector=vector, payload=fields))
                for first in range(0, len(points), _ROWS):
                    client.upsert(name, points[first : first + _ROWS], wait=True)
        except BaseException:
            client.delete_collection(name)
            raise
    notes = [f"ids that are no whole numbers or UUIDs became UUIDs, and stand in the payload as {SOURCE_ID}"] * renamed
    unit = not new.place.is_local and distance == models.Distance.COSINE
    notes += [f"only one vector of each point is copied, without {', '.join(left)}"] * bool(left)
    notes += ["a Qdrant server L2-normalises vectors of the distance Cosine"] * unit
    return Made(None if renamed else "id", tuple(notes), exact=not unit)


def _payloads(like: Any, new: NewCollection, ids: Sequence[str], table: Any) -> list[dict[str, Any]]:
    if new.like is None:
        return plain_fields(table, [new.ids])
    there = like.retrieve(new.like.collection, [_point(key) for key in ids], with_payload=True)
    held = {str(point.id): point.payload or {} for point in there}
    return [held.get(key, {}) for key in ids]


def _point_id(key: str) -> int | str:
    if key.isdecimal() and str(int(key)) == key:
        return int(key)
    try:
        return str(UUID(key))
    except ValueError:
        return str(uuid5(_NAMES, key))


def there(new: NewCollection) -> bool:
    """Whether a collection is there."""
    if new.place.is_local and not (Path(new.place.path) / "meta.json").exists():
        return False
    with open_client(new.place, make=True) as client:
        return bool(client.collection_exists(new.place.collection))


_PER_SECOND = 60
_MANY = 1000


def slow(place: StorePlace, rows: int) -> str:
    """What is said before many rows are written to a folder.

    >>> slow(StorePlace("qdrant:db/docs"), 36_000)
    'Qdrant in a folder commits each point by itself, some 60 a second: 36,000 rows take about 10 minutes'
    """
    if not place.is_local or rows < _MANY:
        return ""
    minutes = max(1, round(rows / _PER_SECOND / 60))
    took = f"{minutes:,} minute{'s' if minutes > 1 else ''}" if minutes < 120 else f"{minutes / 60:,.0f} hours"
    return (
        f"Qdrant in a folder commits each point by itself, some {_PER_SECOND} a second: {rows:,} rows take about {took}"
    )


ENTRIES = {"qdrant": StoreTarget(open_writer, create, there, slow=slow)}
