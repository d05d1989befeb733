"""``.zarr`` folders, of format 2 and 3: two-dimensional arrays, read in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.readers._aligned import align
from embedscope.readers._found_keys import as_strings, beside
from embedscope.readers._keys import ALL, select_keys
from embedscope.readers._lazy import LazyMatrix, Rows
from embedscope.readers._raw import check_matrix, check_scale
from embedscope.readers.paths import Place

IDS = ("zarr",)

_STRINGS = 8192


def open_zarr(path: Place, key: str | None = None) -> Stream:
    """The only two-dimensional array of a folder, or those that ``key`` names (``group/name``).

    A chunk that is absent holds the fill value, as zarr says; a note counts such chunks.
    """
    arrays = _arrays(path)
    if set(arrays) == {""}:
        if key is not None:
            raise InputError(f"{path} holds one array without a name; leave out '::{key}'")
        return _matrix(path, "", "vectors", arrays)
    wide = [name for name, array in arrays.items() if array.ndim == 2 and array.dtype.kind in "fiu"]
    names = select_keys(str(path), "array", key, wide if key in {None, ALL} else list(arrays))
    matrices = [_matrix(path, name, "vectors" if key is None else name, arrays) for name in names]
    return align({matrix.space: matrix for matrix in matrices})


def _arrays(path: Place) -> dict[str, Any]:
    """Arrays of the folder by name; one that is the folder itself has the name ``""``."""
    zarr = require("zarr", "zarr", f"reading {path}")
    if not isinstance(path, Path):
        raise InputError(f"{path} is remote; zarr folders are read only from local disks: copy it to this machine")
    group = zarr.open(str(path), mode="r")
    if isinstance(group, zarr.Array):
        return {"": group}
    return {name: item for name, item in group.members(max_depth=None) if isinstance(item, zarr.Array)}


def _matrix(path: Place, name: str, space: str, arrays: dict[str, Any]) -> LazyMatrix:
    array, label = arrays[name], f"{path}::{name}" if name else str(path)
    shape = tuple(int(size) for size in array.shape)
    check_matrix(shape, array.dtype, label)
    check_scale(array.attrs, label)
    absent = array.nchunks - array.nchunks_initialized
    if absent == array.nchunks:
        raise InputError(f"{label} of shape {shape} holds no values: none of its {absent:,} chunks is there")
    notes = (f"{absent:,} of {array.nchunks:,} chunks are absent and read as {array.fill_value}",) if absent else ()
    lengths = {k: int(a.shape[0]) for k, a in arrays.items() if a.ndim == 1 and a.dtype.kind in "iuSUOT"}
    ids, texts = beside(name, lengths, shape[0]) if name else (None, None)
    dtype = array.dtype.newbyteorder("=").name
    band = int(array.chunks[0])
    return LazyMatrix(
        path, name, _rows, (shape[0], shape[1]), dtype, space, ids, texts, _strings, notes, band, copies=3
    )


@contextmanager
def _rows(path: Place, key: str) -> Iterator[Rows]:
    array = _arrays(path)[key]
    yield lambda a, b: array[a:b]


def _strings(path: Place, key: str) -> Iterator[Sequence[str]]:
    array = _arrays(path)[key]
    for start in range(0, int(array.shape[0]), _STRINGS):
        yield as_strings(array[start : start + _STRINGS].tolist())


ENTRIES = {"zarr": open_zarr}
