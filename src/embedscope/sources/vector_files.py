"""Files of vectors read whole: one matrix per file, and facts that identify the files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.tables import Index
from embedscope.readers import facts_of, file_of, source_of, state_of
from embedscope.sources.row_blocks import row_blocks

Matrix = npt.NDArray[Any]


def read_matrix(stream: Stream, name: str) -> tuple[str, Matrix]:
    """All rows (n, d) of the only space of ``stream``, read by the engine of the run, and the name of that space.

    Raises
    ------
    InputError
        if there are several spaces; ``name`` is what the user called the file.
    """
    space = only_space(stream, name)
    return space, np.concatenate(list(row_blocks(stream, space)))


def only_space(stream: Stream, name: str) -> str:
    """The name of the only space of ``stream``; ``InputError`` where there are several."""
    spaces = list(stream.dims)
    if len(spaces) != 1:
        raise InputError(f"{name} holds {len(spaces)} spaces ({', '.join(spaces)}); name one with ::NAME")
    return spaces[0]


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Rows of one space of a file that are read when they are asked for; only those are held.

    Attributes
    ----------
    name : what the user called the file
    n : rows of the file
    """

    stream: Stream
    name: str
    n: int

    @classmethod
    def of(cls, stream: Stream, name: str) -> StoredRows | Matrix:
        """The rows of ``stream``; all of them, read, where it does not say how many there are."""
        only_space(stream, name)
        return read_matrix(stream, name)[1] if stream.n_rows is None else cls(stream, name, stream.n_rows)

    def __len__(self) -> int:
        """Rows of the file."""
        return self.n

    def __getitem__(self, rows: Index) -> Matrix:
        """The ``rows`` (m,), in that order, (m, d)."""
        order = np.argsort(rows, kind="stable")
        wanted, at, blocks = np.asarray(rows)[order], 0, []
        for block in row_blocks(self.stream, only_space(self.stream, self.name)):
            lo, hi = np.searchsorted(wanted, (at, at + len(block)))
            blocks.append(block[wanted[lo:hi] - at])
            at += len(block)
        if at != self.n:
            raise InputError(f"{self.name} has {at:,} rows now, it had {self.n:,}; wait until it is written")
        x = np.concatenate(blocks)
        out = np.empty_like(x)
        out[order] = x
        return out


def vector_file_facts(source: str, stream: Stream) -> dict[str, Any]:
    """Checksum of one local file; for several or remote files, a checksum of their names, sizes and times of change."""
    files = facts_of(stream).files
    first = source_of(files[0]) if len(files) == 1 else None
    if isinstance(first, Path):
        return file_facts(file_of(source) if file_of(source).is_file() else first)
    states = [state_of(file) for file in files]
    listing = hashlib.sha256(repr(states).encode()).hexdigest()
    return {"files": len(files), "bytes": sum(size for _, size, _ in states), "listing_sha256": listing}
