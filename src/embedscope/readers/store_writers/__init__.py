"""Vector stores as places to write to: one file each, by the scheme of their address.

Vectors are replaced by the ids of their rows, so that a block may be written twice. Further stores are entry points of
the group ``embedscope.store_writers``: a :class:`StoreTarget`.
"""

from __future__ import annotations

from embedscope.core.registry import Registry
from embedscope.readers.store_writers._target import Block, Blocks, Loss, Made, NewCollection, StoreTarget, StoreWriter

__all__ = ["STORE_WRITERS", "Block", "Blocks", "Loss", "Made", "NewCollection", "StoreTarget", "StoreWriter"]

STORE_WRITERS: Registry[StoreTarget] = Registry("store to write to", "embedscope.readers.store_writers")
"""Scheme -> how collections are changed and made."""
