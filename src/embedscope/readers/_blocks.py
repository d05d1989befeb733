"""The plan of a stream (shards of fixed row ranges, blocks of fixed size) and arrays in memory as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from embedscope.core.arrays import Array, Hashes, as_matrix
from embedscope.core.batch import Batch, Shard
from embedscope.core.block import block_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.stats.equal_rows import named_units

_SHARD_ROWS = 32_768, 131_072
_SHARDS = 2048
"""Shards at most: each sends a state to whoever merges them, and of 10^9 rows these would be a thousand gigabytes."""


def plan(n: int, dim: int) -> list[tuple[int, int]]:
    """Row ranges of the shards of ``n`` rows of ``dim`` dimensions: about eight of one size, 32,768 to 131,072 rows.

    More where there are more rows, 2,048 at most; and 32 ``dim`` rows where that is more, since few rows a shard would
    spend the time on merging states of ``dim`` x ``dim``.

    >>> plan(70000, 384)
    [(0, 23552), (23552, 47104), (47104, 70000)]
    >>> len(plan(10**9, 1024))
    2048
    """
    block, (least, most) = block_rows(dim), _SHARD_ROWS
    wanted = max(least, 32 * dim, min(most, -(-n // 8)), -(-n // _SHARDS))
    step = -(-n // (block * -(-n // wanted))) * block
    return [(start, min(start + step, n)) for start in range(0, n, step)]


def cuts(start: int, stop: int, dim: int) -> Iterator[tuple[int, int]]:
    """Row ranges of the blocks of a shard ``start .. stop``."""
    step = block_rows(dim)
    for first in range(start, stop, step):
        yield first, min(first + step, stop)


@dataclass(frozen=True)
class ArrayShard:
    """Rows ``start .. stop`` of arrays in memory."""

    stream: ArrayStream
    start: int
    stop: int

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks."""
        s = self.stream
        for a, b in cuts(self.start, self.stop, max(s.dims.values())):
            ids = hash_rows(a, b) if s.ids is None else s.ids[a:b]
            clusters = ids if s.clusters is None else s.clusters[a:b]
            units = None if s.units is None else {name: u[a:b] for name, u in s.units.items()}
            yield Batch(ids, clusters, {name: x[a:b] for name, x in s.spaces.items()}, units)


class ArrayStream:
    """Arrays in memory as a stream: ``spaces`` maps names to (n, d) numpy arrays or torch tensors, same n.

    Parameters
    ----------
    spaces : name -> (n, d); checked to be finite and real
    ids : (n,) uint64 hashes of the rows' identities (of texts, of names), which then decide the groups of rows; hashes
        of the row numbers where None
    clusters : (n,) uint64 hashes of what rows belong to; the ids where None
    """

    def __init__(self, spaces: Mapping[str, Array], ids: Hashes | None = None, clusters: Hashes | None = None) -> None:
        if not spaces:
            raise InputError("got no arrays; pass at least one (n, d) array")
        self.spaces = {name: as_matrix(x, name) for name, x in spaces.items()}
        sizes = {name: int(x.shape[0]) for name, x in self.spaces.items()}
        if len(set(sizes.values())) > 1:
            raise InputError(f"spaces must have the same rows, got {sizes} rows; measure them one by one")
        self.ids, self.clusters = ids, clusters
        self._n = next(iter(sizes.values()))
        for name, hashes in (("ids", ids), ("clusters", clusters)):
            if hashes is not None and hashes.shape != (self._n,):
                raise InputError(f"{name} must have shape ({self._n},), got {hashes.shape}; pass one hash per row")

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return {name: int(x.shape[1]) for name, x in self.spaces.items()}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._n

    @cached_property
    def units(self) -> Mapping[str, Hashes] | None:
        """Units of equal rows of every space by the ids of the rows; None where rows have none of their own."""
        if self.ids is None or self.clusters is not None:
            return None
        return {name: named_units(x, self.ids) for name, x in self.spaces.items()}

    def shards(self) -> Sequence[Shard]:
        """The plan, decided by n and the widest space."""
        return [ArrayShard(self, a, b) for a, b in plan(self._n, max(self.dims.values()))]
