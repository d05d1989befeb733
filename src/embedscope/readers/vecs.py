"""``.fvecs``, ``.bvecs``, ``.ivecs`` of TEXMEX: before each vector its number of dimensions, a 4-byte integer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.arrays import check_finite
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import cuts, plan
from embedscope.readers._boundary import guarded
from embedscope.readers._facts import Facts, notes_on_codes
from embedscope.readers._paths import Place
from embedscope.readers._raw import check_matrix

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
class VecsStream:
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
    def dims(self) -> Mapping[str, int]:
        """Dimensions of the one space."""
        return {self.space: self.shape[1]}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def facts(self) -> Facts:
        """What was found."""
        dtypes = {self.space: self.dtype.name}
        return Facts((self.path,), dtypes, notes=notes_on_codes(dtypes))

    def shard(self, start: int, stop: int) -> VecsShard:
        """Rows ``start .. stop``."""
        return VecsShard(self, start, stop)

    def shards(self) -> Sequence[Shard]:
        """Fixed row ranges."""
        return [VecsShard(self, a, b) for a, b in plan(*self.shape)]


@dataclass(frozen=True)
class VecsShard:
    """Rows ``start .. stop`` of a file."""

    stream: VecsStream
    start: int
    stop: int

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.stream.name

    @guarded
    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, checked to be finite and of one length."""
        s = self.stream
        dim = s.shape[1]
        record = np.dtype([("dim", "<i4"), ("x", s.dtype, (dim,))])
        with s.path.open("rb") as file:
            for a, b in cuts(self.start, self.stop, dim):
                file.seek(a * record.itemsize)
                content = file.read((b - a) * record.itemsize)
                if len(content) < (b - a) * record.itemsize:
                    raise InputError(f"{s.path} became shorter while it was read; wait until it is written")
                rows = np.frombuffer(content, dtype=record)
                if (rows["dim"] != dim).any():
                    bad = int(np.argmax(rows["dim"] != dim))
                    raise InputError(
                        f"{s.path} is ragged: row {a + bad} says {int(rows['dim'][bad])} dimensions, row 0 has {dim}; "
                        "all vectors must have one length"
                    )
                x = np.ascontiguousarray(rows["x"])
                x = x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
                check_finite(x, s.name, a)
                ids = hash_rows(a, b)
                yield Batch(ids, ids, {s.space: x})


ENTRIES = dict.fromkeys(IDS, open_vecs)
