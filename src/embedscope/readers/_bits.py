"""Packed bits as coordinates: every byte of a vector gives eight, 0 or 1, the highest bit first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.boundary import guard_batches
from embedscope.core.errors import InputError
from embedscope.readers._row_strings import RowStrings, ids_of, other_columns, texts_of
from embedscope.readers.facts import Facts, facts_of
from embedscope.readers.held import held_bytes


def unpack_bits(stream: Stream, source: str) -> BitsStream:
    """``stream`` with its bytes unpacked; ``InputError`` unless they are uint8, or int8 (the bits less 128).

    int8 is how sentence-transformers keeps the precision ``binary``, uint8 ``ubinary``.
    """
    for space, dtype in facts_of(stream).dtypes.items():
        if dtype not in {"uint8", "int8"}:
            raise InputError(f"{source}: ?bits unpacks uint8 or int8, but {space} is {dtype}; leave out ?bits")
    return BitsStream(stream)


@dataclass(frozen=True)
class BitsStream:
    """A stream of bytes, each unpacked to eight coordinates."""

    inner: Stream

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every space: bits."""
        return {space: 8 * dim for space, dim in self.inner.dims.items()}

    @property
    def n_rows(self) -> int | None:
        """Number of rows."""
        return self.inner.n_rows

    @property
    def held(self) -> int:
        """Bytes that a worker holds beside the blocks that it gives."""
        return held_bytes(self.inner)

    @property
    def facts(self) -> Facts:
        """What the inner stream is made of, unpacked."""
        facts_of_inner = facts_of(self.inner)
        notes = tuple(note for note in facts_of_inner.notes if "?bits" not in note)
        dtypes = dict.fromkeys(facts_of_inner.dtypes, "bits")
        return replace(facts_of_inner, dtypes=dtypes, notes=("packed bits, unpacked to 0 and 1", *notes))

    @property
    def row_ids(self) -> RowStrings | None:
        """The ids of the inner stream."""
        return ids_of(self.inner)

    @property
    def row_texts(self) -> RowStrings | None:
        """The texts of the inner stream."""
        return texts_of(self.inner)

    @property
    def row_columns(self) -> Mapping[str, RowStrings]:
        """The other columns of the inner stream."""
        return other_columns(self.inner)

    def shards(self) -> Sequence[Shard]:
        """Those of the inner stream."""
        return [BitsShard(shard) for shard in self.inner.shards()]


@dataclass(frozen=True)
class BitsShard:
    """A shard of bytes."""

    inner: Any

    @property
    def start(self) -> int:
        """Number of the first row."""
        return int(self.inner.start)

    @property
    def label(self) -> str:
        """What errors call it."""
        return str(getattr(self.inner, "label", "the shard"))

    @guard_batches
    def batches(self) -> Iterator[Batch]:
        """The rows in blocks, unpacked."""
        for batch in self.inner.batches():
            yield replace(batch, spaces={space: _bits(x) for space, x in batch.spaces.items()})


def _bits(x: Any) -> Any:
    x = (x.astype(np.int16) + 128).astype(np.uint8) if x.dtype == np.int8 else x
    return np.unpackbits(np.ascontiguousarray(x), axis=1)
