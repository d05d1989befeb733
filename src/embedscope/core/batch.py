"""Rows and spaces: the one type that readers and encoders give and statistics take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from embedscope.core.arrays import Array, Hashes


@dataclass(frozen=True)
class Batch:
    """Some rows with their identities and their vectors in every space.

    Attributes
    ----------
    ids : (n,) uint64 hashes of the rows' identities
    clusters : (n,) uint64 hashes of what rows belong to (sentence of a token, ...); the ids where there is nothing
    spaces : name -> (n, d) vectors, numpy or torch
    units : name of a space -> (n,) the ids with one for all rows that are equal in it, where rows are known by more
        than their values (a text, an image); None where they are not
    """

    ids: Hashes
    clusters: Hashes
    spaces: Mapping[str, Array]
    units: Mapping[str, Hashes] | None = None


class Shard(Protocol):
    """A part of a stream that one worker reads in order."""

    def batches(self) -> Iterator[Batch]:
        """The rows of this shard in blocks; may be called again for a second pass."""


class Stream(Protocol):
    """Rows with vectors in one or more spaces, read in shards, more than once if asked."""

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None where it is not known beforehand."""

    def shards(self) -> Sequence[Shard]:
        """The plan: the same shards in the same order at every call."""
