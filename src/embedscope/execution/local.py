"""Shards processed in this process, one at a time or several in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from embedscope.core.errors import InputError
from embedscope.core.threads import in_threads

IDS = ("local",)

S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True)
class Local:
    """Engine of this process; with ``workers`` > 1 in threads, with at most ``workers`` results waiting.

    Results come in the order of the shards and every matrix product runs on one thread, so that merged states have the
    same bits for any number of workers; blocks are too small to gain from threads inside a product.

    >>> list(Local(workers=2).map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1, got {self.workers}")

    def map(self, work: Callable[[S], R], shards: Sequence[S]) -> Iterator[R]:
        """``work`` of every shard, in their order."""
        return in_threads(work, shards, self.workers)


ENTRIES = {"local": Local}
