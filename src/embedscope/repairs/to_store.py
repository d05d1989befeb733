"""Repaired vectors written to a new table or collection of a vector store, with the ids and columns of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.atomic import write_text
from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import EmbedscopeError, InputError, OutputError, is_failure
from embedscope.core.progress import Progress
from embedscope.readers import file_of, find_vectors, ids_of, store_of
from embedscope.readers.columns import ColumnStream
from embedscope.readers.options import parse_source
from embedscope.readers.store_writers import STORE_WRITERS, Blocks, Made, NewCollection, StoreTarget
from embedscope.repairs._row_sums import RowSum
from embedscope.repairs.journal import journal_folder
from embedscope.repairs.zero_rows import ZeroRows
from embedscope.sources.id_files import default_id_file, id_files
from embedscope.transforms.repair import KindMap

__all__ = ["check_storable", "write_new", "writing_to"]

_VALUES = 1 << 22
_ROWS = 1 << 14

Rows = npt.NDArray[Any]
Map = Callable[[Rows], Rows]


@dataclass(frozen=True)
class _Source:
    """Rows with what stands beside them.

    Attributes
    ----------
    schema : Arrow schema of the other columns, the ids among them
    ids, text, column : the columns of ids, texts and vectors; for files without columns the last is empty
    blocks : gives ids, vectors and the other columns
    """

    schema: Any
    ids: str
    text: str | None
    column: str
    blocks: Callable[[int], Blocks]
    notes: tuple[str, ...] = ()


def write_new(stream: Stream, source: str, out: str, dim: int, new: Map, progress: Progress) -> tuple[int, int]:
    """Write what ``new`` makes of the rows of ``stream`` to ``out`` and read it back; how many rows, and zero rows.

    Parameters
    ----------
    stream, source : the vectors, of one space, and what the user called them
    out : address of a collection, ``ADDRESS::COLUMN`` to name the column of the vectors
    dim : of the rows that ``new`` gives

    Raises
    ------
    InputError
        if something is there already, or what is read back is not what was written.
    """
    rows = _source(stream, source)
    new_collection, target = _new_collection(rows.schema, out, source, dim)
    new_collection = replace(new_collection, ids=rows.ids, text=rows.text, source_column=rows.column)
    mark = journal_folder(new_collection.place, f"{new_collection.column}.new") / "unfinished"
    if target.there(new_collection):
        if not mark.exists():
            same = new_collection.like is not None and new_collection.like.url == new_collection.place.url
            remedy = (
                "replace its vectors with --in-place and no OUT, or name another one" if same else "name another one"
            )
            raise InputError(f"{new_collection.place} is there already and nothing is overwritten; {remedy}")
        new_collection = replace(new_collection, unfinished=True)
    for line in (*rows.notes, target.slow(new_collection.place, stream.n_rows or 0)):
        if line:
            progress.note(line)
    named, bare, zeros = RowSum(), RowSum(), ZeroRows()

    def blocks() -> Blocks:
        for ids, x, table in rows.blocks(min(_ROWS, max(1, _VALUES // max(dim, _width(stream))))):
            y = np.asarray(new(x), dtype=np.float32)
            named.add(ids, y)
            bare.add([""] * len(y), y)
            zeros.add(y, ids)
            progress.advance(len(y))
            yield ids, y, table

    write_text(mark, f"{new_collection.place} is being written\n")
    try:
        with writing_to(str(new_collection.place), "check that the store can be written"):
            done = target.create(new_collection, blocks())
    except BaseException:
        if not target.there(new_collection):
            _forget(mark)
        raise
    _check(f"{new_collection.place}::{new_collection.column}", done, bare if done.ids is None else named, progress)
    _forget(mark)
    for line in (*done.notes, *zeros.notes):
        progress.note(line)
    return bare.n, zeros.n


def _new_collection(schema: Any, out: str, source: str, dim: int) -> tuple[NewCollection, StoreTarget]:
    place, like = store_of(out), store_of(source)
    assert place is not None
    if place.scheme not in STORE_WRITERS:
        raise InputError(f"{place.scheme} stores are read and not written; write a file, and load it with their client")
    target = STORE_WRITERS.get(place.scheme)
    column = parse_source(out).key or target.column
    same = like if like is not None and like.scheme == place.scheme else None
    if column in schema.names and (same is None or same.url != place.url):
        raise InputError(f"{source} has a column {column} beside its vectors; name another one: {place}::NAME")
    return NewCollection(place, column, dim, schema, "", None, same), target


@contextmanager
def writing_to(place: str, advice: str) -> Iterator[None]:
    """Turn errors of a store's own library into one sentence."""
    try:
        yield
    except EmbedscopeError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise OutputError(f"{place} cannot be written ({reason(error)}); {advice}") from error


