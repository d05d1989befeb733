"""``.fvecs``, ``.bvecs``, ``.ivecs`` of TEXMEX: before each vector its number of dimensions, a 4-byte integer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers._blocks import cuts
from embedscope.readers._raw import check_matrix
from embedscope.readers._row_ranges import RowRanges
from embedscope.readers.facts import Facts, notes_on_codes
from embedscope.readers.paths import Place

IDS = ("fvecs", "bvecs", "ivecs")

_DTYPES = {"fvecs": "<f4", "bvecs": "|u1", "ivecs": "<i4"}


def open_vecs(path: Place, key: str | None = None) -> Stream:
    """The vectors of a file, whose size must be a whole number of vectors; each one's own count is checked as read."""
    if key is not None:
        raise InputError(f"{path} holds one array without a name; leave out '::{key}'")
    dtype = np.dtype(_DTYPES[path.suffix.lower().removeprefix(".")])
    with path.open("rb") as file:
        head = file.read(4)
    dim = int.from_bytes(head, "little", signed=True)
    size = path.stat().st_size
    if len(head) < 4 or dim < 1:
        raise InputError(f"{path} does not begin with a number of dimensions, got {dim}; write it again")
    step = 4 + dim * dtype.itemsize
    if size % step:
        raise InputError(
            f"{path} says {dim:,} dimensions, so {step:,} bytes per vector; its {size:,} bytes are no whole number of "
            f"vectors ({size % step:,} left over): copy it again"
        )
    check_matrix((size // step, dim), dtype, str(path))
    return VecsStream(path, (size // step, dim), dtype)


@dataclass(frozen=True)
class VecsStream(RowRanges):
    """Vectors with their dimensions before each."""

    path: Place
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    space: str = "vectors"

    @property
    def name(self) -> str:
        """What errors call it."""
        return str(self.path)

    @property
    def facts(self) -> Facts:
        """What was found."""
        dtypes = {self.space: self.dtype.name}
        return Facts((self.path,), dtypes, notes=notes_on_codes(dtypes))

    def blocks(self, start: int, stop: int, dim: int) -> Iterator[npt.NDArray[Any]]:
        """The rows ``start .. stop``, checked to be of one length."""
        width = self.shape[1]
        record = np.dtype([("dim", "<i4"), ("x", self.dtype, (width,))])
        with self.path.open("rb") as file:
            for a, b in cuts(start, stop, dim):
                file.seek(a * record.itemsize)
                content = file.read((b - a) * record.itemsize)
                if len(content) < (b - a) * record.itemsize:
                    raise InputError(f"{self.path} became shorter while it was read; wait until it is written")
                rows = np.frombuffer(content, dtype=record)
                if (rows["dim"] != width).any():
                    bad = int(np.argmax(rows["dim"] != width))
                    raise InputError(
                        f"{self.path} is ragged: row {a + bad} says {int(rows['dim'][bad])} dimensions, row 0 has "
                        f"{width}; all vectors must have one length"
                    )
                yield np.ascontiguousarray(rows["x"])


ENTRIES = dict.fromkeys(IDS, open_vecs)
