"""Qdrant collections: ``qdrant:FOLDER/COLLECTION`` in local mode, ``qdrant:http://HOST:6333/COLLECTION`` on a server.

A server's key is read from the environment variable ``QDRANT_API_KEY``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.waiting import Patient, call_within
from embedscope.readers._keys import check_key
from embedscope.readers.columns import ColumnStream, column_stream
from embedscope.readers.stores._field_columns import column_notes, field_columns
from embedscope.readers.stores._place import FIRST_ANSWER, PATIENCE, StorePlace
from embedscope.readers.stores._qdrant_points import check_points

IDS = ("qdrant",)

_PAGE = 1024
_FIRST = 32
"""Points whose payloads say which fields there are."""
UNNAMED = "vector"


def open_qdrant(place: StorePlace, key: str | None = None) -> ColumnStream:
    """The vector of every point, or those that ``key`` names, in the order of the ids, with fields of the payload."""
    import pyarrow as pa

    with open_client(place) as client:
        params = client.get_collection(place.collection).config.params.vectors
        sizes = {name: int(facts.size) for name, facts in _dense_vectors(params, place).items()}
        n = client.count(place.collection, exact=True).count
        first = client.scroll(place.collection, limit=_FIRST, with_payload=True)[0]
    payload = {k: v for point in reversed(first) for k, v in (point.payload or {}).items()}
    columns = field_columns([k for k, v in payload.items() if isinstance(v, str | int)], {"id", *sizes}, "payload")
    fields = {name: pa.string() for name in ("id", *columns)}
    fields |= {name: pa.list_(pa.float32(), dim) for name, dim in sizes.items()}
    unit = _unit(_dense_vectors(params, place))
    notes = list(column_notes(columns, "payload"))
    if unit and not place.is_local:
        notes.append(f"a Qdrant server keeps {', '.join(unit)} L2-normalised (distance Cosine)")
    return column_stream(place, pa.schema(list(fields.items())), (n,), _batches, key, layout=columns, notes=notes)


def _dense_vectors(params: Any, place: StorePlace) -> Mapping[str, Any]:
    vectors: dict[str, Any] = dict(params) if isinstance(params, dict) else {} if params is None else {UNNAMED: params}
    single = {name: facts for name, facts in vectors.items() if facts.multivector_config is None}
    if not single:
        raise InputError(f"{place} keeps no dense vectors, one a point; name a collection that does")
    return single


def _unit(named: Mapping[str, Any]) -> list[str]:
    return [name for name, facts in named.items() if facts.distance.value == "Cosine"]


def unit_vectors(client: Any, place: StorePlace) -> list[str]:
    """Names of the vectors that a server keeps L2-normalised, because their distance is Cosine."""
    return _unit(_dense_vectors(client.get_collection(place.collection).config.params.vectors, place))


def has_names(client: Any, place: StorePlace) -> bool:
    """Whether the vectors of points have names."""
    return isinstance(client.get_collection(place.collection).config.params.vectors, dict)


def vectors_of(client: Any, place: StorePlace) -> list[str]:
    """Names of the dense vectors of a collection."""
    return list(_dense_vectors(client.get_collection(place.collection).config.params.vectors, place))


def distance_of(client: Any, place: StorePlace, name: str) -> Any:
    """The distance of the vectors called ``name``."""
    return _dense_vectors(client.get_collection(place.collection).config.params.vectors, place)[name].distance


_OPEN: dict[str, tuple[Any, int]] = {}
_LOCK = Lock()


@contextmanager
def open_client(place: StorePlace, *, make: bool = False) -> Iterator[Any]:
    """A client; one at a time holds a folder, so readers of it in this process share theirs.

    The collection must be there unless it is to be made.
    """
    qdrant = require("qdrant_client", "qdrant", f"reading {place}")
    server = not place.is_local
    where = place.path if server else str(Path(place.path) if make else place.folder("meta.json"))
    with _LOCK:
        client, users = _OPEN.get(where, (None, 0))
        if client is None:
            client = _server(qdrant, where, place) if server else _local(qdrant, Path(where))
        _OPEN[where] = client, users + 1
    try:
        names = _collections(client, place)
        if not make:
            check_key(where, "collection", place.collection, names)
        yield client
    finally:
        with _LOCK:
            client, users = _OPEN.pop(where)
            if users > 1:
                _OPEN[where] = client, users - 1
            else:
                client.close()


def _local(qdrant: Any, folder: Path) -> Any:
    """A client of a folder, whose pickles it loads at once."""
    if (folder / "meta.json").exists():
        check_points(folder)
    return qdrant.QdrantClient(path=str(folder))


def _server(qdrant: Any, where: str, place: StorePlace) -> Any:
    """A client of a server, which has a bounded time for every answer."""
    key = os.environ.get("QDRANT_API_KEY")
    try:
        client = partial(qdrant.QdrantClient, url=where, api_key=key, check_compatibility=False)
        return Patient(call_within(client, FIRST_ANSWER), PATIENCE)
    except Exception as error:
        raise _no_server(place, error) from error


def _collections(client: Any, place: StorePlace) -> list[str]:
    """Names of the collections, from a server that must answer."""
    if place.is_local:
        return sorted(collection.name for collection in client.get_collections().collections)
    try:
        return sorted(collection.name for collection in call_within(client.get_collections, FIRST_ANSWER).collections)
    except Exception as error:
        raise _no_server(place, error) from error


def _no_server(place: StorePlace, error: Exception) -> InputError:
    return InputError(
        f"no Qdrant server answers at {place.path} ({reason(error)}); check the address, that it runs, and its key in "
        "QDRANT_API_KEY"
    )


def _batches(stream: ColumnStream, names: Sequence[str], chunks: Sequence[int], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    place: Any = stream.path
    sizes = {f.name: f.type.list_size for f in stream.schema if f.name in names and pa.types.is_fixed_size_list(f.type)}
    fields = {name: stream.layout[name] for name in names if name in stream.layout}
    vectors: Any = bool(sizes) if UNNAMED in sizes else list(sizes) or False
    after = None
    with open_client(place) as client:
        while chunks:
            points, after = client.scroll(
                place.collection,
                limit=min(rows, _PAGE),
                offset=after,
                with_vectors=vectors,
                with_payload=list(fields.values()) or False,
            )
            columns = {"id": pa.array([str(point.id) for point in points], pa.string())}
            columns |= {n: pa.array([_text(point, f) for point in points], pa.string()) for n, f in fields.items()}
            columns |= {name: _matrix(points, name, dim, place) for name, dim in sizes.items()}
            yield pa.record_batch([columns[name] for name in names], names=list(names))
            if after is None:
                return


def _text(point: Any, field: str) -> str | None:
    value = (point.payload or {}).get(field)
    return None if value is None else str(value)


def _matrix(points: Sequence[Any], name: str, dim: int, place: StorePlace) -> Any:
    import pyarrow as pa

    x = np.empty((len(points), dim), np.float32)
    for row, point in enumerate(points):
        vector = point.vector.get(name) if isinstance(point.vector, dict) else point.vector
        if vector is None or len(vector) != dim:
            what = "no vector" if vector is None else f"{len(vector)} numbers"
            raise InputError(f"{place}: point {point.id} has {what} for {name}, wanted {dim} numbers; repair the point")
        x[row] = vector
    return pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), dim)


ENTRIES = {"qdrant": open_qdrant}
