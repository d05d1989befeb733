"""The pickled dictionaries of CIFAR, read without running anything they name.

Only three names may occur in such a file, those that NumPy writes for an array, and each of them stands here for a
class of this module that keeps what it is given. Every other name, and so every file that wants something called, is
refused.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.images import Pixels


class _Kind:
    """Stands for ``numpy.dtype``; keeps the code of the type."""

    def __init__(self, code: object, *_: object) -> None:
        self.code = code.decode("ascii") if isinstance(code, bytes) else code

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and alignment: one byte has none."""


class _Array:
    """Stands for ``numpy.ndarray``; keeps the state of an array."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Keep (version, shape, type, whether by columns, bytes)."""
        self.state = state


class _Reader(pickle.Unpickler):
    """Knows the names that NumPy writes, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name.

        Raises
        ------
        InputError
            for every name that is not one of NumPy's three.
        """
        if module in {"numpy.core.multiarray", "numpy._core.multiarray"} and name == "_reconstruct":
            return _Array
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return _Array if name == "ndarray" else _Kind
        raise InputError(
            f"the file names {module}.{name}, which no CIFAR file does; it may be meant to run code. "
            "Get the archive again from its homepage"
        )


def entries(raw: bytes) -> dict[str, Any]:
    """The dictionary in ``raw`` with text keys; arrays are (n, 3072) uint8, lists stay lists.

    Raises
    ------
    InputError
        if the file names anything but an array of bytes, or holds no dictionary.
    """
    try:
        content = _Reader(io.BytesIO(raw), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the file is no pickled dictionary of CIFAR ({error}); get the archive again") from error
    if not isinstance(content, dict):
        raise InputError(f"the file holds a {type(content).__name__}, wanted a dictionary; get the archive again")
    return {_text(key): _pixels(value) if isinstance(value, _Array) else value for key, value in content.items()}


def names(values: list[bytes | str]) -> tuple[str, ...]:
    """Names of classes as words.

    >>> names([b"aquarium_fish"])
    ('aquarium fish',)
    """
    return tuple(_text(value).replace("_", " ") for value in values)


def _text(value: bytes | str) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _pixels(array: _Array) -> Pixels:
    """The array, if it is one of bytes, by rows, whose length fits its shape."""
    match array.state:
        case (_, tuple() as shape, _Kind(code="u1"), False | 0, bytes() as raw) if len(raw) == int(np.prod(shape)):
            return np.frombuffer(raw, dtype=np.uint8).reshape(shape)
    raise InputError("an array of the file does not hold bytes by rows, as those of CIFAR do; get the archive again")
