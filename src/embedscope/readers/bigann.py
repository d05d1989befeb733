"""``.fbin``, ``.u8bin``, ``.i8bin`` of big-ann-benchmarks: rows and dimensions as 4-byte integers, then the values."""

from __future__ import annotations

import struct

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers._raw import RawMatrix, check_matrix, check_size
from embedscope.readers.paths import Place

IDS = ("fbin", "u8bin", "i8bin", "ibin")

_DTYPES = {"fbin": "<f4", "u8bin": "|u1", "i8bin": "|i1", "ibin": "<i4"}


def open_bin(path: Place, key: str | None = None) -> Stream:
    """The one matrix of a file, which must hold as many bytes as its header says."""
    if key is not None:
        raise InputError(f"{path} holds one array without a name; leave out '::{key}'")
    with path.open("rb") as file:
        head = file.read(8)
    if len(head) < 8:
        raise InputError(f"{path} is cut short: it has {len(head)} bytes, its header needs 8; copy it again")
    shape = struct.unpack("<II", head)
    dtype = np.dtype(_DTYPES[path.suffix.lower().removeprefix(".")])
    check_matrix(shape, dtype, str(path))
    check_size(path.stat().st_size, 8, shape, dtype, str(path))
    return RawMatrix(path, 8, (shape[0], shape[1]), dtype, str(path))


ENTRIES = dict.fromkeys(IDS, open_bin)
