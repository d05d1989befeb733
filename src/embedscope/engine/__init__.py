"""Where the work on shards is done: here, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from embedscope.core.ids import GROUPS
from embedscope.engine.local import Local, one_blas_thread

__all__ = ["Engine", "Local", "local_engine", "one_blas_thread"]

_STATES = 1 << 31

S = TypeVar("S")
R = TypeVar("R")


class Engine(Protocol):
    """Something that works on shards and gives the outcomes in the order of the shards."""

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """``work`` of every shard, in their order; lazily, so that only a few outcomes are held at a time."""


def local_engine(dims: Iterable[int]) -> Local:
    """As many workers as this process has cores, fewer where their states of spaces ``dims`` wide would pass 2 GiB."""
    state = sum(8 * GROUPS * d * d for d in dims)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Local(max(1, min(cores, _STATES // max(state, 1))))
