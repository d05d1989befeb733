"""Vectors on disk by content: bounded, safe with two processes, read one space at a time.

A row is addressed by a namespace (a hash of the model's weights and of every setting that can change a number) and the
hash of its text. Rows lie in chunks (safetensors files named by the digest of their bytes), which hold the addresses of
their rows; a small sqlite index knows where. A chunk that is missing, truncated or altered is dropped, and its rows
count as not cached; an index that says otherwise than the chunks is built again from them.
"""

from __future__ import annotations

import atexit
import errno
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core._leftovers import aside_name, is_alive, sweep
from embedscope.core.atomic import make_folder, write_bytes
from embedscope.core.boundary import shorten_name
from embedscope.core.errors import CacheUnusableError, EmbedscopeError, EmbedscopeWarning, InputError, OutputError
from embedscope.core.regular import check_ends, is_regular

LIMIT_BYTES = 4 * 2**30
"""Default bound on the bytes of vectors kept: 4 GiB."""

_ORPHAN_SECONDS = 3600.0
_PIN_SECONDS = 24 * 3600.0
_KEY_BYTES = 16
_KEYS = "#keys"
"""Name of the array (n, 16) of a chunk with the addresses of its rows."""

_ADD_CHUNK = "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)"
_ADD_ROW = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)"
_TABLES = """
CREATE TABLE IF NOT EXISTS chunks (id TEXT PRIMARY KEY, bytes INTEGER, used REAL, sums TEXT);
CREATE TABLE IF NOT EXISTS rows (namespace TEXT, key BLOB, chunk TEXT, position INTEGER,
    PRIMARY KEY (namespace, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_chunk ON rows (chunk);
CREATE TABLE IF NOT EXISTS pins (chunk TEXT, owner TEXT, pid INTEGER, since REAL, PRIMARY KEY (chunk, owner));
"""

MODELS = "models"
"""Folder of converted models in the cache folder."""

Place = tuple[str, int]
"""Where a row lies: chunk and position in it."""


class _DamagedError(Exception):
    """The index does not say what the chunks hold."""


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


def named_cache_folder() -> Path:
    """``$EMBEDSCOPE_CACHE``, else the user's cache folder of the platform; it may not be there."""
    named = os.environ.get("EMBEDSCOPE_CACHE")
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("embedscope"))


def cache_folder() -> Path:
    """The folder of :func:`named_cache_folder`, made where it is not there.

    Where it cannot be written, a temporary one that goes with this process, and an ``EmbedscopeWarning``.
    """
    return _usable(named_cache_folder())


@cache
def _usable(folder: Path) -> Path:
    try:
        make_folder(folder)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
    except OSError as error:
        why = error.strerror or str(error)
        spare = temporary_folder()
        atexit.register(shutil.rmtree, spare, ignore_errors=True)
        warnings.warn(
            f"the cache folder {shorten_name(str(folder))} cannot be used ({why.lower()}), "
            "so nothing is kept after this run; set EMBEDSCOPE_CACHE to another folder",
            EmbedscopeWarning,
            stacklevel=3,
        )
        return spare
    return folder


def temporary_folder() -> Path:
    """A new folder in the system's temporary one; those that processes left behind which were killed go first."""
    parent = Path(tempfile.gettempdir())
    sweep(parent)
    folder = parent / aside_name("embedscope")
    folder.mkdir(mode=0o700)
    return folder


def models_folder() -> Path:
    """Where converted copies of model files lie, named by the sha256 of what they were made from."""
    return cache_folder() / MODELS


