"""States of statistics as arrays and JSON, without pickle: only types of this package come back."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError

_HOMES = ("embedscope.core.", "embedscope.stats.", "embedscope.metrics.", "embedscope.execution.passes")

Arrays = dict[str, npt.NDArray[Any]]


class Encoder:
    """Turns objects into JSON and arrays: numbers, containers, numpy arrays, and objects of this package by attribute.

    An object or array met twice is written once and read as one; arrays of equal content share their bytes in the file.
    """

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self._seen: dict[int, int] = {}
        self._held: list[object] = []

    def tree(self, thing: Any) -> Any:
        """``thing`` as JSON, its arrays put into ``arrays``."""
        if thing is None or isinstance(thing, bool | int | str):
            return thing
        if isinstance(thing, float) and not isinstance(thing, np.generic):
            return {"float": thing.hex()}
        if isinstance(thing, MethodType):
            return {"method": thing.__func__.__name__, "of": self.tree(thing.__self__)}
        if isinstance(thing, FunctionType | type):
            return {"name": _named(thing)}
        if id(thing) in self._seen:
            return {"again": self._seen[id(thing)]}
        self._seen[id(thing)] = len(self._held)
        self._held.append(thing)
        return self._new(thing)

    def _new(self, thing: Any) -> Any:
        if isinstance(thing, np.ndarray | np.generic):
            return self._array(thing)
        if isinstance(thing, Mapping) and type(thing) is dict:
            return {"dict": [[self.tree(k), self.tree(v)] for k, v in thing.items()]}
        for kind in (list, tuple, frozenset, set):
            if type(thing) is kind:
                return {kind.__name__: [self.tree(item) for item in thing]}
        name = _named(type(thing))
        return {"object": name, "state": [[k, self.tree(v)] for k, v in attributes(thing).items()]}

    def _array(self, x: Any) -> Any:
        if x.dtype.hasobject:
            raise InputError(f"an array of dtype {x.dtype} cannot be kept in a checkpoint")
        fortran = isinstance(x, np.ndarray) and x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous
        plain = np.ascontiguousarray(x.T if fortran else x)
        key = hashlib.blake2b(f"{plain.dtype.str}{plain.shape}".encode(), digest_size=12)
        key.update(plain.reshape(-1).view(np.uint8).data if plain.size else b"")
        self.arrays[key.hexdigest()] = plain
        return {"array": key.hexdigest(), "fortran": fortran, "scalar": isinstance(x, np.generic), "ndim": x.ndim}


class Decoder:
    """Reads what :class:`Encoder` wrote; ``InputError`` for anything else."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._arrays = arrays
        self._held: list[Any] = []

    def thing(self, tree: Any) -> Any:
        """The object that ``tree`` describes."""
        if not isinstance(tree, dict):
            return tree
        kind = next(iter(tree))
        if kind not in _READ:
            raise InputError(f"a checkpoint holds '{kind}', which this version does not know; delete it and start anew")
        return _READ[kind](self, tree)

    def _many(self, tree: Mapping[str, Any], build: Callable[[Iterable[Any]], Any]) -> Any:
        place = self._reserve()
        items = next(iter(tree.values()))
        self._held[place] = build([self.thing(item) for item in items])
        return self._held[place]

    def _dict(self, tree: Mapping[str, Any]) -> Any:
        place = self._reserve()
        self._held[place] = {self.thing(k): self.thing(v) for k, v in tree["dict"]}
        return self._held[place]

    def _object(self, tree: Mapping[str, Any]) -> Any:
        place, kind = self._reserve(), _found(tree["object"])
        made = self._held[place] = object.__new__(kind)
        for name, value in tree["state"]:
            object.__setattr__(made, name, self.thing(value))
        return made

    def _array(self, tree: Mapping[str, Any]) -> Any:
        place = self._reserve()
        x = self._arrays[tree["array"]].copy()
        x = x.T if tree["fortran"] else x.reshape(()) if tree["ndim"] == 0 else x
        self._held[place] = x[()] if tree["scalar"] else x
        return self._held[place]

    def _method(self, tree: Mapping[str, Any]) -> Any:
        name = str(tree["method"])
        if name.startswith("__"):
            raise InputError(f"a checkpoint names the method {name}; delete it and start anew")
        return getattr(self.thing(tree["of"]), name)

    def _reserve(self) -> int:
        self._held.append(None)
        return len(self._held) - 1


_READ: dict[str, Callable[[Decoder, Mapping[str, Any]], Any]] = {
    "float": lambda d, t: float.fromhex(t["float"]),
    "name": lambda d, t: _found(t["name"]),
    "again": lambda d, t: d._held[t["again"]],
    "list": lambda d, t: d._many(t, list),
    "tuple": lambda d, t: d._many(t, tuple),
    "set": lambda d, t: d._many(t, set),
    "frozenset": lambda d, t: d._many(t, frozenset),
    "dict": Decoder._dict,
    "object": Decoder._object,
    "array": Decoder._array,
    "method": Decoder._method,
}


def attributes(thing: Any) -> dict[str, Any]:
    """What an object is made of: the fields of a dataclass (not what it has worked out since), else all it holds."""
    if is_dataclass(thing):
        return {f.name: getattr(thing, f.name) for f in fields(thing)}
    slots = [s for c in type(thing).__mro__ for s in getattr(c, "__slots__", ()) if hasattr(thing, s)]
    return {s: getattr(thing, s) for s in slots} | dict(getattr(thing, "__dict__", {}))


def fingerprint(*things: Any) -> str:
    """Checksum of configuration: fields that count for equality, arrays by content, the same in every process."""
    digest = hashlib.sha256()
    for thing in things:
        _feed(digest, thing)
    return digest.hexdigest()


def _feed(digest: Any, thing: Any) -> None:
    if isinstance(thing, np.ndarray | np.generic):
        digest.update(f"<{thing.dtype.str}{thing.shape}".encode())
        digest.update(np.ascontiguousarray(thing).tobytes())
    elif thing is None or isinstance(thing, bool | int | float | str | bytes | PurePath | np.dtype):
        digest.update(f"<{type(thing).__name__} {thing!r}".encode())
    elif isinstance(thing, frozenset | set):
        _feed(digest, sorted(fingerprint(item) for item in thing))
    elif isinstance(thing, Mapping):
        _feed(digest, [part for pair in thing.items() for part in pair])
    elif isinstance(thing, list | tuple):
        digest.update(f"<{type(thing).__name__} {len(thing)}".encode())
        for item in thing:
            _feed(digest, item)
    elif isinstance(thing, FunctionType | type):
        digest.update(f"<{thing.__module__}:{thing.__qualname__}".encode())
    else:
        counted = {f.name for f in fields(thing) if f.compare} if is_dataclass(thing) else None
        kind = type(thing)
        digest.update(f"<{kind.__module__}:{kind.__qualname__}".encode())
        _feed(digest, [(k, v) for k, v in attributes(thing).items() if counted is None or k in counted])


def _named(thing: Any) -> str:
    name = f"{thing.__module__}:{thing.__qualname__}"
    if not _at_home(name) or "<" in name:
        raise InputError(f"{name} cannot be kept in a checkpoint; leave out --checkpoint")
    return name


def _at_home(name: str) -> bool:
    return f"{name.partition(':')[0]}.".startswith(_HOMES)


def _found(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module) if _at_home(name) else None
    for part in path.split("."):
        found = vars(found).get(part) if found is not None else None
    if not isinstance(found, FunctionType | type) or f"{found.__module__}:{found.__qualname__}" != name:
        raise InputError(f"a checkpoint names {name}, which this version does not have; delete it and start anew")
    return found
