"""A stream whose rows are known to belong together: chunks of a document, captions of an image."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Hashes
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Index
from embedscope.readers import (
    RowStrings,
    file_of,
    ids_of,
    is_table,
    join_first,
    open_vectors,
    other_columns,
    texts_of,
)
from embedscope.readers.facts import Facts, facts_of
from embedscope.readers.held import held_bytes
from embedscope.sources.paired_vectors import hash_groups, read_ids


def group_hashes(groups: Any, n: int, source: str = "the source") -> Hashes:
    """Hash (n,) of the group of each row.

    Parameters
    ----------
    groups : text file with one group per line, ``FILE::COLUMN`` of a table, a column of ``source`` where that is one (a
        field of the payload or of the metadata in a vector store), or (n,) labels; uint64 labels are taken as hashes

    Raises
    ------
    InputError
        if the file cannot be read, or there is not one group per row.
    """
    labels = read_groups(groups, source)
    if labels.dtype == np.uint64 and labels.shape == (n,):
        return labels
    return hash_groups(labels, n)


def read_groups(groups: Any, source: str = "the source") -> npt.NDArray[Any]:
    """Labels (n,) of the group of each row; see :func:`group_hashes`."""
    if not isinstance(groups, str | Path):
        return np.asarray(groups)
    name, file = str(groups), file_of(source)
    if file_of(name).exists() or "::" in name:
        return np.asarray(read_ids(name, "group"))
    if file.suffix.lower() == ".parquet" and file.is_file():
        return np.asarray(read_ids(f"{file}::{name}", "group"))
    return np.asarray(list(_column(name, source)))


def _column(name: str, source: str) -> RowStrings:
    """The column ``name`` of the table ``source``."""
    stream = open_vectors(source) if is_table(source) else None
    columns = {} if stream is None else dict(other_columns(stream))
    for column, values in (("ids", ids_of(stream)), ("texts", texts_of(stream))) if stream is not None else ():
        if (called := getattr(stream, column, None)) and values is not None:
            columns[called] = values
    if not columns:
        raise InputError(
            f"--groups {name} is no file, and {source} has no columns; pass a text file with one group per line"
        )
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"--groups {name} is no file, and no column of {source}; {hint}its columns are {join_first(list(columns))}"
        )
    return columns[name]


@dataclass(frozen=True, eq=False)
class GroupedStream:
    """``stream``, whose rows are numbered from 0, with the hash of the group of each row as its cluster.

    Attributes
    ----------
    ids, clusters : (n,) hashes of the row numbers, rising, and of the group of each
    """

    stream: Stream
    ids: Hashes
    clusters: Hashes

    @classmethod
    def of(cls, stream: Stream, groups: Any, source: str) -> GroupedStream:
        """Group the rows of ``stream``; raises ``InputError`` where there is not one group per row."""
        n = stream.n_rows
        if n is None:
            n = sum(len(batch.ids) for shard in stream.shards() for batch in shard.batches())
        hashes, ids = group_hashes(groups, n, source), hash_rows(0, n)
        order = np.argsort(ids, kind="stable")
        return cls(stream, ids[order], hashes[order])

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every space."""
        return self.stream.dims

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.ids)

    @property
    def held(self) -> int:
        """Bytes that a worker holds beside the blocks that it gives."""
        return held_bytes(self.stream)

    @property
    def facts(self) -> Facts:
        """What the stream is made of."""
        return facts_of(self.stream)

    def shards(self) -> Sequence[Shard]:
        """The shards of the stream."""
        return [GroupedShard(shard, self.ids, self.clusters) for shard in self.stream.shards()]


@dataclass(frozen=True, eq=False)
class GroupedShard:
    """A shard whose rows get their group."""

    shard: Shard
    ids: Hashes
    clusters: Hashes

    def batches(self) -> Iterator[Batch]:
        """The rows in blocks."""
        for batch in self.shard.batches():
            place: Index = np.searchsorted(self.ids, batch.ids)
            yield replace(batch, clusters=self.clusters[place])
