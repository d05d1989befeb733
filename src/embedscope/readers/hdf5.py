"""``.h5`` and ``.hdf5`` files: two-dimensional data sets, read in blocks; links to other files are not followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.readers._aligned import aligned
from embedscope.readers._found_keys import as_strings, beside
from embedscope.readers._keys import ALL, chosen_keys
from embedscope.readers._lazy import LazyMatrix, Rows
from embedscope.readers._paths import Place
from embedscope.readers._raw import check_matrix, check_scale

IDS = ("h5", "hdf5", "hdf")

_STRINGS = 8192


def open_hdf5(path: Place, key: str | None = None) -> Stream:
    """The only two-dimensional data set of a file, or those that ``key`` names (``group/name``).

    A data set of which parts were never written is refused: HDF5 would give zeros there.
    """
    with _file(path) as file:
        sets = _sets(file)
        wide = [name for name, found in sets.items() if found.ndim == 2 and found.dtype.kind in "fiu"]
        key = key.strip("/") if key is not None and key != ALL else key
        names = chosen_keys(str(path), "data set", key, wide if key in {None, ALL} else list(sets), _described(sets))
        matrices = [_matrix(path, name, "vectors" if key is None else name, sets) for name in names]
    return aligned({matrix.space: matrix for matrix in matrices})


def _sets(file: Any) -> dict[str, Any]:
    """Data sets of the file by name; soft and external links are passed over."""
    h5py = require("h5py", "hdf5", "reading HDF5")
    found: dict[str, Any] = {}
    file.visititems(lambda name, item: found.__setitem__(name, item) if isinstance(item, h5py.Dataset) else None)
    return found


def _described(sets: dict[str, Any]) -> list[str]:
    return [f"{name} {found.shape} of {found.dtype}"[:80] for name, found in sets.items()]


def _matrix(path: Place, name: str, space: str, sets: dict[str, Any]) -> LazyMatrix:
    found, label = sets[name], f"{path}::{name}"
    shape = tuple(int(size) for size in found.shape or ())
    check_matrix(shape, found.dtype, label)
    check_scale(found.attrs, label)
    if found.is_virtual or found.external:
        raise InputError(f"{label} keeps its values in other files, which are not followed; copy them into one file")
    if found.chunks is None:
        lacking = found.id.get_storage_size() < np.prod(shape, dtype=object) * found.dtype.itemsize
    else:
        wanted = np.prod([-(-size // chunk) for size, chunk in zip(shape, found.chunks, strict=True)], dtype=object)
        lacking = found.id.get_num_chunks() < wanted
    if lacking:
        raise InputError(f"{label} of shape {shape} was never written to its end; write it again")
    own = {k: s for k, s in sets.items() if not (s.is_virtual or s.external)}
    lengths = {k: len(s) for k, s in own.items() if s.ndim == 1 and s.dtype.kind in "iuSOT"}
    ids, texts = beside(name, lengths, shape[0])
    return LazyMatrix(
        path, name, _rows, (shape[0], shape[1]), found.dtype.newbyteorder("=").name, space, ids, texts, _strings
    )


@contextmanager
def _file(path: Place) -> Iterator[Any]:
    h5py = require("h5py", "hdf5", f"reading {path}")
    if isinstance(path, Path):
        with h5py.File(path, "r") as file:
            yield file
    else:
        with path.open() as raw, h5py.File(raw, "r") as file:
            yield file


@contextmanager
def _rows(path: Place, key: str) -> Iterator[Rows]:
    with _file(path) as file:
        found = file[key]
        yield lambda a, b: found[a:b]


def _strings(path: Place, key: str) -> Iterator[Sequence[str]]:
    with _file(path) as file:
        found = file[key]
        for start in range(0, len(found), _STRINGS):
            yield as_strings(found[start : start + _STRINGS].tolist())


ENTRIES = dict.fromkeys(IDS, open_hdf5)
