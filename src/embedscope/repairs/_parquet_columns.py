"""The other columns of Parquet files, read along with their vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers import facts_of
from embedscope.readers.paths import Place, arrow_file

_BUFFER = 1 << 20
_ROWS = 4096
"""Bytes of a column, and rows, that are read at a time: row groups may be as large as the file."""


def column_of(stream: Stream) -> str | None:
    """Name of the column that the vectors of ``stream`` lie in; None where they lie in no table."""
    first = getattr(stream, "parts", (stream,))[0]
    columns = getattr(first, "columns", ())
    return str(columns[0].name) if columns else None


@dataclass(frozen=True)
class OtherColumns:
    """What is known of the other columns before they are read.

    Attributes
    ----------
    schema : of these columns, as the first file has them; None where there are none
    first : that file
    """

    schema: Any
    first: Place

    @classmethod
    def of(cls, stream: Stream, column: str) -> OtherColumns:
        """Those of the rows of a ``stream`` of Parquet files whose vectors lie in ``column``."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        place = facts_of(stream).files[0]
        with arrow_file(place) as source, pq.ParquetFile(source) as file:
            schema = file.schema_arrow
        first = getattr(stream, "parts", (stream,))[0]
        read = {name for c in getattr(first, "columns", ()) for name in c.needs} | {column}
        names = [name for name in schema.names if name not in read]
        return cls(pa.schema([schema.field(name) for name in names], schema.metadata) if names else None, place)

    def beside(self, shard: Any) -> Beside:
        """Those of the rows of one shard."""
        pieces = [piece for piece, _ in shard.pieces] if hasattr(shard, "pieces") else [shard]
        return Beside(self.schema, [(piece.stream.path, piece.chunks) for piece in pieces], self.first)


class Beside:
    """Other columns of rows of Parquet files, in the order of the rows.

    Attributes
    ----------
    schema : of these columns, None where there are none
    """

    def __init__(self, schema: Any, runs: Sequence[tuple[Place, tuple[int, ...]]], first: Place) -> None:
        self.schema = schema
        self._names = [] if schema is None else list(schema.names)
        self._runs, self._first = runs, first
        self._batches = self._read()
        self._held: list[Any] = []

    def take(self, n: int) -> Any:
        """The columns of the next ``n`` rows as a table; None where there are none."""
        if self.schema is None:
            return None
        import pyarrow as pa

        taken: list[Any] = []
        while n:
            batch = self._held.pop() if self._held else next(self._batches)
            if batch.num_rows > n:
                self._held.append(batch.slice(n))
                batch = batch.slice(0, n)
            taken.append(batch)
            n -= batch.num_rows
        return pa.Table.from_batches(taken, self.schema)

    def _read(self) -> Iterator[Any]:
        import pyarrow.parquet as pq

        for place, groups in self._runs:
            with arrow_file(place) as source, pq.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER) as file:
                schema = file.schema_arrow
                if missing := [name for name in self._names if name not in schema.names]:
                    raise InputError(
                        f"{place} has no column {missing[0]}, {self._first} has; write the files with the same "
                        "columns, or write to .npy"
                    )
                for batch in file.iter_batches(_ROWS, row_groups=list(groups), columns=self._names, use_threads=False):
                    yield from self._alike(batch, place)

    def _alike(self, batch: Any, place: Place) -> Iterator[Any]:
        import pyarrow as pa

        try:
            table = pa.Table.from_batches([batch]).select(self._names).cast(self.schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(
                f"{place} has other types in its columns than {self._first} ({error}); write the files with the "
                "same types, or write to .npy"
            ) from error
        yield from table.to_batches()
