"""Work on several threads of this process, with matrix products on one thread each."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar

S = TypeVar("S")
R = TypeVar("R")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products on one thread in the block: the same bits on any machine, and no waiting in small products."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@contextmanager
def one_faiss_thread() -> Iterator[None]:
    """What this thread asks of FAISS in the block is done by it alone: in small work other threads only wait."""
    faiss = sys.modules["faiss"]
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


_known: list[tuple[int, Any]] = []


def _controller() -> Any:
    """What sets the threads of every BLAS that is loaded; looked for again once something was imported."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    loaded = len(sys.modules)
    if not _known or _known[-1][0] != loaded:
        _known[:] = [(loaded, ThreadpoolController())]
    return _known[-1][1]


def in_threads(work: Callable[[S], R], items: Iterable[S], workers: int | None = None) -> Iterator[R]:
    """``work`` of every item, in their order, by ``workers`` threads (one a core); at most that many outcomes wait.

    Items are taken one by one as threads come free, so they may be made while others are worked on.

    >>> list(in_threads(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    rest, workers = iter(items), workers or cores()
    first = list(islice(rest, 2))
    with one_blas_thread():
        if min(workers, len(first)) <= 1:
            yield from map(work, chain(first, rest))
            return
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[R]] = deque()
            try:
                for item in chain(first, rest):
                    waiting.append(pool.submit(work, item))
                    if len(waiting) > workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
