"""Vectors on disk by content: bounded, safe with two processes, read one space at a time.

A row is addressed by a namespace (a hash of the model's weights and of every pooling that can change a number) and the
hash of its text. Rows lie in chunks (safetensors files named by the digest of their bytes); a small sqlite index knows
where. A chunk that is missing, truncated or altered is dropped, and its rows count as not cached.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import EmbedscopeError, InputError

LIMIT_BYTES = 4 * 2**30
"""Default bound on the bytes of vectors kept: 4 GiB."""

_ORPHAN_SECONDS = 3600.0
_PIN_SECONDS = 24 * 3600.0
_TABLES = """
CREATE TABLE IF NOT EXISTS chunks (id TEXT PRIMARY KEY, bytes INTEGER, used REAL, sums TEXT);
CREATE TABLE IF NOT EXISTS rows (namespace TEXT, key BLOB, chunk TEXT, position INTEGER,
    PRIMARY KEY (namespace, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_chunk ON rows (chunk);
CREATE TABLE IF NOT EXISTS pins (chunk TEXT, owner TEXT, pid INTEGER, since REAL, PRIMARY KEY (chunk, owner));
"""

Place = tuple[str, int]
"""Where a row lies: chunk and position in it."""


class LostChunkError(EmbedscopeError):
    """A chunk is gone or does not hold the bytes that were written; its rows must be computed again."""


@dataclass(frozen=True)
class CacheStats:
    """What the cache holds: ``vector_bytes`` of at most ``limit_bytes``, and converted models beside them."""

    folder: str
    limit_bytes: int
    vector_bytes: int
    chunks: int
    rows: int
    model_bytes: int


def cache_folder() -> Path:
    """``$EMBEDSCOPE_CACHE``, else the user's cache folder of the platform."""
    named = os.environ.get("EMBEDSCOPE_CACHE")
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("embedscope"))


def models_folder() -> Path:
    """Where converted copies of model files lie, named by the sha256 of what they were made from."""
    return cache_folder() / "models"


def text_key(text: str) -> bytes:
    """Address of a text within a namespace: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def namespace_of(facts: Mapping[str, Any]) -> str:
    """One name for everything but the text that decides a vector: BLAKE2b of ``facts`` as sorted JSON."""
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()


class VectorCache:
    """Rows of vectors in every space of a model, kept until the least recently used must make room.

    ``folder`` None is :func:`cache_folder`. Chunks that a living process has pinned are never evicted, so a run larger
    than ``limit_bytes`` finishes; what is over the limit goes when it releases them.
    """

    def __init__(self, folder: str | Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        if limit_bytes <= 0:
            raise InputError(f"limit_bytes must be positive, got {limit_bytes}")
        self.folder = Path(folder) if folder is not None else cache_folder()
        self.limit_bytes = limit_bytes
        self._chunks = self.folder / "vectors"

    def find(self, namespace: str, keys: Sequence[bytes], owner: str | None = None) -> dict[bytes, Place]:
        """Places of those ``keys`` that are cached; marks their chunks as used and pins them for ``owner``."""
        found: dict[bytes, Place] = {}
        with self._index() as db:
            for i in range(0, len(keys), 500):
                part = keys[i : i + 500]
                marks = ",".join("?" * len(part))
                rows = db.execute(
                    f"SELECT key, chunk, position FROM rows WHERE namespace = ? AND key IN ({marks})",
                    (namespace, *part),
                )
                found.update((bytes(key), (chunk, position)) for key, chunk, position in rows)
            lost = {c for c in {chunk for chunk, _ in found.values()} if not self._whole(db, c)}
            for chunk in lost:
                self._drop(db, chunk)
            kept = {key: place for key, place in found.items() if place[0] not in lost}
            used = sorted({chunk for chunk, _ in kept.values()})
            db.executemany("UPDATE chunks SET used = ? WHERE id = ?", ((time.time(), c) for c in used))
            if owner is not None:
                self._pin(db, used, owner)
        return kept

    def put(
        self, namespace: str, keys: Sequence[bytes], spaces: Mapping[str, npt.NDArray[Any]], owner: str | None = None
    ) -> str:
        """Write the rows ``keys`` with their (n, d) vectors in every space as one chunk; its id."""
        from safetensors.numpy import save

        if any(len(x) != len(keys) for x in spaces.values()):
            raise InputError(f"every space must have {len(keys)} rows, one a key")
        arrays = {name: np.ascontiguousarray(x) for name, x in spaces.items()}
        data = save(arrays)
        chunk = hashlib.blake2b(data, digest_size=16).hexdigest()
        sums = json.dumps({name: _checksum(x) for name, x in arrays.items()})
        write_bytes(self._path(chunk), data)
        with self._index() as db:
            db.execute("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)", (chunk, len(data), time.time(), sums))
            db.executemany(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
                ((namespace, key, chunk, i) for i, key in enumerate(keys)),
            )
            if owner is not None:
                self._pin(db, [chunk], owner)
            self._trim(db, keep=chunk)
        return chunk

    def read(self, chunk: str, space: str) -> npt.NDArray[np.float32]:
        """All rows (n, d) of one space of a chunk; raises ``LostChunkError`` where its bytes are not those written."""
        from safetensors import SafetensorError, safe_open

        with self._index() as db:
            row = db.execute("SELECT sums FROM chunks WHERE id = ?", (chunk,)).fetchone()
        found: npt.NDArray[np.float32] | None = None
        if row is not None:
            with suppress(OSError, SafetensorError), safe_open(self._path(chunk), framework="numpy") as file:
                found = file.get_tensor(space)
        if row is None or found is None or _checksum(found) != json.loads(row[0]).get(space):
            with self._index() as db:
                self._drop(db, chunk)
            raise LostChunkError(f"cached chunk {chunk} is damaged or gone; its rows must be computed again")
        return found

    def release(self, owner: str) -> None:
        """Unpin what ``owner`` has pinned and evict what is over the limit."""
        with self._index() as db:
            db.execute("DELETE FROM pins WHERE owner = ?", (owner,))
            self._trim(db)

    def stats(self) -> CacheStats:
        """How full the cache is; a folder that does not exist yet is empty and is not made."""
        models = sum(p.stat().st_size for p in (self.folder / "models").rglob("*") if p.is_file())
        if not (self._chunks / "index.sqlite").exists():
            return CacheStats(str(self.folder), self.limit_bytes, 0, 0, 0, models)
        with self._index() as db:
            used, chunks = db.execute("SELECT COALESCE(SUM(bytes), 0), COUNT(*) FROM chunks").fetchone()
            rows = db.execute("SELECT COUNT(*) FROM rows").fetchone()[0]
        return CacheStats(str(self.folder), self.limit_bytes, used, chunks, rows, models)

    def clear(self) -> int:
        """Remove every vector and every converted model; the number of bytes freed."""
        stats = self.stats()
        if (self._chunks / "index.sqlite").exists():
            with self._index() as db:
                for table in ("rows", "pins", "chunks"):
                    db.execute(f"DELETE FROM {table}")
            for path in self._chunks.glob("*/*.safetensors"):
                path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "models", ignore_errors=True)
        return stats.vector_bytes + stats.model_bytes

    def _path(self, chunk: str) -> Path:
        return self._chunks / chunk[:2] / f"{chunk}.safetensors"

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """The index in one transaction; an index that is no database any more is started anew."""
        path = self._chunks / "index.sqlite"
        self._chunks.mkdir(parents=True, exist_ok=True)
        try:
            db = _open_index(path)
        except sqlite3.OperationalError as error:
            raise EmbedscopeError(f"the cache index {path} cannot be opened ({error}); set EMBEDSCOPE_CACHE") from error
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            db = _open_index(path)
        try:
            with db:
                db.execute("BEGIN IMMEDIATE")
                yield db
        finally:
            db.close()

    def _whole(self, db: sqlite3.Connection, chunk: str) -> bool:
        row = db.execute("SELECT bytes FROM chunks WHERE id = ?", (chunk,)).fetchone()
        try:
            return row is not None and self._path(chunk).stat().st_size == row[0]
        except OSError:
            return False

    def _drop(self, db: sqlite3.Connection, chunk: str) -> None:
        db.execute("DELETE FROM rows WHERE chunk = ?", (chunk,))
        db.execute("DELETE FROM pins WHERE chunk = ?", (chunk,))
        db.execute("DELETE FROM chunks WHERE id = ?", (chunk,))
        self._path(chunk).unlink(missing_ok=True)

    def _pin(self, db: sqlite3.Connection, chunks: Sequence[str], owner: str) -> None:
        rows = ((c, owner, os.getpid(), time.time()) for c in chunks)
        db.executemany("INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)", rows)

    def _trim(self, db: sqlite3.Connection, keep: str = "") -> None:
        """Evict the least recently used chunks that nobody pins until the limit holds; remove stray files."""
        total = db.execute("SELECT COALESCE(SUM(bytes), 0) FROM chunks").fetchone()[0]
        if total <= self.limit_bytes:
            return
        db.execute("DELETE FROM pins WHERE since < ?", (time.time() - _PIN_SECONDS,))
        for (pid,) in db.execute("SELECT DISTINCT pid FROM pins").fetchall():
            if not _alive(pid):
                db.execute("DELETE FROM pins WHERE pid = ?", (pid,))
        free = "SELECT id, bytes FROM chunks WHERE id != ? AND id NOT IN (SELECT chunk FROM pins) ORDER BY used"
        for chunk, size in db.execute(free, (keep,)).fetchall():
            if total <= self.limit_bytes:
                break
            self._drop(db, chunk)
            total -= size
        self._remove_strays(db)

    def _remove_strays(self, db: sqlite3.Connection) -> None:
        """Remove files that the index does not know (a process was killed between the two writes)."""
        known = {row[0] for row in db.execute("SELECT id FROM chunks")}
        for path in self._chunks.glob("*/*"):
            with suppress(OSError):
                if path.stem not in known and time.time() - path.stat().st_mtime > _ORPHAN_SECONDS:
                    path.unlink()


def _open_index(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60.0, isolation_level=None)
    try:
        db.executescript(_TABLES)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def _checksum(x: npt.NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(x).view(np.uint8).reshape(-1).data)


def _alive(pid: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
