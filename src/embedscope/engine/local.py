"""Work in this process, one shard after the other or a few at a time in threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from embedscope.core.errors import InputError

IDS = ("local",)

S = TypeVar("S")
R = TypeVar("R")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products on one thread in the block: the same bits on any machine, and no waiting in small products."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1, user_api="blas"):
        yield


@dataclass(frozen=True)
class Local:
    """Engine of this process; with ``workers`` > 1 in threads, at most ``workers`` outcomes waiting.

    Outcomes come in the order of the shards and matrix products run on one thread each, so what is folded from them
    has the same bits for any number of workers; and blocks are too small to gain from threads inside a product.

    >>> list(Local(workers=2).map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1, got {self.workers}")

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """``work`` of every shard, in their order."""
        with one_blas_thread():
            if min(self.workers, len(shards)) == 1:
                yield from (work(shard) for shard in shards)
            else:
                yield from self._in_threads(work, shards)

    def _in_threads(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Future[R]] = deque()
            try:
                for shard in shards:
                    waiting.append(pool.submit(work, shard))
                    if len(waiting) > self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


ENTRIES = {"local": Local}
