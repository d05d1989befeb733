"""One statistic over all rows and without each of 16 groups, in one pass.

Groups follow the hash of a row's cluster (its sentence, document, concept), never its position: a file sorted by topic
would otherwise give groups that differ by topic, and an error bar of nothing.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Hashes, is_torch
from embedscope.core.block import RowBlock, Scratch, empty_like, norms_of
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS, groups_of
from embedscope.stats.units import Units

R = TypeVar("R")

CAPACITY = 1024
"""Rows of a group that are worth a matrix product."""

_WAITING = 1 << 21
_WIDE = 2048


def groups_for(dim: int) -> int:
    """Jackknife groups for rows of ``dim`` dimensions: 16, and 8 beyond 2,048, where 16 scatters would be gigabytes.

    >>> groups_for(768), groups_for(4096)
    (16, 8)
    """
    return GROUPS if dim <= _WIDE else GROUPS // 2


def capacity_of(dims: Iterable[int]) -> int:
    """Rows of a group that wait for a block, for spaces of ``dims`` dimensions: fewer where there are many dimensions.

    >>> capacity_of([512]), capacity_of([4096]), capacity_of([768] * 13)
    (1024, 512, 128)
    """
    each = max(1, _WAITING // max(sum(dims), 1))
    return min(CAPACITY, max(128, 1 << (each.bit_length() - 1)))


@dataclass(frozen=True, eq=False)
class GroupedResult(Generic[R]):
    """A statistic with its leave-one-group-out companions.

    Attributes
    ----------
    full : over all rows
    left_out : without each group; empty where there are no groups, or rows in fewer than two of them
    sizes : rows in each group, aligned with ``left_out``
    units : units of evidence that the rows hold, None where they were not counted
    """

    full: R
    left_out: tuple[R, ...] = ()
    sizes: tuple[int, ...] = ()
    units: Units | None = None


class RowGroups:
    """Rows gathered by the jackknife group of their clusters, given back in blocks of up to ``capacity`` rows of one.

    Blocks are large enough for matrix products, and each is cut where it is whatever the batches were. The memory of a
    block is used again once the next one is asked for.
    """

    def __init__(self, capacity: int = CAPACITY, n_groups: int = GROUPS) -> None:
        self.capacity = capacity
        self.n_groups = n_groups
        self._waiting: dict[int, _Waiting] = {}
        self._scratch = Scratch()

    def add(
        self, x: Array, ids: Hashes, clusters: Hashes, joint: bool = False, norms: Array | None = None
    ) -> Iterator[tuple[int, RowBlock]]:
        """Take in the rows ``x`` (n, d), whose lengths are ``norms`` (n,); give (group, block) for each that is full.

        ``joint`` says that clusters are units of several rows each, which blocks then carry.
        """
        if not len(x) == len(ids) == len(clusters):
            raise InputError(
                f"rows, ids and clusters must have the same length, got {len(x)}, {len(ids)} and {len(clusters)}"
            )
        norms, kind = norms_of(x) if norms is None else norms, _kind(x)
        groups = groups_of(clusters, self.n_groups).astype(np.uint16)
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(self.n_groups + 1))
        for g, (start, stop) in enumerate(itertools.pairwise(bounds.tolist())):
            while start < stop:
                waiting = self._waiting.get(g)
                if waiting is None or waiting.kind != kind:
                    if waiting is not None:
                        yield g, waiting.block(self._scratch)
                    waiting = self._waiting[g] = _Waiting(x, self.capacity, g)
                start += waiting.add(x, ids, norms, order[start:stop], clusters if joint else None)
                if waiting.n == self.capacity:
                    yield g, waiting.block(self._scratch)

    def rest(self) -> Iterator[tuple[int, RowBlock]]:
        """What waits, group by group."""
        for g in sorted(self._waiting):
            if self._waiting[g].n:
                yield g, self._waiting[g].block(self._scratch)


def _kind(x: Array) -> tuple[object, ...]:
    """What rows ``x`` (n, d) must share with others to wait in one block with them."""
    return is_torch(x), x.dtype, int(x.shape[1]), getattr(x, "device", None)


class _Waiting:
    """Rows of one group that wait for more, in the precision they came in."""

    def __init__(self, like: Array, capacity: int, group: int) -> None:
        self.kind = _kind(like)
        self._x = empty_like(like, capacity)
        self._ids = np.empty(capacity, dtype=np.uint64)
        self._norms = empty_like(like[:, :1], capacity, "float64")[:, 0]
        self._units: Hashes | None = None
        self._group = group
        self.n = 0

    def add(self, x: Array, ids: Hashes, norms: Array, index: np.ndarray[Any, Any], units: Hashes | None) -> int:
        """Copy as many rows ``index`` of ``x`` as there is room for, and say how many."""
        index = index[: len(self._x) - self.n]
        here = slice(self.n, self.n + len(index))
        if is_torch(x):
            rows = sys.modules["torch"].as_tensor(index, device=x.device)
            self._x[here], self._norms[here] = x[rows], norms[rows]
        else:
            np.take(x, index, axis=0, out=self._x[here], mode="clip")
            self._norms[here] = norms[index]
        self._ids[here] = ids[index]
        if units is not None:
            if self._units is None:  # rows before these are units by themselves
                self._units = self._ids.copy()
            self._units[here] = units[index]
        elif self._units is not None:
            self._units[here] = self._ids[here]
        self.n += len(index)
        return len(index)

    def block(self, scratch: Scratch) -> RowBlock:
        """The rows that wait; the next ones take their place."""
        n, self.n = self.n, 0
        units = None if self._units is None else self._units[:n]
        return RowBlock(self._x[:n], self._ids[:n], scratch, units, self._group, self._norms[:n])


class Grouped(Generic[R]):
    """The statistic ``need`` kept apart for ``n_groups`` groups of rows; 0 groups means no error bars.

    ``results`` holds the results, over all rows, of the needs it depends on: means and directions stay fixed.
    """

    def __init__(self, need: Need[R], results: Mapping[Need[Any], Any], n_groups: int = GROUPS) -> None:
        self.need = need
        self.n_groups = n_groups
        self._results = {dependency: results[dependency] for dependency in need.depends}
        self._states = [self._fresh() for _ in range(max(n_groups, 1))]
        self._sizes = [0] * max(n_groups, 1)
        self.units: Units | None = None

    def update(self, x: Array, ids: Hashes, clusters: Hashes) -> Self:
        """Take in the rows ``x`` (n, d) with hashes of their identities and clusters (n,)."""
        rows = RowGroups(n_groups=max(self.n_groups, 1))
        joint = clusters is not ids and not np.array_equal(ids, clusters)
        for g, block in itertools.chain(rows.add(x, ids, clusters, joint), rows.rest()):
            self.take(g, block)
        return self

    def take(self, group: int, block: RowBlock) -> Self:
        """Take in a block of rows of one ``group``, of as many groups or of a multiple."""
        g = group % max(self.n_groups, 1)
        self._states[g].take(block)
        self._sizes[g] += len(block)
        return self

    def merge(self, other: Self) -> Self:
        """Take in ``other``, which stays untouched."""
        if (other.need, other.n_groups) != (self.need, self.n_groups):
            raise InputError(f"cannot merge {other.need} in {other.n_groups} groups into {self.need}, {self.n_groups}")
        for g, state in enumerate(other._states):
            self._states[g].merge(state)
            self._sizes[g] += other._sizes[g]
        return self

    def result(self) -> GroupedResult[R]:
        """The statistic over all rows, and without each group by merging what lies before and after it."""
        states = [state for state, size in zip(self._states, self._sizes, strict=True) if size]
        full = self._merge(states or self._states).result()
        if len(states) < 2:
            return GroupedResult(full, units=self.units)
        after = [self._fresh()]
        for state in states[:0:-1]:
            after.append(self._merge([state, after[-1]]))
        before, without = self._fresh(), []
        for state in states:
            without.append(self._merge([before, after.pop()]).result())
            before.merge(state)
        left = iter(without)
        return GroupedResult(
            full, tuple(next(left) if size else full for size in self._sizes), tuple(self._sizes), self.units
        )

    def _fresh(self) -> Accumulator[R]:
        return self.need.start(self._results)

    def _merge(self, states: Sequence[Accumulator[R]]) -> Accumulator[R]:
        total = self._fresh()
        for state in states:
            total.merge(state)
        return total
