r"""The journal of a change in place: every old vector with its id, and how far the new ones are written.

A folder of three files. ``old.bin`` holds blocks of rows, each with its checksum, and is complete before anything of a
store is touched. ``state.json`` says what is done, with a checksum, and is replaced as a whole after each block, so a
killed run knows the first block that may be half-written. ``repair.safetensors`` is the map.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.core.atomic import atomic_path, make_folder, write_text
from embedscope.core.errors import InputError, OutputError
from embedscope.core.fingerprints import facts_sha256
from embedscope.core.regular import check_folder
from embedscope.core.schema import check_version, read_as, read_json
from embedscope.readers.stores import StorePlace

__all__ = ["Block", "Journal", "State", "journal_folder", "restart"]

VERSION = 1
_WHAT = "the state of a journal"
_MAGIC = b"embedscope old vectors\n"
_HEAD = struct.Struct("<QQ")
"""Rows of a block, bytes of its ids."""
_DIGEST = 32


@dataclass(frozen=True)
class State:
    """How far a change in place is.

    Attributes
    ----------
    phase : ``writing`` new vectors, all are ``written`` and verified, or ``undoing`` puts the old ones back
    address, column, kind : what is changed, and the kind of its vectors
    repair_sha256 : of the map
    rows, dim, dtype : of the old vectors
    done : blocks that are written in this phase
    offset : where the next one begins in ``old.bin``
    old, new : sums over the old vectors and over those written so far in this phase (``RowSum``)
    """

    phase: Literal["writing", "written", "undoing"]
    address: str
    column: str
    kind: str
    repair_sha256: str
    rows: int
    dim: int
    dtype: str
    done: int
    offset: int
    old: str
    new: str


@dataclass(frozen=True)
class Block:
    """Some rows: their ids, their old vectors, and where the next block begins."""

    ids: list[str]
    rows: npt.NDArray[Any]
    after: int


class Journal:
    """The journal in ``folder``; the folder is made when the first block is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repair = folder / "repair.safetensors"
        self._old, self._state, self._lock = folder / "old.bin", folder / "state.json", folder / "embedscope.lock"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Within the block no other process may use the journal; what says nothing is removed afterwards."""
        try:
            make_folder(self.folder)
            if not self._lock.exists() and any(self.folder.iterdir()):
                raise InputError(f"{self.folder} holds files that are no journal's; name a new folder with --journal")
            check_folder(self.folder)
            file = self._lock.open("wb")
        except OSError as error:
            raise OutputError(
                f"cannot keep a journal in {self.folder}: {(error.strerror or str(error)).lower()}; name another "
                "folder with --journal"
            ) from error
        with file:
            _lock(file, self.folder)
            try:
                yield
            finally:
                if not self._state.exists():
                    self.remove()

    def state(self) -> State | None:
        """What the journal says; None where there is none, or its old vectors are not complete.

        Raises
        ------
        InputError
            if it does not have its checksum.
        """
        if not self._state.exists():
            return None
        facts = read_json(self._state, _WHAT)
        check_version(facts, "version", VERSION, self._state, _WHAT)
        sum_ = facts.pop("sha256", None)
        if sum_ != facts_sha256(facts):
            raise InputError(
                f"{self._state} does not have its checksum, so nobody knows what is written; get it from a backup"
            )
        del facts["version"]
        state: State = read_as(State, facts, self._state, "state")
        return state

    def keep_state(self, state: State) -> State:
        """Bring ``state`` to the disk, as a whole."""
        facts = {"version": VERSION} | asdict(state)
        write_text(self._state, json.dumps(facts | {"sha256": facts_sha256(facts)}, indent=1))
        return state

    def keep_rows(self, blocks: Iterable[tuple[Sequence[str], npt.NDArray[Any]]]) -> None:
        """Bring every block of ids and rows to the disk; complete or absent."""
        with atomic_path(self._old) as part, part.open("wb") as file:
            file.write(_MAGIC)
            for ids, rows in blocks:
                names = json.dumps(list(ids)).encode()
                head, data = _HEAD.pack(len(ids), len(names)), np.ascontiguousarray(rows).tobytes()
                file.write(head + names + data)
                file.write(hashlib.sha256(head + names + data).digest())

    def blocks(self, state: State, offset: int = 0) -> Iterator[Block]:
        """The blocks from ``offset`` on, each checked against its checksum."""
        dtype = np.dtype(state.dtype)
        with self._old.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise self._damage(0)
            file.seek(max(offset, len(_MAGIC)))
            while head := file.read(_HEAD.size):
                place = file.tell() - len(head)
                if len(head) < _HEAD.size:
                    raise self._damage(place)
                n, width = _HEAD.unpack(head)
                size = width + n * state.dim * dtype.itemsize
                if size > self._old.stat().st_size:
                    raise self._damage(place)
                body, digest = file.read(size), file.read(_DIGEST)
                if hashlib.sha256(head + body).digest() != digest:
                    raise self._damage(place)
                rows = np.frombuffer(body[width:], dtype).reshape(n, state.dim)  # sliced, so that memory is aligned
                yield Block(json.loads(body[:width]), rows, file.tell())

    def remove(self) -> None:
        """Remove it: the state first, without which the rest means nothing."""
        for file in (self._state, self._old, self.repair, self._lock):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # where another program put something into it
            self.folder.rmdir()

    def _damage(self, place: int) -> InputError:
        return InputError(
            f"{self._old} is damaged from byte {place:,} on; get it from a backup, nothing is changed by it"
        )


def journal_folder(place: StorePlace, column: str) -> Path:
    """Where the journal of a column is kept: beside the folder of a local store, else with the data of the user.

    The place depends on the address alone, so that a second run finds it from any folder.
    """
    parts = (place.collection.partition("?")[0], column)
    collection, column = ("".join(c if c.isalnum() or c in "-_." else "-" for c in part) for part in parts)
    if place.is_local:
        real = Path(place.path).resolve()
        return real.parent / f"{real.name}.{collection}.{column}.journal"
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    name = hashlib.sha256(f"{place}::{parts[1]}".encode()).hexdigest()[:12]
    return data / "embedscope" / "journals" / f"{place.scheme}-{collection}-{column}-{name}"


def restart(state: State, phase: Literal["writing", "undoing"]) -> State:
    """``state`` at the beginning of ``phase``."""
    return replace(state, phase=phase, done=0, offset=0, new="")


def _lock(file: Any, folder: Path) -> None:
    """Lock ``file`` until it is closed; systems without such locks (Windows) go on without."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError(f"another process is using {folder}; wait until it has ended, then run this again") from error
