"""A server of Qdrant's REST protocol around its own engine, which qdrant-edge-py brings: what it keeps, Qdrant keeps.

Requests are read by the models of qdrant-client, which are made from Qdrant's description of its protocol, and so are
answers written. The HTTP layer is ours, vectors and payloads are stored by the engine.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

# Fixtures ask for the package first: a run that collects doctests keeps this module half-imported without it.
engine = pytest.importorskip("qdrant_edge", reason="qdrant-edge-py is not installed")
models = pytest.importorskip("qdrant_client.http.models", reason="the extra qdrant is not installed")

MOST_BYTES = 32 * 2**20
"""The largest request of a server that is set up by nobody."""


class Collection:
    """One shard of the engine, made as a request says."""

    def __init__(self, folder: Path, request: Any) -> None:
        given = request.vectors
        self.params = models.CollectionParams(vectors=given)
        named = given if isinstance(given, dict) else {"": given}
        vectors = {
            name: engine.EdgeVectorParams(size=p.size, distance=getattr(engine.Distance, p.distance.value))
            for name, p in named.items()
        }
        folder.mkdir(parents=True)
        self.shard = engine.EdgeShard.create(str(folder), engine.EdgeConfig(vectors=vectors))

    def info(self) -> Any:
        config = models.CollectionConfig(
            params=self.params,
            hnsw_config=models.HnswConfig(m=16, ef_construct=100, full_scan_threshold=10000),
            optimizer_config=models.OptimizersConfig(
                deleted_threshold=0.2, vacuum_min_vector_number=1000, default_segment_number=0, flush_interval_sec=5
            ),
        )
        count = self.count()
        return models.CollectionInfo(
            status="green",
            optimizer_status="ok",
            segments_count=1,
            config=config,
            payload_schema={},
            points_count=count,
        )

    def count(self) -> int:
        return int(self.shard.count(engine.CountRequest(exact=True)))

    def upsert(self, request: Any) -> None:
        points = [engine.Point(_id(p.id), p.vector, p.payload) for p in request.points]
        self.shard.update(engine.UpdateOperation.upsert_points(points))

    def update_vectors(self, request: Any) -> None:
        points = [engine.PointVectors(_id(p.id), p.vector) for p in request.points]
        self.shard.update(engine.UpdateOperation.update_vectors(points))

    def retrieve(self, request: Any) -> list[Any]:
        ids = [_id(key) for key in request.ids]
        found = self.shard.retrieve(ids, _payload(request.with_payload), request.with_vector or False)
        return [_record(point) for point in found]

    def scroll(self, request: Any) -> Any:
        limit = request.limit or 10
        asked = engine.ScrollRequest(
            offset=None if request.offset is None else _id(request.offset),
            limit=limit,
            with_payload=_payload(request.with_payload),
            with_vector=request.with_vector or False,
        )
        found, after = self.shard.scroll(asked)
        return models.ScrollResult(
            points=[_record(p) for p in found], next_page_offset=None if after is None else _key(after)
        )


def _id(key: Any) -> Any:
    return key if isinstance(key, int) else UUID(str(key))


def _key(key: Any) -> Any:
    return key if isinstance(key, int) else str(key)


def _payload(wanted: Any) -> Any:
    return True if wanted is None else wanted


def _record(point: Any) -> Any:
    return models.Record(id=_key(point.id), payload=point.payload, vector=point.vector)


class Server(ThreadingHTTPServer):
    """Collections in a folder, one request at a time."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.collections, self.lock = folder, dict[str, Collection](), threading.Lock()
        self.made = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, body: bytes) -> Any:  # noqa: C901, PLR0911
        """What Qdrant answers; ``KeyError`` for a collection that is not there."""
        if (method, path) == ("GET", "/collections"):
            names = [models.CollectionDescription(name=name) for name in self.collections]
            return models.CollectionsResponse(collections=names)
        name, rest = re.fullmatch(r"/collections/([^/]+)(/.*)?", path).groups()  # type: ignore[union-attr]
        match (method, rest):
            case ("GET", "/exists"):
                return models.CollectionExistence(exists=name in self.collections)
            case ("PUT", None):
                self.made += 1
                request = models.CreateCollection.model_validate_json(body)
                self.collections[name] = Collection(self.folder / str(self.made), request)
                return True
            case ("DELETE", None):
                return self.collections.pop(name, None) is not None
        collection = self.collections[name]
        match (method, rest):
            case ("GET", None):
                return collection.info()
            case ("POST", "/points/count"):
                models.CountRequest.model_validate_json(body)
                return models.CountResult(count=collection.count())
            case ("POST", "/points/scroll"):
                return collection.scroll(models.ScrollRequest.model_validate_json(body))
            case ("POST", "/points"):
                return collection.retrieve(models.PointRequest.model_validate_json(body))
            case ("PUT", "/points"):
                collection.upsert(models.PointsList.model_validate_json(body))
            case ("PUT", "/points/vectors"):
                collection.update_vectors(models.UpdateVectors.model_validate_json(body))
            case _:
                raise NotImplementedError(f"{method} {path}")
        return models.UpdateResult(operation_id=0, status="completed")


class Handler(BaseHTTPRequestHandler):
    """HTTP around ``Server.answer``."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        try:
            if size > MOST_BYTES:
                self._send(413, {"status": {"error": f"Payload too large: {size}"}})
                return
            with self.server.lock:
                result = self.server.answer(self.command, self.path.partition("?")[0], body)
            self._send(200, {"result": _plain(result), "status": "ok", "time": 0.0})
        except KeyError as error:
            self._send(404, {"status": {"error": f"Not found: Collection `{error.args[0]}` doesn't exist!"}})
        except Exception as error:
            self._send(400, {"status": {"error": f"Wrong input: {error}"}})

    def _send(self, status: int, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(one) for one in result]
    return result.model_dump(mode="json") if hasattr(result, "model_dump") else result