def text_key(text: str) -> bytes:
    """Address of a text within a namespace: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_KEY_BYTES).digest()


def namespace_of(facts: Mapping[str, Any]) -> str:
    """One name for everything but the text that decides a vector: BLAKE2b of ``facts`` as sorted JSON."""
    return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()


class VectorCache:
    """Rows of vectors in every space of a model, kept until the least recently used must make room.

    ``folder`` None is :func:`cache_folder`. Chunks that a living process has pinned are never evicted, so a run larger
    than ``limit_bytes`` finishes; what is over the limit goes when it releases them. ``note`` is told of an index that
    had to be built again; without it that is an ``EmbedscopeWarning``.

    Every method raises ``CacheUnusableError`` where the folder cannot be read or written.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        limit_bytes: int = LIMIT_BYTES,
        note: Callable[[str], None] | None = None,
    ) -> None:
        if limit_bytes <= 0:
            raise InputError(f"limit_bytes must be positive, got {limit_bytes}")
        self.folder = Path(folder) if folder is not None else cache_folder()
        self.limit_bytes = limit_bytes
        self.note = note
        self._chunks = self.folder / "vectors"

    def find(self, namespace: str, keys: Sequence[bytes], owner: str | None = None) -> dict[bytes, Place]:
        """Places of those ``keys`` that are cached; marks their chunks as used and pins them for ``owner``."""
        try:
            return self._places(namespace, keys, owner)
        except (_DamagedError, sqlite3.DatabaseError) as error:
            self._rebuild(str(error))
            return self._places(namespace, keys, owner)

    def _places(self, namespace: str, keys: Sequence[bytes], owner: str | None) -> dict[bytes, Place]:
        places: dict[bytes, Place] = {}
        with self._index() as db:
            for i in range(0, len(keys), 500):
                part = keys[i : i + 500]
                marks = ",".join("?" * len(part))
                rows = db.execute(
                    f"SELECT key, chunk, position FROM rows WHERE namespace = ? AND key IN ({marks})",
                    (namespace, *part),
                )
                places.update((bytes(key), (chunk, position)) for key, chunk, position in rows)
            lost = {c for c in {chunk for chunk, _ in places.values()} if not self._whole(db, c)}
            for chunk in lost:
                self._drop(db, chunk)
            kept = {key: place for key, place in places.items() if place[0] not in lost}
            self._check(namespace, kept)
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
        addresses = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), -1)
        data = save({**arrays, _KEYS: addresses}, {"namespace": namespace})
        chunk = hashlib.blake2b(data, digest_size=16).hexdigest()
        sums = json.dumps({name: _checksum(x) for name, x in arrays.items()})
        try:
            write_bytes(self._path(chunk), data)
        except (OSError, OutputError) as error:
            raise self._unusable(error) from error
        try:
            self._enter(chunk, len(data), sums, namespace, keys, owner)
        except sqlite3.DatabaseError as error:
            self._rebuild(str(error))
            self._enter(chunk, len(data), sums, namespace, keys, owner)
        return chunk

    def _enter(
        self, chunk: str, size: int, sums: str, namespace: str, keys: Sequence[bytes], owner: str | None
    ) -> None:
        with self._index() as db:
            db.execute(_ADD_CHUNK, (chunk, size, time.time(), sums))
            db.executemany(_ADD_ROW, ((namespace, key, chunk, i) for i, key in enumerate(keys)))
            if owner is not None:
                self._pin(db, [chunk], owner)
            self._trim(db, keep=chunk)

    def read(self, chunk: str, space: str) -> npt.NDArray[np.float32]:
        """All rows (n, d) of one space of a chunk; raises ``LostChunkError`` where its bytes are not those written."""
        from safetensors import SafetensorError

        try:
            with self._index(writing=False) as db:
                row = db.execute("SELECT sums FROM chunks WHERE id = ?", (chunk,)).fetchone()
        except sqlite3.DatabaseError as error:
            self._rebuild(str(error))
            return self.read(chunk, space)
        rows: npt.NDArray[np.float32] | None = None
        if row is not None:
            with suppress(OSError, SafetensorError), _chunk_file(self._path(chunk)) as file:
                rows = file.get_tensor(space)
        if row is None or rows is None or _checksum(rows) != _sum_of(row[0], space):
            if row is not None and rows is not None and _whole_chunk(self._path(chunk)) is not None:
                self._rebuild(f"the checksum of chunk {chunk} is not that of its bytes")
                return rows
            with self._index() as db:
                self._drop(db, chunk)
            raise LostChunkError(f"cached chunk {chunk} is damaged or gone; its rows must be computed again")
        return rows

    def release(self, owner: str) -> None:
        """Unpin what ``owner`` has pinned and evict what is over the limit; nothing where that cannot be done."""
        with suppress(CacheUnusableError, sqlite3.DatabaseError), self._index() as db:
            db.execute("DELETE FROM pins WHERE owner = ?", (owner,))
            self._trim(db)

    def stats(self) -> CacheStats:
        """How full the cache is; a folder that does not exist yet is empty and is not made."""
        models = sum(p.stat().st_size for p in (self.folder / MODELS).rglob("*") if p.is_file())
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
        shutil.rmtree(self.folder / MODELS, ignore_errors=True)
        return stats.vector_bytes + stats.model_bytes

    def _path(self, chunk: str) -> Path:
        return self._chunks / chunk[:2] / f"{chunk}.safetensors"

    @contextmanager
    def _index(self, *, writing: bool = True) -> Iterator[sqlite3.Connection]:
        """The index in one transaction; one that cannot be used is a ``CacheUnusableError``.

        A damaged one raises ``sqlite3.DatabaseError``, here or in the block, and is for ``_rebuild``.
        """
        path = self._chunks / "index.sqlite"
        try:
            make_folder(self._chunks)
            sweep(self._chunks)
            db = _open_index(path)
        except (OSError, sqlite3.OperationalError) as error:
            raise self._unusable(error) from error
        try:
            with db:
                db.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
                yield db
        except sqlite3.OperationalError as error:
            raise self._unusable(error) from error
        finally:
            db.close()

    def _unusable(self, error: Exception) -> CacheUnusableError:
        return CacheUnusableError(f"the cache {self.folder} cannot be used ({error}); set EMBEDSCOPE_CACHE to a folder")

    def _check(self, namespace: str, places: Mapping[bytes, Place]) -> None:
        """Raise ``_DamagedError`` where a chunk does not hold the keys at the places that the index names."""
        of: dict[str, list[tuple[bytes, int]]] = {}
        for key, (chunk, position) in places.items():
            of.setdefault(chunk, []).append((key, position))
        for chunk, rows in of.items():
            held = _addresses(self._path(chunk))
            if held is None or held[0] != namespace:
                raise _DamagedError(f"chunk {chunk} is not of this model")
            if any(not isinstance(i, int) or not 0 <= i < len(held[1]) or held[1][i] != key for key, i in rows):
                raise _DamagedError(f"chunk {chunk} holds other rows")

    def _rebuild(self, why: str) -> None:
        """Make the index anew from the chunks that have the digest of their name; others are removed."""
        said = f"the index of the cache {self.folder} is damaged ({why}) and is built again from what is there"
        if self.note is not None:
            self.note(said)
        else:
            warnings.warn(said, EmbedscopeWarning, stacklevel=4)
        path = self._chunks / "index.sqlite"
        try:
            with self._index() as db:
                for table in ("rows", "pins", "chunks"):
                    db.execute(f"DROP TABLE {table}")
                self._refill(db)
        except sqlite3.DatabaseError:
            for file in (path, *self._chunks.glob("index.sqlite-*")):
                file.unlink(missing_ok=True)
            with self._index() as db:
                self._refill(db)

    def _refill(self, db: sqlite3.Connection) -> None:
        for statement in _TABLES.split(";"):
            db.execute(statement)
        for file in sorted(self._chunks.glob("*/*.safetensors")):
            chunk = _whole_chunk(file)
            if chunk is None:
                file.unlink(missing_ok=True)
                continue
            namespace, keys, sums = chunk
            facts = file.stat()
            db.execute(_ADD_CHUNK, (file.stem, facts.st_size, facts.st_mtime, sums))
            db.executemany(_ADD_ROW, ((namespace, key, file.stem, i) for i, key in enumerate(keys)))

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
            if not is_alive(pid):
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


