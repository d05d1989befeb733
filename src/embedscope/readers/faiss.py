"""FAISS indexes: the vectors that are searched, with the ids they were added under; binary indexes too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from embedscope.core.arrays import check_finite
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.boundary import guard_batches, reason
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import cuts, plan
from embedscope.readers._faiss_parts import Held, take_apart
from embedscope.readers._keys import EmptyFileError
from embedscope.readers._row_strings import RowStrings
from embedscope.readers.facts import Facts
from embedscope.readers.paths import Place, on_disk, state_of

IDS = ("index", "faiss")


def open_faiss(path: Place, key: str | None = None) -> Stream:
    """The vectors that an index searches, by rising id where it keeps ids in inverted lists, else as they were added.

    A transform in front of an index (OPQ, PCA, a repair that was exported) is left out: the vectors are those behind
    it. Notes say so, where codes are lossy, and where ids are not unique.
    """
    if key is not None:
        raise InputError(f"{path} is an index without names; leave out '::{key}'")
    version = state_of(path)[2]
    held = _index(path, version)
    if not held.n:
        raise EmptyFileError(f"{path} must hold at least one vector, got an empty index")
    return FaissStream(path, held.kind, held.n, held.d, version, held.notes, held.ids is not None, held.dtype)


@dataclass(frozen=True)
class FaissStream:
    """Vectors of an index, which is held in memory whole while it is read.

    Attributes
    ----------
    kind : class of the index in FAISS that holds the vectors
    version : tells that the file is still the same
    notes : what must be known
    has_ids : whether it keeps ids of its vectors
    dtype : float32, or bits
    """

    path: Place
    kind: str
    n_rows: int
    dim: int
    version: str
    notes: tuple[str, ...] = ()
    has_ids: bool = False
    dtype: str = "float32"

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of the one space."""
        return {"vectors": self.dim}

    @property
    def facts(self) -> Facts:
        """What was found."""
        return Facts((self.path,), {"vectors": self.dtype}, notes=(f"{self.kind}, held in memory whole", *self.notes))

    @property
    def row_ids(self) -> RowStrings | None:
        """The ids of the vectors, where the index keeps them."""
        return RowStrings(f"ids of {self.path}", self._ids) if self.has_ids else None

    def _ids(self) -> Iterator[Sequence[str]]:
        ids = _index(self.path, self.version).ids
        assert ids is not None  # has_ids
        for a in range(0, len(ids), 8192):
            yield [str(i) for i in ids[a : a + 8192].tolist()]

    def shards(self) -> Sequence[Shard]:
        """Fixed row ranges."""
        return [FaissShard(self, a, b) for a, b in plan(self.n_rows, self.dim)]


@dataclass(frozen=True)
class FaissShard:
    """Vectors ``start .. stop`` of an index."""

    stream: FaissStream
    start: int
    stop: int

    @property
    def label(self) -> str:
        """What errors call it."""
        return str(self.stream.path)

    @guard_batches
    def batches(self) -> Iterator[Batch]:
        """The vectors in blocks."""
        s = self.stream
        held = _index(s.path, s.version)
        for a, b in cuts(self.start, self.stop, s.dim):
            x = held.rows(a, b)
            if x.shape != (b - a, s.dim):
                raise InputError(f"{s.path} gave vectors of shape {x.shape}, wanted {(b - a, s.dim)}")
            check_finite(x, str(s.path), a)
            ids = hash_rows(a, b)
            yield Batch(ids, ids, {"vectors": x})


@lru_cache(maxsize=1)
def _index(path: Place, version: str) -> Held:
    """The index, taken apart; the last one read is kept."""
    faiss = require("faiss", "faiss", f"reading {path}")
    with path.open("rb") as file:
        binary = file.read(3)[:2] == b"IB"
    try:
        here, read = on_disk(path), faiss.read_index_binary if binary else faiss.read_index
        with _bound_by(path.stat().st_size, faiss):
            if here is not None:
                index = read(str(here))
            else:
                with path.open() as file:
                    index = read(faiss.PyCallbackIOReader(file.read))
        held = replace(take_apart(faiss, index, str(path)), owner=index)
        if held.n:
            held.rows(0, 1)
    except RuntimeError as error:
        said = reason(error).rpartition("failed: ")[2]
        raise InputError(
            f"{path} is not an index whose vectors can be read back ({said}); save them as .npy"
        ) from error
    return held


@contextmanager
def _bound_by(size: int, faiss: Any) -> Iterator[None]:
    """Within the block no list of numbers in an index may say that it is larger than ``size`` bytes, its file.

    FAISS takes the memory before it reads the numbers. Old versions have no bound to set.
    """
    if not hasattr(faiss, "set_deserialization_vector_byte_limit"):
        yield
        return
    usual = faiss.get_deserialization_vector_byte_limit()
    faiss.set_deserialization_vector_byte_limit(min(size, usual))
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(usual)


ENTRIES = dict.fromkeys(IDS, open_faiss)
