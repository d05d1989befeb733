"""A sample of rows that does not depend on their order: those with the smallest hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Hashes, to_numpy
from embedscope.core.block import RowBlock
from embedscope.core.ids import combine
from embedscope.stats.statistic import Blockwise, Statistic, check_width, no_rows


@dataclass(frozen=True, eq=False)
class SampledRows(Statistic):
    """The sampled rows, by ascending hash.

    Attributes
    ----------
    n : rows seen
    x : (m, d) rows sampled, m = min(k, n), in the precision they came in
    ids : (m,) their identities
    keys : (m,) their hashes, ascending
    units : (m,) hashes of their units of evidence, None where no unit of several rows is known
    """

    n: int
    x: npt.NDArray[Any]
    ids: Hashes
    keys: Hashes
    zero_rows: int = 0
    units: Hashes | None = None

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return int(self.x.shape[1])


@dataclass(frozen=True)
class RowSample(Need[SampledRows]):
    """The ``k`` rows with the smallest hash of (id, ``seed``): uniform, mergeable, the same for any order of rows."""

    k: int
    seed: int = 0

    def size(self, dim: int) -> int:
        """Bytes of its state: the rows, and half as many that wait."""
        return 3 * self.k * (8 * dim + 16) // 2

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[SampledRows]:
        """A new accumulator."""
        return _Sample(self.k, self.seed)


class _Sample(Blockwise[SampledRows]):
    """Rows with the smallest hashes, and up to half as many more that were among the smallest when they came.

    Most blocks of a long stream bring few rows, and none is copied for them but these.
    """

    def __init__(self, k: int, seed: int) -> None:
        self._k, self._seed = k, seed
        self._n = self._zero_rows = self._held = 0
        self._parts: list[tuple[Hashes, Hashes, npt.NDArray[Any]]] = []
        self._least: np.uint64 | None = None

    def take(self, block: RowBlock) -> Self:
        keys = combine(block.ids, self._seed)
        rows = np.arange(len(keys)) if self._least is None else np.flatnonzero(keys < self._least)
        self._n += len(block)
        self._zero_rows += block.zero_rows
        self._add([(keys[rows], block.ids[rows], np.asarray(to_numpy(block.x[rows])))])
        return self

    def merge(self, other: Self) -> Self:
        self._n += other._n
        self._zero_rows += other._zero_rows
        self._add(other._parts)
        return self

    def result(self) -> SampledRows:
        if not self._n:
            raise no_rows()
        keys, ids, x = self._smallest()
        return SampledRows(self._n, x, ids, keys, self._zero_rows)

    def _add(self, parts: Sequence[tuple[Hashes, Hashes, npt.NDArray[Any]]]) -> None:
        for part in parts:
            if self._parts:
                check_width(self._parts[0][2].shape[1], part[2].shape[1])
            if len(part[0]) or not self._parts:
                self._parts.append(part)
                self._held += len(part[0])
            if self._held > self._k + self._k // 2:
                self._parts, self._held = [self._smallest()], self._k
                self._least = self._parts[0][0][-1]  # a row of that hash or more comes after these

    def _smallest(self) -> tuple[Hashes, Hashes, npt.NDArray[Any]]:
        keys = np.concatenate([keys for keys, _, _ in self._parts])
        order = np.argsort(keys, kind="stable")[: self._k]
        ids = np.concatenate([ids for _, ids, _ in self._parts])[order]
        return keys[order], ids, np.concatenate([x for _, _, x in self._parts])[order]
