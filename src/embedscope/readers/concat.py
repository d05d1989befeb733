"""Files one after the other as one stream: rows are numbered on, so it does not matter how they are split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.readers._blocks import plan
from embedscope.readers._row_strings import RowStrings, chain_strings, in_order, other_columns
from embedscope.readers.facts import Facts, facts_of, together
from embedscope.readers.held import held_bytes


def concat(parts: Sequence[Stream]) -> Stream:
    """The rows of ``parts``, which must have the same spaces and dimensions; a single one is its own stream."""
    first = parts[0]
    for part in parts:
        if dict(part.dims) != dict(first.dims):
            raise InputError(
                f"{facts_of(first).files[0]} holds {_widths(first)}, {facts_of(part).files[0]} holds {_widths(part)}; "
                "files read as one must have the same spaces and dimensions"
            )
    return first if len(parts) == 1 else JoinedStream(tuple(parts))


@dataclass(frozen=True)
class JoinedStream:
    """Streams of the same spaces, one after the other."""

    parts: tuple[Stream, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return self.parts[0].dims

    @property
    def n_rows(self) -> int:
        """Number of rows of all parts."""
        return sum(part.n_rows or 0 for part in self.parts)

    @property
    def held(self) -> int:
        """Bytes that a worker holds at most beside the blocks that it gives."""
        return max(held_bytes(part) for part in self.parts)

    @property
    def facts(self) -> Facts:
        """What the parts are made of."""
        return together(self.parts)

    @property
    def row_ids(self) -> RowStrings | None:
        """The ids of the rows, where all parts have them."""
        return chain_strings(self.parts, "row_ids")

    @property
    def row_texts(self) -> RowStrings | None:
        """The texts of the rows, where all parts have them."""
        return chain_strings(self.parts, "row_texts")

    @property
    def row_columns(self) -> Mapping[str, RowStrings]:
        """The other columns of the rows, where all parts have them."""
        held = [other_columns(part) for part in self.parts]
        return {
            name: in_order([columns[name] for columns in held])
            for name in held[0]
            if all(name in columns for columns in held)
        }

    def shards(self) -> Sequence[Shard]:
        """Shards of the parts in order; small ones are put together until they have a planned shard's rows."""
        wanted = plan(self.n_rows, max(self.dims.values()))[0][1]
        shards: list[Shard] = []
        pieces: list[tuple[Shard, int]] = []
        rows = offset = 0
        for part in self.parts:
            own_shards: Sequence[Any] = part.shards()
            starts = [*(shard.start for shard in own_shards), part.n_rows or 0]
            for shard, (start, stop) in zip(own_shards, itertools.pairwise(starts), strict=True):
                pieces.append((shard, offset + start))
                rows += stop - start
                if rows >= wanted:
                    shards.append(JoinedShard(tuple(pieces)))
                    rows, pieces = 0, []
            offset += part.n_rows or 0
        return [*shards, JoinedShard(tuple(pieces))] if pieces else shards


@dataclass(frozen=True)
class JoinedShard:
    """Shards of files with the number that the first row of each has in the whole."""

    pieces: tuple[tuple[Shard, int], ...]

    @property
    def start(self) -> int:
        """Number of the first row."""
        return self.pieces[0][1]

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, known by their numbers in the whole."""
        for shard, row in self.pieces:
            for batch in shard.batches():
                ids = hash_rows(row, row + len(batch.ids))
                yield replace(batch, ids=ids, clusters=ids)
                row += len(batch.ids)


def one_by_one(shards: Sequence[Shard]) -> list[Shard]:
    """``shards`` with those that were put together from small files taken apart again, so that each is of one file."""
    apart: list[Shard] = []
    for shard in shards:
        apart += [JoinedShard((piece,)) for piece in shard.pieces] if isinstance(shard, JoinedShard) else [shard]
    return apart


def _widths(stream: Stream) -> str:
    return ", ".join(f"{space} {dim} dimensions" for space, dim in stream.dims.items())
