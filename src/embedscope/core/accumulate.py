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
from embedscope.core.block import RowBlock

R = TypeVar("R")
S = TypeVar("S")

_RUN = 16


class Accumulator(ABC, Generic[R]):
    """State of one statistic: fed in batches, merged with its like, read as a frozen result."""

    @abstractmethod
    def update(self, x: Array, ids: Hashes) -> Self:
        """Take in the rows ``x`` (n, d), in place; ``ids`` (n,) are hashes of the rows' identities."""

    def take(self, block: RowBlock) -> Self:
        """Take in a block of rows; a statistic that shares work with others on the same rows reads it from there."""
        return self.update(block.x, block.ids)

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

    def size(self, dim: int) -> int:
        """Bytes of its state for rows of ``dim`` dimensions, about; for a bound on memory."""
        return 64 * dim

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[R]:
        """A new accumulator; ``results`` holds the results of ``depends``."""
        raise TypeError(f"{type(self).__name__} must define start()")


class Fold(Generic[S]):
    """States merged in a tree fixed by their order: runs of 16 one after the other, then runs of these, and so on.

    The shape of the tree depends on the number of states alone, so the total has the same bits however many workers
    made them; and no more than log16(n) + 2 states are kept at a time.

    Attributes
    ----------
    levels : (how many states of the level below, their total), level by level; a run that is full has moved up
    """

    def __init__(self, merge: Callable[[S, S], S], levels: Iterable[tuple[int, S | None]] = ()) -> None:
        self._merge = merge
        self.levels: list[tuple[int, S | None]] = list(levels)

    def add(self, state: S) -> None:
        """Take in the next state."""
        for level, (count, total) in enumerate(self.levels):
            joined = state if total is None else self._merge(total, state)
            if count + 1 < _RUN:
                self.levels[level] = (count + 1, joined)
                return
            self.levels[level] = (0, None)
            state = joined
        self.levels.append((1, state))

    def total(self) -> S:
        """All states in one; ends the fold. ``ValueError`` where there was none."""
        merged: S | None = None
        while self.levels:
            _, before = self.levels.pop(0)
            merged = before if merged is None else merged if before is None else self._merge(before, merged)
        if merged is None:
            raise ValueError("fold needs at least one state, got none")
        return merged


def fold(states: Iterable[S], merge: Callable[[S, S], S]) -> S:
    """Merge ``states`` in the tree of :class:`Fold`.

    >>> fold("abcde", lambda a, b: f"({a}{b})")
    '((((ab)c)d)e)'
    """
    folded = Fold(merge)
    for state in states:
        folded.add(state)
        del state  # so that it is not held while the next one is made
    return folded.total()
