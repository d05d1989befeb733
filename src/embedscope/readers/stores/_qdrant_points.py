"""The points in a folder of Qdrant are pickles, which its client loads: whether they are points is found out before.

A pickle is a program. Its commands are compared with those that a point needs, and then it is run with stand-ins for
the classes of Qdrant, so that nothing it names is imported or called. What passes can make points and nothing else.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import sqlite3
from contextlib import closing
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from embedscope.core.boundary import reason
from embedscope.core.errors import InputError

_MODELS = "qdrant_client.http.models.models"
_VALUES = {"uuid": ("UUID", "SafeUUID"), "datetime": ("datetime", "date", "time", "timedelta", "timezone")}
_TABLE = "CREATE TABLE points (id TEXT PRIMARY KEY, point BLOB)"

_PLAIN = re.compile(
    rb"(?:G.{8}|\x95.{8}|[Jj].{4}|M..|[Khq\x80].|[N\x88\x89(\]ea}su)t\x85\x86\x87\x8f\x90\x91012\x94bR\x81\x92\x93])+",
    re.DOTALL,
)
"""Commands of pickle with an argument of a fixed size or none. Not there: those that number what is remembered by four
bytes or by text, which make room for as much as they say, and those of old protocols."""
_COUNTED = {b"\x8c": 1, b"X": 4, b"\x8d": 8, b"C": 1, b"B": 4, b"\x8e": 8, b"\x8a": 1}
"""Commands whose argument comes after its size, and the bytes of the size."""


class _StandIn:
    """What stands for every class: it takes whatever a point is made of and does nothing with it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _StandIn:
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Reader(pickle.Unpickler):
    """Knows the classes that points are made of, by exact names."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in."""
        if name in (_classes() if module == _MODELS else _VALUES.get(module, ())):
            return type(name, (_StandIn,), {})
        raise pickle.UnpicklingError(f"names {module}.{name}")


@cache
def _classes() -> frozenset[str]:
    """Names of the classes that are defined in the module of Qdrant's models, without what it imports."""
    classes = vars(import_module(_MODELS))
    return frozenset(
        k for k, v in classes.items() if isinstance(v, type) and (v.__module__, v.__name__) == (_MODELS, k)
    )


def check_points(folder: Path) -> None:
    """Raise ``InputError`` unless all that the client would unpickle in ``folder`` are points.

    Every collection is looked at, since the client loads all of them.
    """
    for name in _collections(folder):
        place = folder / "collection" / name
        if Path(name).name != name or name in {"", ".", ".."}:
            raise InputError(f"{folder} names the collection '{name[:60]}', which is no folder in it; do not load it")
        storage = place / "storage.sqlite"
        if storage.exists():
            _check_storage(storage)


def _collections(folder: Path) -> list[str]:
    try:
        collections = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["collections"]
        return [str(name) for name in dict(collections)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{folder}/meta.json names no collections ({reason(error)}); get the store again") from error


def _check_storage(storage: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{storage.absolute().as_uri()}?mode=rw", uri=True)) as database:
            table = database.execute("SELECT sql FROM sqlite_master WHERE name = 'points' COLLATE NOCASE").fetchall()
            if not table:
                return
            if [" ".join(str(sql).split()) for (sql,) in table] != [_TABLE]:  # a view may give other rows each time
                raise InputError(f"{storage} keeps points in another form than Qdrant does; get the store again")
            for rowid, value in database.execute("SELECT rowid, point FROM points"):
                _check_point(storage, rowid, value)
    except sqlite3.Error as error:
        raise InputError(f"{storage} cannot be read ({reason(error)}); get the store again") from error


def _check_point(storage: Path, rowid: int, value: Any) -> None:
    if not isinstance(value, bytes):
        raise InputError(f"{storage} has a point (row {rowid}) that is no bytes; get the store again")
    why = _stray_command(value)
    if not why:
        try:
            _Reader(io.BytesIO(value)).load()
        except Exception as error:
            why = reason(error)
    if why:
        raise InputError(
            f"{storage} has a point (row {rowid}) that is none: it {why}, which may be meant to run code; nothing was "
            "loaded, get the store from its maker"
        )


def _stray_command(data: bytes) -> str:
    """What a point does not need among the commands of the pickle ``data``; empty where there is nothing."""
    at = 0
    while at < len(data):
        if run := _PLAIN.match(data, at):
            at = run.end()
        elif width := _COUNTED.get(data[at : at + 1]):
            at += 1 + width + int.from_bytes(data[at + 1 : at + 1 + width], "little")
        elif data[at : at + 1] == b".":
            return "" if at == len(data) - 1 else f"goes on after its end (byte {at})"
        else:
            return f"has the command {data[at : at + 1]!r} (byte {at})"
    return "has no end"
