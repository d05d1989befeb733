"""A sample of rows that does not depend on their order: those with the smallest hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Hashes, to_numpy
from embedscope.core.block import RowBlock
from embedscope.core.ids import combine
from embedscope.stats.statistic import Folded, Statistic


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
        """Bytes of its state: the rows."""
        return self.k * (8 * dim + 16)

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[SampledRows]:
        """A new accumulator."""
        return Folded(self._of_rows, self._joined)

    def _of_rows(self, block: RowBlock) -> SampledRows:
        keys = combine(block.ids, self.seed)
        order = np.argsort(keys, kind="stable")[: self.k]
        return SampledRows(len(block), to_numpy(block.x[order]), block.ids[order], keys[order], block.zero_rows)

    def _joined(self, a: SampledRows, b: SampledRows) -> SampledRows:
        keys = np.concatenate([a.keys, b.keys])
        order = np.argsort(keys, kind="stable")[: self.k]
        first = order < len(a.keys)
        if first.all():  # b brings nothing
            return SampledRows(a.n + b.n, a.x, a.ids, a.keys, a.zero_rows + b.zero_rows)
        x = np.empty((len(order), a.dim), dtype=np.result_type(a.x, b.x))
        x[first], x[~first] = a.x[order[first]], b.x[order[~first] - len(a.keys)]
        ids = np.concatenate([a.ids, b.ids])[order]
        return SampledRows(a.n + b.n, x, ids, keys[order], a.zero_rows + b.zero_rows)
