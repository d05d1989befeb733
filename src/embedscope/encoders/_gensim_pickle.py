"""Attributes and arrays out of a pickle of gensim, read without importing or calling anything that it names.

A pickle is a program. Here its names are looked up in a table of exact (module, name) pairs, whose entries are classes
of this file and four plain containers; sizes are checked against the bytes that there are before anything is made.
"""

from __future__ import annotations

import collections
import pickle
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from embedscope.core.compressed import codec_of
from embedscope.core.errors import InputError

_DTYPE = re.compile(r"[<>|=]?[biuf][1248]|[<>|=]?[iu]16|[SUV]\d{1,4}")


class Plain:
    """What stands for an object of gensim: its attributes, without its code."""

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("the state of an object is no dictionary")
        self.__dict__.update(state)


class _Type:
    """What stands for a numpy dtype."""

    def __init__(self, text: Any, *rest: Any) -> None:
        if not isinstance(text, str) or not _DTYPE.fullmatch(text):
            raise pickle.UnpicklingError(f"an array has the type {str(text)[:40]}, which holds no numbers")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """What stands for a numpy array until its bytes come."""

    x: npt.NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        self.x = _values(data, kind, shape, "F" if fortran else "C")


def _values(data: Any, kind: Any, shape: Any, order: str) -> npt.NDArray[Any]:
    if not isinstance(kind, _Type) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("an array is not made of bytes and a type of numbers")
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if not all(type(n) is int and n >= 0 for n in sizes):
        raise pickle.UnpicklingError(f"an array has the shape {str(sizes)[:40]}")
    wanted = kind.dtype.itemsize
    for n in sizes:
        wanted *= n
    if wanted != len(data):
        raise pickle.UnpicklingError(f"an array holds {len(data)} bytes, its shape wants {wanted}")
    return np.frombuffer(data, kind.dtype).reshape(sizes, order="F" if order == "F" else "C")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    return _Array()


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any, *rest: Any) -> npt.NDArray[Any]:
    return _values(bytes(data) if isinstance(data, pickle.PickleBuffer) else data, kind, shape, order)


def _scalar(kind: Any, data: Any = b"") -> Any:
    return _values(data, kind, (1,), "C")[0]


_NUMPY = {
    "ndarray": (("numpy",), _Array),
    "dtype": (("numpy",), _Type),
    "_reconstruct": (("numpy._core.multiarray", "numpy.core.multiarray"), _reconstruct),
    "scalar": (("numpy._core.multiarray", "numpy.core.multiarray"), _scalar),
    "_frombuffer": (("numpy._core.numeric", "numpy.core.numeric"), _frombuffer),
}
_GENSIM = {
    "gensim.models.keyedvectors": (
        *("KeyedVectors", "Word2VecKeyedVectors", "WordEmbeddingsKeyedVectors", "BaseKeyedVectors"),
        *("FastTextKeyedVectors", "EuclideanKeyedVectors", "Doc2VecKeyedVectors", "Vocab", "CompatVocab"),
    ),
    "gensim.models.word2vec": ("Word2Vec", "Word2VecVocab", "Word2VecTrainables", "Vocab"),
    "gensim.models.fasttext": ("FastText", "FastTextKeyedVectors", "FastTextVocab", "FastTextTrainables"),
}
NAMES: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    ("builtins", "int"): int,
    ("__builtin__", "int"): int,
    **{(module, name): thing for name, (modules, thing) in _NUMPY.items() for module in modules},
    **{(module, name): Plain for module, names in _GENSIM.items() for name in names},
}
"""All that a file may name: exact (module, name) -> what stands for it."""


class _Bounded:
    """A file that is asked for no more bytes than it has left."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, n: int = -1) -> bytes:
        """``n`` bytes."""
        if n > self._left:
            raise EOFError(f"it asks for {n:,} bytes and has {self._left:,} left")
        data = self._file.read(n)
        self._left -= len(data)
        return data

    def readline(self) -> bytes:
        """Bytes up to the end of a line."""
        data = self._file.readline()
        self._left -= len(data)
        return data


class _Attributes(pickle._Unpickler):
    """The unpickler in Python: its memo is a dictionary, where a number in the file can ask for no memory."""

    def find_class(self, module: str, name: str) -> Any:
        """The one thing that a file may mean by this name."""
        try:
            return NAMES[module, name]
        except KeyError:
            raise InputError(
                f"asks for {module}.{name}, which word vectors do not need, so it is not read; where you trust it, "
                "load it with gensim and save model.wv with save_word2vec_format"
            ) from None


def attributes_of(file: BinaryIO, path: Path) -> dict[str, Any]:
    """Attributes of the object in ``file``, with arrays as arrays and objects of gensim as :class:`Plain`.

    Raises
    ------
    InputError
        if the file names anything else, is damaged, or holds no object.
    """
    size = path.stat().st_size if codec_of(path) is None else _unpacked_size(file)
    try:
        attributes = _Attributes(_Bounded(file, size)).load()
    except InputError as error:
        raise InputError(f"{path} {error}") from None
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is no file of KeyedVectors.save ({error}); save the vectors again") from error
    except (MemoryError, OverflowError, RecursionError, struct.error) as error:
        raise InputError(f"{path} is no file of KeyedVectors.save ({error!r}); save the vectors again") from error
    if not isinstance(attributes, Plain):
        raise InputError(f"{path} holds no KeyedVectors; save the vectors again")
    return plain_arrays(vars(attributes))


def plain_arrays(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """``attributes`` with arrays in place of what stood for them."""
    return {k: v.x if isinstance(v, _Array) else v for k, v in attributes.items()}


def _unpacked_size(file: BinaryIO) -> int:
    """Bytes in a packed file, read once through and no more held than a block."""
    file.seek(0)
    size = 0
    while block := file.read(1 << 20):
        size += len(block)
    file.seek(0)
    return size
