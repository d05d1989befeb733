"""A saved repair applied to files of vectors of any size, block by block."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import atomic_path
from embedscope.core.batch import Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.short_repr import short_repr
from embedscope.core.threads import in_threads
from embedscope.execution import Local
from embedscope.readers import describe_stream, facts_of, file_of, find_vectors, open_vectors, store_of
from embedscope.readers.concat import one_by_one
from embedscope.readers.peek import TEXT_TABLES
from embedscope.repairs._parquet_columns import OtherColumns, column_of
from embedscope.repairs._shard_writer import Folder, MapShard, WriteShard, gather_blocks, plan_of, suffix_of_parts
from embedscope.repairs._vector_writer import Layout, check_suffix, writing
from embedscope.repairs.to_store import check_storable, write_new
from embedscope.repairs.zero_rows import ZeroRows
from embedscope.sources.row_blocks import engine_of, map_parts
from embedscope.transforms.codes import Binary, RaBitQ
from embedscope.transforms.repair import KindMap, Repair

__all__ = ["Applied", "apply_repair", "check_outputs", "reindexing"]

MIGRATED = ("old", "new")
"""Kinds of a repair that `migrate` wrote: vectors of the old and of the new model."""


@short_repr
@dataclass(frozen=True)
class Applied:
    """What was written.

    Attributes
    ----------
    path : the file, or the address of a collection
    kind : of the vectors
    rows, dim_in, dim_out : their number and widths
    n_bytes : size of the file, None for a collection
    seconds : wall time
    zero_rows : how many rows are zero, and stayed zero
    """

    path: Path | str
    kind: str
    rows: int
    dim_in: int
    dim_out: int
    n_bytes: int | None
    seconds: float
    zero_rows: int = 0


def apply_repair(
    repair: Repair | str | Path,
    source: str | Path,
    out: str | Path,
    *,
    kind: str | None = None,
    model: str | None = None,
    progress: Progress | None = None,
) -> Applied:
    """Write the vectors of ``source``, repaired, to ``out`` (.npy, .parquet or .safetensors), atomically.

    Shards are mapped by the engine of the run. Into one file they are written here, in their order; into a folder each
    by its worker, to a file of its own, and a run that was cut off goes on with those that are missing.

    Parameters
    ----------
    repair : a repair or its file
    source : a file, a folder or a glob of vectors, ``PLACE::KEY`` where it holds several spaces
    out : one file, or, where the name has no suffix, a folder of files in the format of the source (else .npy); a
        Parquet source keeps its other columns in Parquet
    kind : of the vectors, needed where the repair has several
    model : name or weights sha256 of the model that made the vectors; refused where it is not the repair's

    Raises
    ------
    InputError
        if the width is that of other vectors, ``out`` cannot be written or lies in ``source``.
    """
    begin = time.perf_counter()
    progress = progress or Silent()
    loaded = repair if isinstance(repair, Repair) else Repair.load(repair)
    to_store = store_of(str(out)) is not None
    name, target = loaded.kind_name(kind), Path(out)
    suffix = "" if to_store or not target.suffix else check_suffix(target.name)
    if not to_store:
        _check_place(target, str(source), None if isinstance(repair, Repair) else Path(repair))
    if model is not None:
        loaded.check_source(model, name)
    vectors = find_vectors(str(source))
    stream = vectors.stream
    space = _only_space(stream, str(source))
    loaded.check_dim(stream.dims[space], name, f"the vectors of {source}")
    progress.note(f"{source}: {vectors.layout}, {describe_stream(stream)}")
    dtype = _output_dtype(stream, space)
    form = loaded.kinds[name]
    if to_store:
        check_storable(form, str(out))
        progress.start(f"repairing {name} vectors" if len(loaded.kinds) > 1 else "repairing", stream.n_rows)
        done, n_zeros = write_new(stream, str(source), str(out), form.dim_out, form.apply, progress)
        progress.close()
        took = time.perf_counter() - begin
        return Applied(str(out), name, done, stream.dims[space], form.dim_out, None, took, n_zeros)
    others = _others(stream, suffix or suffix_of_parts(stream), progress)
    rows = stream.n_rows
    if rows is None and suffix:
        rows = _count(stream)
    layout = Layout(
        rows or 0,
        form.stored_width,
        form.stored_dtype(dtype),
        column_of(stream) or space,
        None if others is None else others.schema,
    )
    progress.start(f"repairing {name} vectors" if len(loaded.kinds) > 1 else "repairing", rows)
    zeros = ZeroRows()
    if suffix:
        work = _OneFile(stream, form, space, dtype, layout, others)
        seen = work.write(target, suffix, zeros, progress)
        n_bytes = target.stat().st_size
    else:
        shards = one_by_one(stream.shards())
        folder = Folder(target, suffix_of_parts(stream), len(shards))
        each = WriteShard(form, space, dtype, layout, others)
        seen, n_bytes = _to_folder(stream, shards, folder, each, zeros, progress)
    if rows is not None and seen != rows:
        raise InputError(f"{source} said that it has {rows:,} rows and gave {seen:,}; was it being written to?")
    progress.close()
    for note in zeros.notes:
        progress.note(note)
    took = time.perf_counter() - begin
    return Applied(target, name, seen, stream.dims[space], form.stored_width, n_bytes, took, zeros.n)


@dataclass(frozen=True, eq=False)
class _OneFile:
    """Rows of a stream on their way to one file."""

    stream: Stream
    mapped: KindMap
    space: str
    dtype: np.dtype[Any]
    layout: Layout
    others: OtherColumns | None

    def write(self, target: Path, suffix: str, zeros: ZeroRows, progress: Progress) -> int:
        """Write all rows in their order; how many there were."""
        seen = 0
        with atomic_path(target) as part, writing(part, suffix, self.layout) as write:
            for x, table in self._blocks():
                write(x, table)
                seen += len(x)
                if self.mapped.code is None:
                    zeros.add(x)
                progress.advance(len(x))
            if seen != self.layout.rows:
                raise InputError(
                    f"the source said that it has {self.layout.rows:,} rows and gave {seen:,}; was it being written to?"
                )
        return seen

    def _blocks(self) -> Iterator[tuple[Any, Any]]:
        """Stored rows in blocks, with their other columns.

        In this process blocks are read one after the other while those before are mapped in threads; on a cluster whole
        shards are. The bits are the same.
        """
        engine, shards = engine_of(self.stream), self.stream.shards()
        if isinstance(engine, Local):
            yield from in_threads(self._store, self._read(shards), engine.workers)
            return
        work = MapShard(self.mapped, self.space, self.dtype)
        for shard, blocks in zip(shards, engine.map(work, shards), strict=True):
            beside = None if self.others is None else self.others.beside(shard)
            for x in blocks:
                yield x, None if beside is None else beside.take(len(x))

    def _read(self, shards: Sequence[Shard]) -> Iterator[tuple[Any, Any]]:
        for shard in shards:
            beside = None if self.others is None else self.others.beside(shard)
            for x in gather_blocks(shard, self.space, self.dtype, self.mapped.dim_in):
                yield x, None if beside is None else beside.take(len(x))

    def _store(self, block: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.mapped.store(block[0]), block[1]


def _to_folder(
    stream: Stream, shards: Sequence[Shard], folder: Folder, work: WriteShard, zeros: ZeroRows, progress: Progress
) -> tuple[int, int]:
    """Write every shard that is missing to its file; rows and bytes of all."""
    folder.begin(plan_of(stream, work.mapped, work.layout, len(shards)))
    missing = folder.missing(shards, stream.n_rows)
    if len(missing) < len(shards):
        progress.note(f"{len(shards) - len(missing):,} of {len(shards):,} shards are already written")
    for rows, of_shard in map_parts(stream, work, missing):
        progress.advance(rows)
        zeros.merge(of_shard)
    n_bytes = folder.finish()
    written = open_vectors(f"{folder.target}")
    return written.n_rows or 0, n_bytes


def check_outputs(source: str, out: str | None, *, in_place: bool, rollback: bool, journal: str | Path | None) -> None:
    """Raise ``InputError`` unless exactly one of an output, a change in place and its way back is asked for."""
    if out is not None and (in_place or rollback):
        option = "--in-place" if in_place else "--rollback"
        raise InputError(f"{option} changes {source} itself, so it takes no OUT; leave out either {out} or {option}")
    if in_place and rollback:
        raise InputError("--in-place and --rollback do opposite things; give one of them")
    if out is None and not (in_place or rollback):
        inside = ", or --in-place to replace the vectors of this store" if store_of(source) else ""
        raise InputError(f"say where to write: a file such as new.npy as OUT{inside}")
    if journal is not None and not (in_place or rollback):
        raise InputError("--journal is kept by --in-place and read by --rollback; give one of them")


def reindexing(
    repair: Repair, kind: str, rows: int | None = None, *, stored: bool = False, coded: bool = True
) -> list[str]:
    """What it takes to use a repair, as sentences: which vectors change, how many bytes, what queries need.

    ``stored`` where the vectors stand in their store already, ``coded`` where rows come in the code of the repair if it
    has one, and not in float32.
    """
    kind_map = repair.kinds[kind]
    if repair.is_identity:
        return ["this repair changes nothing: the index and its queries can stay as they are"]
    if set(repair.kinds) == set(MIGRATED) and kind_map.is_identity:
        return [f"the {kind} vectors stay as they are: this bridge maps the other model's"]
    if kind == "new" and set(repair.kinds) == set(MIGRATED):
        return ["search the old index with these vectors; nothing that is stored changes, and thresholds are set again"]
    width = f", {kind_map.dim_in} -> {kind_map.dim_out} dimensions" if kind_map.dim_in != kind_map.dim_out else ""
    code = kind_map.code if coded else None
    count = rows or 1_000_000
    gigabytes = count * (kind_map.dim_out * 4 if code is None else code.n_bytes) / 1e9
    said = f"{gigabytes:,.2f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:,.1f} MB"
    size = f"{said} in {'float32' if code is None else code.text}{width}"
    what = f"all {rows:,} vectors, {size}" if rows else f"every vector; {size} for each million"
    lines = [] if stored else [f"re-index {what}; stored vectors are enough, nothing is encoded again"]
    if code is not kind_map.code and kind_map.code is not None:
        lines.append(
            f"this is float32; `embedscope apply --kind {kind}` writes them in {kind_map.code.text}, as certified"
        )
    lines += [
        "never mix repaired vectors with old ones: swap the whole index at once, and set score thresholds again",
    ]
    if not (kind_map.normalise_after or kind_map.is_linear_identity or isinstance(code, Binary | RaBitQ)):
        lines.append("rank by inner product: these vectors are not of unit length, and the cosine finds other rows")
    others = [other for other in repair.kinds if other != kind]
    if set(repair.kinds) == set(MIGRATED):
        return [*lines, "search them with vectors of the new model, which stay as they are"]
    for other in others:
        stays = repair.kinds[other].is_identity
        lines.append(
            f"the {other} vectors stay as they are"
            if stays
            else f"repair the {other} vectors with the same file and --kind {other}"
        )
    if not others:
        lines.append("repair queries with the same file before comparing them with these vectors")
    return lines


def _check_place(out: Path, source: str, repair: Path | None) -> None:
    """Raise ``InputError`` where writing ``out`` would destroy or join what is read."""
    place = file_of(source)
    if repair is not None and out.resolve() == repair.resolve():
        raise InputError(f"{out} is the repair itself; name another file for the vectors")
    if out.resolve() == place.resolve() or (place.is_dir() and place.resolve() in out.resolve().parents):
        raise InputError(
            f"{out} lies in {place}, which is read; write elsewhere, so that the original vectors stay and are not "
            "mixed with repaired ones"
        )
    if out.suffix and out.is_dir():
        raise InputError(f"{out} is a folder; name the file to write in it")


def _only_space(stream: Stream, source: str) -> str:
    spaces = list(stream.dims)
    if len(spaces) > 1:
        raise InputError(f"{source} has the spaces {', '.join(spaces)}; name one, {file_of(source)}::{spaces[0]}")
    return spaces[0]


def _output_dtype(stream: Stream, space: str) -> np.dtype[Any]:
    """float64 where the vectors are stored as such; the decimal digits of a text file are float32."""
    facts = facts_of(stream)
    is_text = all(file.suffix.lower().removeprefix(".") in TEXT_TABLES for file in facts.files)
    return np.dtype(np.float64 if "float64" in facts.dtypes.get(space, "") and not is_text else np.float32)


def _count(stream: Stream) -> int:
    return sum(len(batch.ids) for shard in stream.shards() for batch in shard.batches())


def _others(stream: Stream, suffix: str, progress: Progress) -> OtherColumns | None:
    """The other columns of the source where they can be kept; a note where they cannot."""
    column, files = column_of(stream), facts_of(stream).files
    if column is None:
        return None
    if files[0].suffix.lower() != ".parquet":
        progress.note("other columns are kept from .parquet files alone; the rows stay in their order")
        return None
    others = OtherColumns.of(stream, column)
    if suffix != ".parquet" and others.schema is not None:
        names = ", ".join(others.schema.names)
        progress.note(f"the columns {names} are not written to {suffix}; the rows stay in their order")
        return None
    return others
