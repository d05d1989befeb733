"""FAISS indexes: the vectors they store, or what their codes give back, in the order they were added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from embedscope.core.arrays import check_finite
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import cuts, plan
from embedscope.readers._facts import Facts
from embedscope.readers._keys import EmptyFileError
from embedscope.readers._paths import Place, state_of

IDS = ("index", "faiss")

_EXACT = frozenset({"IndexFlat", "IndexFlatL2", "IndexFlatIP", "IndexIVFFlat", "IndexHNSWFlat", "IndexNSGFlat"})
_CODED = frozenset({"IndexPQ", "IndexScalarQuantizer", "IndexIVFPQ", "IndexIVFScalarQuantizer", "IndexPreTransform"})
_CODED |= {"IndexHNSWPQ", "IndexHNSWSQ"}


def open_faiss(path: Place, key: str | None = None) -> Stream:
    """The vectors of an index that can give them back; a note says so where its codes are lossy."""
    if key is not None:
        raise InputError(f"{path} is an index without names; leave out '::{key}'")
    index, kind, _ = _index(path, state_of(path)[2])
    if not index.ntotal:
        raise EmptyFileError(f"{path} must hold at least one vector, got an empty index")
    return FaissStream(path, kind, int(index.ntotal), int(index.d), state_of(path)[2])


@dataclass(frozen=True)
class FaissStream:
    """Vectors of an index, which is held in memory whole while it is read.

    Attributes
    ----------
    kind : class of the index in FAISS
    version : tells that the file is still the same
    """

    path: Place
    kind: str
    n_rows: int
    dim: int
    version: str

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of the one space."""
        return {"vectors": self.dim}

    @property
    def facts(self) -> Facts:
        """What was found."""
        held = f"{self.kind}, held in memory whole"
        lossy = f"{self.kind} is lossy: its vectors are what the codes give back, not those that were added"
        return Facts((self.path,), {"vectors": "float32"}, notes=(held if self.kind in _EXACT else lossy,))

    def shards(self) -> Sequence[Shard]:
        """Fixed row ranges."""
        return [FaissShard(self, a, b) for a, b in plan(self.n_rows, self.dim)]


@dataclass(frozen=True)
class FaissShard:
    """Vectors ``start .. stop`` of an index."""

    stream: FaissStream
    start: int
    stop: int

    def batches(self) -> Iterator[Batch]:
        """The vectors in blocks."""
        s = self.stream
        index, *_ = _index(s.path, s.version)
        for a, b in cuts(self.start, self.stop, s.dim):
            x = index.reconstruct_n(a, b - a)
            check_finite(x, str(s.path), a)
            ids = hash_rows(a, b)
            yield Batch(ids, ids, {"vectors": x})


@lru_cache(maxsize=1)
def _index(path: Place, version: str) -> tuple[Any, str, Any]:
    """The index, ready to give vectors back, the name of its kind, and who owns it; the last one read is kept."""
    faiss = require("faiss", "faiss", f"reading {path}")
    try:
        if isinstance(path, Path):
            index = faiss.read_index(str(path))
        else:
            with path.open() as file:
                index = faiss.read_index(faiss.PyCallbackIOReader(file.read))
        owner = index
        while type(index).__name__ in {"IndexIDMap", "IndexIDMap2"}:
            index = faiss.downcast_index(index.index)
        kind = type(index).__name__
        if kind not in _EXACT | _CODED:
            raise InputError(
                f"{path} is an index of kind {kind}, whose vectors cannot be read back; "
                f"wanted one of {', '.join(sorted(_EXACT | _CODED))}"
            )
        if hasattr(index, "make_direct_map"):
            index.make_direct_map()
        if index.ntotal:
            index.reconstruct(0)
    except RuntimeError as error:
        reason = str(error).splitlines()[0].rpartition(": ")[2]
        raise InputError(
            f"{path} is not an index whose vectors can be read back ({reason}); save them as .npy"
        ) from error
    return index, kind, owner


ENTRIES = dict.fromkeys(IDS, open_faiss)
