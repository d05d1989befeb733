"""Measure = finish(merge(update)): mergeable statistics and the fixed tree that folds them.

A *need* is a frozen recipe (hashable, so that metrics which need the same thing share one state). ``start`` makes its
accumulator; a need of the second pass names the needs it ``depends`` on and gets their results.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from embedscope.core.arrays import Array, Hashes

R = TypeVar("R")
S = TypeVar("S")


class Accumulator(ABC, Generic[R]):
    """State of one statistic: fed in batches, merged with its like, read as a frozen result."""

    @abstractmethod
    def update(self, x: Array, ids: Hashes) -> Self:
        """Take in the rows ``x`` (n, d), in place; ``ids`` (n,) are hashes of the rows' identities."""

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """Take in the state ``other``, which stays untouched; associative to rounding."""

    @abstractmethod
    def result(self) -> R:
        """The frozen statistic so far; pure, may be called at any time."""


@dataclass(frozen=True)
class Need(Generic[R]):
    """Recipe of a statistic: equal recipes share one state."""

    @property
    def depends(self) -> tuple[Need[Any], ...]:
        """Needs of the pass before, whose results ``start`` is given; empty for the first pass."""
        return ()

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[R]:
        """A fresh accumulator; ``results`` holds the results of ``depends``."""
        raise TypeError(f"{type(self).__name__} must define start()")


def fold(states: Iterable[S], merge: Callable[[S, S], S]) -> S:
    """Merge ``states`` in a balanced tree fixed by their order; at most log2(n) + 1 are kept at a time.

    The shape of the tree depends on the number of states alone, so the result has the same bits however many workers
    made them.

    >>> fold("abcde", lambda a, b: f"({a}{b})")
    '(((ab)(cd))e)'
    """
    stack: list[tuple[int, S]] = []
    for state in states:
        height = 0
        while stack and stack[-1][0] == height:
            state = merge(stack.pop()[1], state)
            height += 1
        stack.append((height, state))
    if not stack:
        raise ValueError("fold needs at least one state, got none")
    total = stack.pop()[1]
    while stack:
        total = merge(stack.pop()[1], total)
    return total
