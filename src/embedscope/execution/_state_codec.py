"""States of statistics as arrays and JSON, without pickle: only types of this package are restored."""

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

    An object that occurs twice is written once and restored as one; arrays of equal content share their bytes.
    """

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self._seen: dict[int, int] = {}
        self._objects: list[object] = []

    def tree(self, value: Any) -> Any:
        """``value`` as JSON; its arrays are added to ``arrays``."""
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float) and not isinstance(value, np.generic):
            return {"float": value.hex()}
        if isinstance(value, MethodType):
            return {"method": value.__func__.__name__, "of": self.tree(value.__self__)}
        if isinstance(value, FunctionType | type):
            return {"name": _path_of(value)}
        if id(value) in self._seen:
            return {"again": self._seen[id(value)]}
        self._seen[id(value)] = len(self._objects)
        self._objects.append(value)
        return self._new(value)

    def _new(self, value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value)
        if isinstance(value, Mapping) and type(value) is dict:
            return {"dict": [[self.tree(k), self.tree(v)] for k, v in value.items()]}
        for kind in (list, tuple, frozenset, set):
            if type(value) is kind:
                return {kind.__name__: [self.tree(item) for item in value]}
        name = _path_of(type(value))
        return {"object": name, "state": [[k, self.tree(v)] for k, v in attributes(value).items()]}

    def _array(self, x: Any) -> Any:
        if x.dtype.hasobject:
            raise InputError(f"an array of dtype {x.dtype} cannot be saved in a checkpoint")
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
        self._objects: list[Any] = []

    def decode(self, tree: Any) -> Any:
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
        self._objects[place] = build([self.decode(item) for item in items])
        return self._objects[place]

    def _dict(self, tree: Mapping[str, Any]) -> Any:
        place = self._reserve()
        self._objects[place] = {self.decode(k): self.decode(v) for k, v in tree["dict"]}
        return self._objects[place]

    def _object(self, tree: Mapping[str, Any]) -> Any:
        place, kind = self._reserve(), _resolve(tree["object"])
        new = self._objects[place] = object.__new__(kind)
        for name, value in tree["state"]:
            object.__setattr__(new, name, self.decode(value))
        return new

    def _array(self, tree: Mapping[str, Any]) -> Any:
        place = self._reserve()
        x = self._arrays[tree["array"]].copy()
        x = x.T if tree["fortran"] else x.reshape(()) if tree["ndim"] == 0 else x
        self._objects[place] = x[()] if tree["scalar"] else x
        return self._objects[place]

    def _method(self, tree: Mapping[str, Any]) -> Any:
        name = str(tree["method"])
        if name.startswith("__"):
            raise InputError(f"a checkpoint names the method {name}; delete it and start anew")
        return getattr(self.decode(tree["of"]), name)

    def _reserve(self) -> int:
        self._objects.append(None)
        return len(self._objects) - 1


_READ: dict[str, Callable[[Decoder, Mapping[str, Any]], Any]] = {
    "float": lambda d, t: float.fromhex(t["float"]),
    "name": lambda d, t: _resolve(t["name"]),
    "again": lambda d, t: d._objects[t["again"]],
    "list": lambda d, t: d._many(t, list),
    "tuple": lambda d, t: d._many(t, tuple),
    "set": lambda d, t: d._many(t, set),
    "frozenset": lambda d, t: d._many(t, frozenset),
    "dict": Decoder._dict,
    "object": Decoder._object,
    "array": Decoder._array,
    "method": Decoder._method,
}


def attributes(value: Any) -> dict[str, Any]:
    """What an object is new of: the fields of a dataclass (not what it has worked out since), else all it holds."""
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    slots = [s for c in type(value).__mro__ for s in getattr(c, "__slots__", ()) if hasattr(value, s)]
    return {s: getattr(value, s) for s in slots} | dict(getattr(value, "__dict__", {}))


def fingerprint(*values: Any) -> str:
    """Checksum of configuration: fields that count for equality, arrays by content, the same in every process."""
    digest = hashlib.sha256()
    for value in values:
        _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    if isinstance(value, np.ndarray | np.generic):
        digest.update(f"<{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif value is None or isinstance(value, bool | int | float | str | bytes | PurePath | np.dtype):
        digest.update(f"<{type(value).__name__} {value!r}".encode())
    elif isinstance(value, frozenset | set):
        _feed(digest, sorted(fingerprint(item) for item in value))
    elif isinstance(value, Mapping):
        _feed(digest, [part for pair in value.items() for part in pair])
    elif isinstance(value, list | tuple):
        digest.update(f"<{type(value).__name__} {len(value)}".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, FunctionType | type):
        digest.update(f"<{value.__module__}:{value.__qualname__}".encode())
    else:
        counted = {f.name for f in fields(value) if f.compare} if is_dataclass(value) else None
        kind = type(value)
        digest.update(f"<{kind.__module__}:{kind.__qualname__}".encode())
        _feed(digest, [(k, v) for k, v in attributes(value).items() if counted is None or k in counted])


def _path_of(value: Any) -> str:
    name = f"{value.__module__}:{value.__qualname__}"
    if not _at_home(name) or "<" in name:
        raise InputError(f"{name} cannot be saved in a checkpoint; leave out --checkpoint")
    return name


def _at_home(name: str) -> bool:
    return f"{name.partition(':')[0]}.".startswith(_HOMES)


def _resolve(name: str) -> Any:
    module, _, path = name.partition(":")
    obj: Any = importlib.import_module(module) if _at_home(name) else None
    for part in path.split("."):
        obj = vars(obj).get(part) if obj is not None else None
    if not isinstance(obj, FunctionType | type) or f"{obj.__module__}:{obj.__qualname__}" != name:
        raise InputError(f"a checkpoint names {name}, which this version does not have; delete it and start anew")
    return obj
