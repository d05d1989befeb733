"""One statistic over all rows and without each of 16 groups, in one pass.

Groups follow the hash of a row's cluster (its sentence, document, concept), never its position: a file sorted by topic
would otherwise give groups that differ by topic, and an error bar of nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import numpy as np

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Array, Hashes, is_torch, to_float64
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS, groups_of

R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class GroupedResult(Generic[R]):
    """A statistic with its leave-one-group-out companions.

    Attributes
    ----------
    full : over all rows
    left_out : without each group; empty where there are no groups, or rows in fewer than two of them
    sizes : rows in each group, aligned with ``left_out``
    """

    full: R
    left_out: tuple[R, ...] = ()
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class GroupedRows:
    """Rows in the order of their groups: group g holds ``x[bounds[g]:bounds[g + 1]]``, in float64."""

    x: Array
    ids: Hashes
    bounds: tuple[int, ...]


def rows_by_group(x: Array, ids: Hashes, clusters: Hashes, n_groups: int = GROUPS) -> GroupedRows:
    """Rows ``x`` (n, d) sorted by the jackknife group of ``clusters`` (n,); done once, it serves every statistic."""
    if not len(x) == len(ids) == len(clusters):
        raise InputError(f"rows, ids and clusters must be as many, got {len(x)}, {len(ids)} and {len(clusters)}")
    if n_groups == 0:
        return GroupedRows(to_float64(x), ids, (0, len(x)))
    groups = groups_of(clusters, n_groups)
    order = np.argsort(groups, kind="stable")
    bounds = np.searchsorted(groups[order], np.arange(n_groups + 1))
    index = _like(x, order)
    return GroupedRows(to_float64(x[index]), ids[order], tuple(int(b) for b in bounds))


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

    def update(self, x: Array, ids: Hashes, clusters: Hashes) -> Self:
        """Take in the rows ``x`` (n, d) with hashes of their identities and clusters (n,)."""
        return self.feed(rows_by_group(x, ids, clusters, self.n_groups))

    def feed(self, rows: GroupedRows) -> Self:
        """Take in rows that are sorted already."""
        for g, (start, stop) in enumerate(zip(rows.bounds[:-1], rows.bounds[1:], strict=True)):
            if stop > start:
                self._states[g].update(rows.x[start:stop], rows.ids[start:stop])
                self._sizes[g] += stop - start
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
        states = {g: self._joined([self._states[g]]) for g, size in enumerate(self._sizes) if size}
        full = self._joined(list(states.values())).result()
        if len(states) < 2:
            return GroupedResult(full)
        after = [self._fresh()]
        for state in list(states.values())[:0:-1]:
            after.append(self._joined([state, after[-1]]))
        before, without = self._fresh(), dict.fromkeys(range(self.n_groups), full)
        for g, state in states.items():
            without[g] = self._joined([before, after.pop()]).result()
            before.merge(state)
        return GroupedResult(full, tuple(without.values()), tuple(self._sizes))

    def _fresh(self) -> Accumulator[R]:
        return self.need.start(self._results)

    def _joined(self, states: Sequence[Accumulator[R]]) -> Accumulator[R]:
        total = self._fresh()
        for state in states:
            total.merge(state)
        return total


def _like(x: Array, index: np.ndarray[Any, Any]) -> Any:
    """``index`` as something that ``x`` can be indexed with, on its device."""
    return sys.modules["torch"].as_tensor(index, device=x.device) if is_torch(x) else index