def _forget(mark: Path) -> None:
    mark.unlink()
    mark.parent.rmdir()


def check_storable(mapped: KindMap, place: str) -> None:
    """Raise ``InputError`` where a map gives codes, which stores do not keep as vectors."""
    if mapped.code is not None:
        raise InputError(
            f"this map ends in codes ({mapped.code.text}), which {place} does not keep as vectors; write a file, or a "
            "FAISS index with `embedscope export --to faiss`"
        )


def _width(stream: Stream) -> int:
    return next(iter(stream.dims.values()))


def _check(out: str, collection: Made, total: RowSum, progress: Progress) -> None:
    """Read everything back: the same ids, and where every bit is kept, the same numbers."""
    stream = find_vectors(out).stream
    assert isinstance(stream, ColumnStream)
    progress.start("verifying", total.n)
    held = RowSum()
    if collection.ids is None:
        blocks: Iterator[tuple[Sequence[str], Rows]] = (([""] * len(x), x) for x in _pieces(stream, _ROWS))
    else:
        blocks = stream.naming(collection.ids, None).with_ids(min(_ROWS, max(1, _VALUES // _width(stream))))
    for ids, x in blocks:
        held.add(ids, x)
        progress.advance(len(x))
    if not held.same(total, bits=collection.exact):
        raise InputError(
            f"{out} does not hold what was written: {held.n:,} rows of {total.n:,}, or other ids or numbers; remove "
            "it, stop what else writes to it, and run this again"
        )


def _source(stream: Stream, source: str) -> _Source:
    parts: list[Any] = list(getattr(stream, "parts", (stream,)))
    if all(isinstance(part, ColumnStream) for part in parts):
        return _table(parts, source)
    return _plain(stream, source)


def _table(parts: list[ColumnStream], source: str) -> _Source:
    """A table, or several of the same columns: all its columns are kept."""
    import pyarrow as pa

    first = parts[0]
    (column,) = first.columns
    kept = [field for field in first.schema if field.name not in column.needs]
    numbered = first.ids is None
    ids = first.ids or ("id" if "id" not in {field.name for field in kept} else "row")
    schema = pa.schema([pa.field(ids, pa.string()), *kept] if numbered else kept)
    notes = (f"{source} has no ids that are known by their name, so rows are called by their numbers",) * numbered

    def blocks(size: int) -> Blocks:
        row = 0
        for part in parts:
            for table, x in part.whole(size):
                names = range(row, row + len(x)) if numbered else table.column(ids).to_pylist()
                if None in names:
                    raise InputError(f"{part.path}::{ids} is empty in row {row + list(names).index(None)}; fill it")
                called, row = list(map(str, names)), row + len(x)
                columns = [pa.array(called)] if numbered else []
                columns += [table.column(field.name) for field in kept]
                yield called, x, pa.table(columns, names=schema.names).cast(schema)

    return _Source(schema, ids, first.texts, column.name, blocks, notes)


def _plain(stream: Stream, source: str) -> _Source:
    """Vectors alone: ids of the file or beside it, else the numbers of the rows."""
    import pyarrow as pa

    beside, own = default_id_file(file_of(source)), ids_of(stream)
    files = id_files(source, stream) if own is None else ()
    numbered = own is None and not files
    notes = (f"{source} has no ids and there is no {beside.name}, so rows are called by their numbers",) * numbered

    said = f"{files[0]} has" if len(files) == 1 else f"the {len(files):,} files of ids in {source} have"

    def row_names() -> Iterator[str]:
        if own is not None:
            yield from own
        elif files:
            for file in files:
                with file.open(encoding="utf-8-sig") as lines:
                    yield from (line.rstrip("\r\n") for line in lines)
        else:
            yield from map(str, range(stream.n_rows or 0))

    def blocks(size: int) -> Blocks:
        names = row_names()
        for x in _pieces(stream, size):
            ids = list(islice(names, len(x)))
            if len(ids) < len(x):
                raise InputError(f"{said} fewer ids than {source} has rows; wanted one per line")
            yield ids, x, pa.table({"id": ids})
        if next(names, None) is not None:
            raise InputError(f"{said} more ids than {source} has rows; wanted one per line")

    return _Source(pa.schema([pa.field("id", pa.string())]), "id", None, "", blocks, notes)


def _pieces(stream: Stream, size: int) -> Iterator[Rows]:
    for shard in stream.shards():
        for batch in shard.batches():
            (x,) = batch.spaces.values()
            for start in range(0, len(x), size):
                yield np.asarray(x[start : start + size])