@contextmanager
def _chunk_file(path: Path) -> Iterator[Any]:
    """The open file of a chunk; ``OSError`` where it is a pipe, over which its library would wait."""
    from safetensors import safe_open

    if not is_regular(path):
        raise FileNotFoundError(errno.ENOENT, "there is no regular file", str(path))
    with safe_open(path, framework="numpy") as file:
        yield file


def _addresses(path: Path) -> tuple[str, list[bytes]] | None:
    """Namespace and keys of the rows of a chunk; None where it does not say."""
    from safetensors import SafetensorError

    with suppress(OSError, SafetensorError), _chunk_file(path) as file:
        if _KEYS in file.keys():  # noqa: SIM118
            keys = file.get_tensor(_KEYS)
            return (file.metadata() or {}).get("namespace", ""), [bytes(key) for key in keys]
    return None


def _whole_chunk(path: Path) -> tuple[str, list[bytes], str] | None:
    """Namespace, keys and checksums of a chunk that has the digest of its name; None for any other file."""
    from safetensors.numpy import load

    try:
        check_ends(path)
        data = path.read_bytes()
    except (OSError, InputError):
        return None
    if hashlib.blake2b(data, digest_size=16).hexdigest() != path.stem:
        return None
    held = _addresses(path)
    if held is None:
        return None
    sums = {name: _checksum(x) for name, x in load(data).items() if name != _KEYS}
    return *held, json.dumps(sums)


def _sum_of(sums: object, space: str) -> int | None:
    """Checksum of one space as the index has it."""
    with suppress(ValueError, TypeError, AttributeError, RecursionError):
        checksum = json.loads(sums).get(space)  # type: ignore[arg-type]
        return checksum if isinstance(checksum, int) else None
    return None


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
