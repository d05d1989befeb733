"""Qdrant collections written in place: the vectors of points; payloads and other vectors stay.

A server updates the vectors alone (``update_vectors``). The local mode L2-normalises what is updated so under the
distance Cosine, but keeps whole points as they are given, so there whole points are read and put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.readers._columns import ColumnStream
from embedscope.readers.store_writers._width import check_width
from embedscope.readers.stores import StorePlace
from embedscope.readers.stores.qdrant import UNNAMED, is_server, opened, unit_vectors

IDS = ("qdrant",)

_ROWS = 256
"""Points of one request; a server takes 32 MB."""


class QdrantWriter:
    """A collection and the name of its vectors."""

    notes: tuple[str, ...] = ()

    def __init__(self, client: Any, place: StorePlace, name: str) -> None:
        self._client, self._name, self._collection = client, name, place.collection
        self._server = is_server(place)
        self.exact = not (self._server and name in unit_vectors(client, place))

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
            (self._updated if self._server else self._put_back)({p.id: p for p in there}, vectors)

    def _updated(self, there: dict[Any, Any], vectors: dict[Any, Any]) -> None:
        from qdrant_client import models

        points = [
            models.PointVectors(id=key, vector=x.tolist() if self._name == UNNAMED else {self._name: x.tolist()})
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
                vector=x.tolist() if self._name == UNNAMED else {**there[key].vector, self._name: x.tolist()},
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
                vector = point.vector if self._name == UNNAMED else point.vector[self._name]
                held[str(point.id)] = np.asarray(vector, dtype=np.float32)
        return held


def _point(name: str) -> int | str:
    """The id of a point as Qdrant has it, a whole number or a UUID."""
    return int(name) if name.isdecimal() else name


@contextmanager
def open_writer(place: StorePlace, stream: ColumnStream, dim: int) -> Iterator[QdrantWriter]:
    """The writer of a collection that keeps ``dim`` dimensions under the name of the column."""
    (column,) = stream.columns
    remedy = f"write a new collection: give {place}_new as OUT"
    check_width(place, column.dim, dim, remedy)
    with opened(place) as client:
        yield QdrantWriter(client, place, column.name)


ENTRIES = {"qdrant": open_writer}
