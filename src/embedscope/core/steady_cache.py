"""A cache that cannot end a run: where its folder fails, vectors go to a temporary one, and a note says so."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import LostChunkError, Place, VectorCache, temporary_folder
from embedscope.core.errors import CacheUnusableError

LOST_CHUNKS = 100
"""So many chunks may be lost while they are read, one after the other, before that is an error."""


class SteadyCache:
    """A :class:`VectorCache`, or none, that goes on in a temporary folder where it cannot be used.

    Parameters
    ----------
    kept : the cache; None for vectors that live as long as this object
    note : told of what went wrong
    """

    def __init__(self, kept: VectorCache | None, note: Callable[[str], None]) -> None:
        self._kept = kept
        self._spare: VectorCache | None = None
        self._in_spare: set[str] = set()
        self._note = note
        if kept is not None and kept.note is None:
            kept.note = note

    def find(self, namespace: str, keys: Sequence[bytes], owner: str) -> dict[bytes, Place]:
        """Places of those ``keys`` that are kept, here or there."""
        places: dict[bytes, Place] = {}
        if self._kept is not None:
            try:
                places = self._kept.find(namespace, keys, owner)
            except CacheUnusableError as error:
                self._give_up(error)
        if self._spare is not None:
            places |= self._spare.find(namespace, keys, owner)
        return places

    def put(self, namespace: str, keys: Sequence[bytes], spaces: Mapping[str, npt.NDArray[Any]], owner: str) -> str:
        """Keep rows as one chunk; its id."""
        if self._kept is not None:
            try:
                return self._kept.put(namespace, keys, spaces, owner)
            except CacheUnusableError as error:
                self._give_up(error)
        if self._spare is None:
            self._spare = _temporary()
        chunk = self._spare.put(namespace, keys, spaces, owner)
        self._in_spare.add(chunk)
        return chunk

    def read(self, chunk: str, space: str) -> npt.NDArray[np.float32]:
        """All rows (n, d) of one space of a chunk; ``LostChunkError`` where it is gone."""
        if chunk in self._in_spare and self._spare is not None:
            return self._spare.read(chunk, space)
        if self._kept is None:
            raise LostChunkError(f"chunk {chunk} was in a cache that cannot be used; its rows must be computed again")
        try:
            return self._kept.read(chunk, space)
        except CacheUnusableError as error:
            self._give_up(error)
            return self.read(chunk, space)

    def release(self, owner: str) -> None:
        """Unpin what ``owner`` has pinned."""
        if self._kept is not None:
            self._kept.release(owner)

    def _give_up(self, error: CacheUnusableError) -> None:
        self._note(f"{error}; this run goes on without it, and nothing new is kept")
        self._kept = None


def _temporary() -> VectorCache:
    """A cache without limit in a temporary folder, which goes with it."""
    folder = temporary_folder()
    cache = VectorCache(folder, limit_bytes=2**62)
    weakref.finalize(cache, shutil.rmtree, folder, ignore_errors=True)
    return cache
