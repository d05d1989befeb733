"""Vector stores as streams: one file each, a scheme each (``lancedb:PATH/TABLE::vector``), read in blocks.

A store gives Arrow record batches, so its columns of vectors, ids and texts are found as those of any other table.
Further stores are entry points of the group ``embedscope.stores``: a function of (:class:`StorePlace`, key).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from embedscope.core.registry import Registry
from embedscope.readers.columns import ColumnStream
from embedscope.readers.stores._place import StorePlace

__all__ = ["STORES", "StorePlace", "place_of"]

STORES: Registry[Callable[[StorePlace, str | None], ColumnStream]] = Registry(
    "vector store", "embedscope.readers.stores"
)
"""Scheme -> function of (place, key) that opens a collection."""


def place_of(place: str) -> StorePlace | None:
    """The collection of a vector store that ``place`` names, None where it has no scheme of one.

    >>> place_of("lancedb:data/docs").path, place_of("lancedb:data/docs").collection, place_of("data/docs.npy")
    ('data', 'docs', None)
    """
    scheme = re.match(r"([a-z]{3,}):", place)
    return StorePlace(place) if scheme is not None and scheme[1] in STORES else None
