"""What every statistic of this package offers, and the two ways of making one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from embedscope.core.accumulate import Accumulator, Need, fold
from embedscope.core.arrays import Array, Hashes, as_matrix, is_torch
from embedscope.core.block import RowBlock, Scratch
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.core.threads import in_threads

BLOCK = 2048
"""Rows turned to float64 at a time where they come in one piece."""

_PART = 16_384


class Statistic(ABC):
    """A frozen result of an accumulator.

    Attributes
    ----------
    n : rows taken in; rows that a statistic leaves out (zero rows of cosines) are not among them
    zero_rows : rows of length zero that were met
    """

    n: int
    zero_rows: int

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of the rows."""

    def perturb(self, reference: Self) -> Self:
        """Itself, left out a group, with what ``reference`` (all rows) holds fixed taken from there."""
        return self


R = TypeVar("R", bound=Statistic)


class Blockwise(Accumulator[R], Generic[R]):
    """State that is fed in blocks, whose shared parts it uses."""

    @abstractmethod
    def take(self, block: RowBlock) -> Self:
        """Take in a block of rows."""

    def update(self, x: Array, ids: Hashes) -> Self:
        """Take in the rows ``x`` (n, d)."""
        scratch = Scratch()
        for start in range(0, len(x), BLOCK):
            self.take(RowBlock(x[start : start + BLOCK], ids[start : start + BLOCK], scratch))
        return self


class Folded(Blockwise[R], Generic[R]):
    """State that is the result itself: a block of rows makes one, two join into one; results are never changed."""

    def __init__(self, of_rows: Callable[[RowBlock], R], combine: Callable[[R, R], R]) -> None:
        self._of_rows = of_rows
        self._combine = combine
        self._state: R | None = None

    def take(self, block: RowBlock) -> Self:
        """Take in a block of rows."""
        self._add(self._of_rows(block))
        return self

    def merge(self, other: Self) -> Self:
        """Take in ``other``, which stays untouched."""
        if other._state is not None:
            self._add(other._state)
        return self

    def result(self) -> R:
        """The statistic so far; ``InputError`` where no row came."""
        if self._state is None:
            raise no_rows()
        return self._state

    def _add(self, more: R) -> None:
        if self._state is not None:
            check_width(self._state.dim, more.dim)
            more = self._combine(self._state, more)
        self._state = more


def check_width(wanted: int, got: int) -> None:
    """Raise ``InputError`` where rows with different dimensions meet in one statistic."""
    if wanted != got:
        raise InputError(f"rows must have {wanted} dimensions like the rows before them, got {got}; measure them apart")


def no_rows() -> InputError:
    """The error of a statistic that was never fed."""
    return InputError("a statistic needs at least one row, got none; check that the source holds rows")


def statistic_of(need: Need[Any], x: Array, ids: Hashes | None = None) -> Any:
    """Result of ``need`` on the matrix ``x`` (n, d), with the passes it depends on.

    ``ids`` (n,) are hashes of the rows' identities, by default of their numbers. A large numpy array is worked on in up
    to eight parts, which n alone decides, on as many threads as there are cores. Raises ``InputError`` where ``x`` is
    not a finite matrix.
    """
    x = as_matrix(x)
    ids = hash_rows(0, len(x)) if ids is None else ids
    results = {dependency: statistic_of(dependency, x, ids) for dependency in need.depends}

    def state(start: int) -> Accumulator[Any]:
        return need.start(results).update(x[start : start + step], ids[start : start + step])

    step = max(_PART, -(-len(x) // 8))
    if is_torch(x) or len(x) <= step:
        return need.start(results).update(x, ids).result()
    return fold(in_threads(state, range(0, len(x), step)), lambda a, b: a.merge(b)).result()
