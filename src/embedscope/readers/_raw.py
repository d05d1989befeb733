"""A matrix that lies in a file as plain bytes, read block by block with ``readinto``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import untyped
from embedscope.core.errors import InputError
from embedscope.readers._blocks import cuts
from embedscope.readers._row_ranges import RowRanges
from embedscope.readers._row_strings import RowStrings
from embedscope.readers.paths import Place

SCALE = "scale_factor", "add_offset"
"""Attributes by which NetCDF scales numbers."""


@dataclass(frozen=True)
class RawMatrix(RowRanges):
    """Where an (n, d) matrix lies and how: the stream of every format that stores plain bytes.

    Attributes
    ----------
    path, offset : the file and the position of the first value
    shape, dtype : (n, d) and the stored dtype (``bfloat16`` is stored as uint16)
    fortran : columns one after the other instead of rows
    bfloat16 : values are bfloat16, given as float32
    name : what errors call it
    space : the name of its space
    keep : something that must live as long as the stream (a temporary file)
    row_ids, row_texts : the ids and texts of the rows, where the file keeps them
    """

    path: Place
    offset: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    name: str
    space: str = "vectors"
    fortran: bool = False
    bfloat16: bool = False
    keep: object = field(default=None, compare=False, repr=False)
    row_ids: RowStrings | None = field(default=None, compare=False, repr=False)
    row_texts: RowStrings | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_matrix(self.shape, self.dtype, self.name)

    def blocks(self, start: int, stop: int, dim: int) -> Iterator[npt.NDArray[Any]]:
        """The rows ``start .. stop``."""
        with self.path.open("rb", buffering=0) as file:
            for a, b in cuts(start, stop, dim):
                yield _block(file, self, a, b)


def check_scale(attributes: Mapping[str, Any], name: str) -> None:
    """Raise ``InputError`` where attributes say that the stored numbers are scaled, as those of NetCDF do."""
    said = [f"{key} {attributes[key]}" for key in SCALE if key in attributes]
    if said:
        raise InputError(
            f"{name} says {' and '.join(said)[:80]}, so its numbers are not the values; write the values themselves"
        )


def check_matrix(shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> None:
    """Raise ``InputError`` unless ``shape`` is (n, d) with n, d > 0 and ``dtype`` holds real numbers."""
    if dtype.hasobject:
        raise InputError(
            f"{name} holds pickled Python objects, which are never loaded; save a float array: "
            "np.save(path, np.asarray(x, dtype=np.float32))"
        )
    if dtype.kind not in "fiu":
        raise InputError(f"{name} must hold real numbers, got dtype {dtype}; {untyped(dtype)}")
    if any(type(size) is not int or size < 0 for size in shape):
        raise InputError(f"{name} has the shape {shape}, wanted whole numbers that are not negative; write it again")
    if len(shape) != 2:
        hint = "for one vector save x[None, :]" if len(shape) == 1 else "reshape it to one row per vector"
        raise InputError(f"{name} must have shape (n, d), got {shape}; {hint}")
    if 0 in shape:
        raise InputError(f"{name} must hold at least one row and one column, got shape {shape}")


def check_size(size: int, header: int, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> None:
    """Raise ``InputError`` where ``size`` bytes are fewer or more than ``header`` bytes and the array need."""
    wanted = header + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size < wanted:
        raise InputError(
            f"{name} is cut short: its header promises {wanted:,} bytes for shape {shape}, the file has {size:,}; "
            "copy or save it again"
        )
    if size > wanted:
        raise InputError(
            f"{name} has {size - wanted:,} bytes after its array of shape {shape}; save one array a file, or use .npz"
        )


def _block(file: Any, m: RawMatrix, start: int, stop: int) -> npt.NDArray[Any]:
    n, d = m.shape
    size = m.dtype.itemsize
    if m.fortran:
        raw = np.empty((d, stop - start), dtype=m.dtype)
        for j in range(d):
            _fill(file, m, m.offset + (j * n + start) * size, raw[j])
        raw = np.ascontiguousarray(raw.T)
    else:
        raw = np.empty((stop - start, d), dtype=m.dtype)
        _fill(file, m, m.offset + start * d * size, raw)
    if m.bfloat16:
        return (raw.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return raw


def _fill(file: Any, m: RawMatrix, position: int, out: npt.NDArray[Any]) -> None:
    file.seek(position)
    view = out.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(view):
        got = file.readinto(view[done:])
        if not got:
            raise InputError(f"{m.name} became shorter while it was read; wait until it is written, then try again")
        done += got
