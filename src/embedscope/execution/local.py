"""Work in this process, one shard after the other or a few at a time in threads."""

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
        return in_threads(work, shards, self.workers)


ENTRIES = {"local": Local}
