"""Vector stores as places to write to: one file each, by the scheme of their address.

Vectors are replaced by the ids of their rows, so that a block may be written twice. Further stores are entry points of
the group ``embedscope.store_writers``: a function of (:class:`StorePlace`, :class:`ColumnStream`, dimensions) that
opens a :class:`StoreWriter`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy.typing as npt

from embedscope.core.registry import Registry
from embedscope.readers._columns import ColumnStream
from embedscope.readers.stores import StorePlace

__all__ = ["STORE_WRITERS", "StoreWriter"]


class StoreWriter(Protocol):
    """The vectors of one column of a collection, written by the ids of its rows.

    Attributes
    ----------
    exact : whether the store gives back the numbers that were written, bit by bit; False where it L2-normalises
    notes : what the user must know or do afterwards
    """

    exact: bool
    notes: tuple[str, ...]

    def replace(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Write the vectors ``rows`` (n, d) to the rows called ``ids``; an id that is gone is passed over."""

    def read(self, ids: Sequence[str]) -> Mapping[str, npt.NDArray[Any]]:
        """What the store holds for those of ``ids`` that are there; asked of stores alone that are not exact."""


Opener = Callable[[StorePlace, ColumnStream, int], AbstractContextManager[StoreWriter]]

STORE_WRITERS: Registry[Opener] = Registry("store to write to", "embedscope.readers.store_writers")
"""Scheme -> function of (place, stream of its one column of vectors, dimensions to write) that opens a writer."""
