"""A matrix that a library gives rows of (HDF5, zarr, torch), opened again by every shard: only its place travels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.block import block_rows
from embedscope.core.errors import InputError
from embedscope.readers._blocks import cuts
from embedscope.readers._row_ranges import RowRange, RowRanges
from embedscope.readers._row_strings import RowStrings
from embedscope.readers.facts import Facts, notes_on_codes
from embedscope.readers.paths import Place

Rows = Callable[[int, int], Any]
"""(start, stop) -> numpy array of these rows."""


@dataclass(frozen=True)
class LazyMatrix(RowRanges):
    """An (n, d) matrix under ``key`` of a file.

    Attributes
    ----------
    opener : (path, key) -> context that gives the rows; a function of a module, so that workers find it
    shape, dtype : (n, d) and the dtype of the numbers
    ids, texts : keys of arrays of as many strings or whole numbers
    strings : (path, key) -> blocks of strings of such an array
    notes : what must be known
    band : rows that the file stores compressed together, so that any of them takes reading all; 0 where none are
    copies : of a band that are held at most, while the library decompresses it
    mapped : whether the file is mapped, so that what was read of it counts as memory of the process
    """

    path: Place
    key: str
    opener: Callable[[Place, str], AbstractContextManager[Rows]]
    shape: tuple[int, int]
    dtype: str
    space: str = "vectors"
    ids: str | None = None
    texts: str | None = None
    strings: Callable[[Place, str], Iterator[Sequence[str]]] | None = None
    notes: tuple[str, ...] = ()
    band: int = 0
    copies: int = 2
    mapped: bool = False

    @property
    def held(self) -> int:
        """Bytes that a worker holds beside the blocks that it gives: a band, while it is read and afterwards."""
        rows = self.shape[0] if self.mapped else self.copies * min(self.band, self.shape[0])
        size = 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize
        return rows * self.shape[1] * size

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.path}::{self.key}"

    @property
    def facts(self) -> Facts:
        """What was found."""
        dtypes = {self.space: self.dtype}
        named = [f"{w} from {k}" for w, k in (("ids", self.ids), ("texts", self.texts)) if k is not None]
        notes = (*self.notes, *named, *notes_on_codes(dtypes))
        if isinstance(self.path, Path) and self.path.is_dir():
            files = tuple(sorted(file for file in self.path.rglob("*") if file.is_file()))
            return Facts(files, dtypes, notes=notes, form=f"a {self.path.suffix} folder")
        return Facts((self.path,), dtypes, notes=notes)

    @property
    def row_ids(self) -> RowStrings | None:
        """The ids of the rows, where an array holds them."""
        return self._row_strings(self.ids)

    @property
    def row_texts(self) -> RowStrings | None:
        """The texts of the rows, where an array holds them."""
        return self._row_strings(self.texts)

    def _row_strings(self, key: str | None) -> RowStrings | None:
        read = self.strings
        if key is None or read is None:
            return None
        return RowStrings(f"{key} of {self.path}", lambda: read(self.path, key))

    def shards(self) -> Sequence[RowRange]:
        """Fixed row ranges, of whole bands where these are larger: a band is decompressed for one shard alone."""
        shards, (n, dim) = super().shards(), self.shape
        if self.band <= max(shard.stop - shard.start for shard in shards):
            return shards
        return [RowRange(self, a, min(a + self.band, n), dim) for a in range(0, n, self.band)]

    def blocks(self, start: int, stop: int, dim: int) -> Iterator[npt.NDArray[Any]]:
        """The rows ``start .. stop``, checked to be as many as wanted."""
        with self.opener(self.path, self.key) as stored:
            rows = _in_bands(stored, self.band, self.shape[0]) if self.band > block_rows(dim) else stored
            for a, b in cuts(start, stop, dim):
                x = np.asarray(rows(a, b))
                if x.shape != (b - a, self.shape[1]):
                    raise InputError(f"{self.name} gave rows of shape {x.shape}, wanted {(b - a, self.shape[1])}")
                yield x


def _in_bands(rows: Rows, band: int, n: int) -> Rows:
    """``rows`` of ``n`` with the last band kept: else it would be decompressed for every block of its rows."""
    last: dict[int, npt.NDArray[Any]] = {}

    def read(start: int, stop: int) -> npt.NDArray[Any]:
        parts = []
        for first in range(start // band * band, stop, band):
            if first not in last:
                last.clear()
                last[first] = np.asarray(rows(first, min(first + band, n)))
            parts.append(last[first][max(start - first, 0) : stop - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return read
