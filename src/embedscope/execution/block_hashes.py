"""Hashes of the rows of a shard, taken while they are read, so that a file that changed is noticed by its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.arrays import to_numpy
from embedscope.core.batch import Batch, Shard

DIGEST_BYTES = 16
UNREAD = bytes(DIGEST_BYTES)
"""Stands for a shard that could not be read."""


@dataclass(frozen=True)
class Outcome:
    """What came of a shard, and the BLAKE2b hash of its rows."""

    state: Any
    digest: bytes


@dataclass(frozen=True)
class Hashed:
    """``work`` that tells the hash of what it has read along with its outcome."""

    work: Callable[[Shard], Any]

    def __call__(self, shard: Shard) -> Outcome:
        """The outcome of ``shard`` with the hash of its rows."""
        read = _Read(shard)
        return Outcome(self.work(read), read.digest())

    def note_arrival(self, outcome: Any) -> None:
        """Pass on that an outcome came from elsewhere."""
        note_arrival = getattr(self.work, "note_arrival", None)
        if note_arrival is not None and isinstance(outcome, Outcome):
            note_arrival(outcome.state)


def digest_of(shard: Shard) -> bytes:
    """The hash of the rows of ``shard``, which reads them and does nothing else."""
    read = _Read(shard)
    for _ in read.batches():
        pass
    return read.digest()


class _Read:
    """A shard whose rows are hashed as they pass: types, shapes and bytes of every space, identities and clusters."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def batches(self) -> Iterator[Batch]:
        """The batches of the shard."""
        self._hash = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for batch in self._shard.batches():
            for name, x in (("", batch.ids), ("", batch.clusters), *batch.spaces.items()):
                rows = np.ascontiguousarray(to_numpy(x))
                self._hash.update(f"<{name}{rows.dtype.str}{rows.shape}".encode())
                self._hash.update(rows.reshape(-1).view(np.uint8).data if rows.size else b"")
            yield batch

    def digest(self) -> bytes:
        """The hash of all that has passed."""
        return self._hash.digest()
