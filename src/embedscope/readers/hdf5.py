"""``.h5`` and ``.hdf5`` files: two-dimensional data sets, read in blocks; links to other files are not followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.readers._aligned import align
from embedscope.readers._found_keys import as_strings, beside
from embedscope.readers._hdf5_heaps import check_heaps
from embedscope.readers._keys import ALL, select_keys
from embedscope.readers._lazy import LazyMatrix, Rows
from embedscope.readers._raw import SCALE, check_matrix, check_scale
from embedscope.readers.paths import Place, on_disk

IDS = ("h5", "hdf5", "hdf")

_STRINGS = 8192
_LONGEST = 1 << 20
"""Bytes that a value of fixed length may take, and that are read at a time."""


def open_hdf5(path: Place, key: str | None = None) -> Stream:
    """The only two-dimensional data set of a file, or those that ``key`` names (``group/name``).

    A data set of which parts were never written is refused: HDF5 would give zeros there.
    """
    with _file(path) as file:
        sets = _sets(file)
        wide = [name for name, array in sets.items() if array.ndim == 2 and array.dtype.kind in "fiu"]
        key = key.strip("/") if key is not None and key != ALL else key
        names = select_keys(str(path), "data set", key, wide if key in {None, ALL} else list(sets), _describe(sets))
        matrices = [_matrix(path, name, "vectors" if key is None else name, sets) for name in names]
    return align({matrix.space: matrix for matrix in matrices})


def _sets(file: Any) -> dict[str, Any]:
    """Data sets of the file by name; soft and external links are passed over."""
    h5py = require("h5py", "hdf5", "reading HDF5")
    sets: dict[str, Any] = {}
    file.visititems(lambda name, item: sets.__setitem__(name, item) if isinstance(item, h5py.Dataset) else None)
    return sets


def _describe(sets: dict[str, Any]) -> list[str]:
    return [f"{name} {array.shape} of {array.dtype}"[:80] for name, array in sets.items()]


def _scale(attributes: Any) -> dict[str, Any]:
    """What a data set says of a scale; strings are not read, since they may lie in a damaged heap."""
    said = [key for key in SCALE if key in attributes]
    return {key: "of strings" if attributes.get_id(key).dtype.kind == "O" else attributes[key] for key in said}


def _matrix(path: Place, name: str, space: str, sets: dict[str, Any]) -> LazyMatrix:
    array, label = sets[name], f"{path}::{name}"
    shape = tuple(int(size) for size in array.shape or ())
    check_matrix(shape, array.dtype, label)
    check_scale(_scale(array.attrs), label)
    if array.is_virtual or array.external:
        raise InputError(f"{label} keeps its values in other files, which are not followed; copy them into one file")
    if array.chunks is None:
        lacking = array.id.get_storage_size() < np.prod(shape, dtype=object) * array.dtype.itemsize
    else:
        wanted = np.prod([-(-size // chunk) for size, chunk in zip(shape, array.chunks, strict=True)], dtype=object)
        lacking = array.id.get_num_chunks() < wanted
    if lacking:
        raise InputError(f"{label} of shape {shape} was never written to its end; write it again")
    own = {k: s for k, s in sets.items() if not (s.is_virtual or s.external)}
    lengths = {k: len(s) for k, s in own.items() if s.ndim == 1 and s.dtype.kind in "iuSOT"}
    ids, texts = beside(name, lengths, shape[0])
    dtype = array.dtype.newbyteorder("=").name
    band = array.chunks[0] if array.chunks is not None and array.id.get_create_plist().get_nfilters() else 0
    return LazyMatrix(path, name, _rows, (shape[0], shape[1]), dtype, space, ids, texts, _strings, band=band)


@contextmanager
def _file(path: Place) -> Iterator[Any]:
    h5py = require("h5py", "hdf5", f"reading {path}")
    here = on_disk(path)
    if here is not None:
        with h5py.File(here, "r") as file:
            yield file
    else:
        with path.open() as raw, h5py.File(raw, "r") as file:
            yield file


@contextmanager
def _rows(path: Place, key: str) -> Iterator[Rows]:
    with _file(path) as file:
        array = file[key]
        yield lambda a, b: array[a:b]


def _strings(path: Place, key: str) -> Iterator[Sequence[str]]:
    with _file(path) as file:
        array = file[key]
        step = max(1, min(_STRINGS, _LONGEST // array.id.get_type().get_size()))
        check_heaps(path, key, file, array)
        for start in range(0, len(array), step):
            yield as_strings(array[start : start + step].tolist())


ENTRIES = dict.fromkeys(IDS, open_hdf5)
