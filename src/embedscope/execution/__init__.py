"""Where shards are processed: in this process, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS
from embedscope.core.threads import cores
from embedscope.execution.local import Local

__all__ = ["Engine", "Local", "local_engine", "open_engine"]

_STATES = 1 << 31

S = TypeVar("S")
R = TypeVar("R")


class Engine(Protocol):
    """Processes shards and yields the results in the order of the shards."""

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """``work`` of every shard, in order; lazily, so that only a few results are in memory at a time."""


def local_engine(dims: Iterable[int]) -> Local:
    """One worker per core, or fewer where their states of spaces with ``dims`` dimensions would exceed 2 GiB."""
    state = sum(8 * GROUPS * d * d for d in dims)
    return Local(max(1, min(cores(), _STATES // max(state, 1))))


def open_engine(text: str) -> Engine | None:
    """The engine called ``text``: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``.

    ``local`` alone gives None: the best number of threads depends on the source, see :func:`local_engine`. ``dask:N``
    starts N workers on this machine and ``dask`` one per core; nothing is started or connected before the first shard.

    Raises
    ------
    InputError
        if ``text`` is none of these.

    >>> open_engine("local"), open_engine("local:2")
    (None, Local(workers=2))
    >>> open_engine("dask:tcp://scheduler:8786").address
    'tcp://scheduler:8786'
    """
    name, _, rest = text.partition(":")
    if name == "local" and (not rest or rest.isdecimal()):
        return Local(int(rest)) if rest else None
    if name == "dask":
        from embedscope.execution.dask import Dask

        return Dask(workers=int(rest)) if rest.isdecimal() else Dask(rest or None)
    raise InputError(f"engine must be local, local:THREADS, dask, dask:WORKERS or dask:tcp://HOST:PORT, got '{text}'")
