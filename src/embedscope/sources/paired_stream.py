"""Two streams whose rows match by position, as one: a shard of the first, with the same rows of the second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import to_numpy
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows

LEFT, RIGHT = "left", "right"
UNEQUAL = "the two sides have different numbers of rows; pass equally many, or --pair-ids"

Matrix = npt.NDArray[Any]


@dataclass(frozen=True)
class PairedStream:
    """Rows of two streams of one space each, row i with row i; the spaces are ``left`` and ``right``."""

    left: Stream
    right: Stream

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of the two sides."""
        return {name: next(iter(side.dims.values())) for name, side in ((LEFT, self.left), (RIGHT, self.right))}

    @property
    def n_rows(self) -> int | None:
        """Number of rows, of the left side."""
        return self.left.n_rows

    @property
    def in_memory(self) -> bool:
        """Whether a side lies in this process' memory, so that its rows are worked on here."""
        from embedscope.readers import ArrayStream

        return isinstance(self.left, ArrayStream) or isinstance(self.right, ArrayStream)

    def shards(self) -> Sequence[Shard]:
        """The shards of the left side, each with those of the right that hold its rows; one, where starts are unknown.

        A shard of the right side that holds rows of two on the left is read for both.
        """
        sides = [list(self.left.shards()), list(self.right.shards())]
        spaces = next(iter(self.left.dims)), next(iter(self.right.dims))
        n = self.left.n_rows
        if (
            n is None
            or n != self.right.n_rows
            or not all(hasattr(shard, "start") for shards in sides for shard in shards)
        ):
            return [PairedShard(spaces, tuple(sides[0]), tuple(sides[1]), 0, 0, None)]
        starts = [[int(getattr(shard, "start")) for shard in shards] for shards in sides]  # noqa: B009
        stops = [[*start[1:], n] for start in starts]
        plan: list[Shard] = []
        for shard, start, stop in zip(sides[0], starts[0], stops[0], strict=True):
            held = [i for i in range(len(sides[1])) if starts[1][i] < stop and stops[1][i] > start]
            skipped = start - starts[1][held[0]] if held else 0
            plan.append(PairedShard(spaces, (shard,), tuple(sides[1][i] for i in held), start, skipped, stop - start))
        return plan


@dataclass(frozen=True)
class PairedShard:
    """Rows from ``start`` on: those of ``left``, and as many of ``right`` after the first ``skipped``.

    ``rows`` are how many there are, None for all of both sides.
    """

    spaces: tuple[str, str]
    left: tuple[Shard, ...]
    right: tuple[Shard, ...]
    start: int
    skipped: int
    rows: int | None

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks of the same rows of both sides."""
        row = self.start
        right = _after(_blocks(self.right, self.spaces[1]), self.skipped)
        for x, y in together(_blocks(self.left, self.spaces[0]), right, whole=self.rows is None):
            ids = hash_rows(row, row + len(x))
            yield Batch(ids, ids, {LEFT: x, RIGHT: y})
            row += len(x)
        if self.rows is not None and row - self.start != self.rows:
            raise InputError(UNEQUAL)


def together(a: Iterator[Matrix], b: Iterator[Matrix], *, whole: bool = True) -> Iterator[tuple[Matrix, Matrix]]:
    """Blocks of two sides cut to the same rows; ``whole`` is whether the second must end with the first."""
    x, y = next(a, None), next(b, None)
    while x is not None and y is not None:
        n = min(len(x), len(y))
        yield x[:n], y[:n]
        x = x[n:] if n < len(x) else next(a, None)
        y = y[n:] if n < len(y) else (next(b, None) if x is not None or whole else None)
    if x is not None or (whole and y is not None):
        raise InputError(UNEQUAL)


def _blocks(shards: Sequence[Shard], space: str) -> Iterator[Matrix]:
    for shard in shards:
        for batch in shard.batches():
            yield to_numpy(batch.spaces[space]).copy()


def _after(blocks: Iterator[Matrix], rows: int) -> Iterator[Matrix]:
    """``blocks`` without their first ``rows`` rows."""
    for x in blocks:
        if rows < len(x):
            yield x[rows:]
        rows = max(0, rows - len(x))


def whole_pair(x: Matrix, y: Matrix) -> PairedStream:
    """Two matrices of as many rows in memory."""
    from embedscope.readers import ArrayStream

    return PairedStream(ArrayStream({LEFT: np.asarray(x)}), ArrayStream({RIGHT: np.asarray(y)}))
