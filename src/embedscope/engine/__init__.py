"""Where the work on shards is done: here, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from embedscope.engine.local import Local

__all__ = ["Engine", "Local"]

S = TypeVar("S")
R = TypeVar("R")


class Engine(Protocol):
    """Something that works on shards and gives the outcomes in the order of the shards."""

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """``work`` of every shard, in their order; lazily, so that only a few outcomes are held at a time."""
