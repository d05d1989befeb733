"""A repaired shard as a file of its own: written whole or not at all, by whichever worker, and kept when cut off."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import atomic_path, make_folder, write_text
from embedscope.core.batch import Shard, Stream
from embedscope.core.errors import InputError, OutputError
from embedscope.readers import facts_of, state_of
from embedscope.repairs._parquet_columns import OtherColumns
from embedscope.repairs._vector_writer import SUFFIXES, Layout, writing
from embedscope.repairs.zero_rows import ZeroRows
from embedscope.transforms.repair import KindMap

VALUES = 1 << 22
ROWS = 1 << 13
"""Values, and rows, of a block at most, since its other columns are held with it."""

UNFINISHED = ".unfinished"
_PLAN = "plan.json"


def gather_blocks(shard: Shard, space: str, dtype: np.dtype[Any], dim: int) -> Iterator[Any]:
    """The rows of ``shard`` in blocks large enough for one good matrix product; the shard alone decides where."""
    held: list[Any] = []
    wanted = min(ROWS, max(1, VALUES // dim))
    count = 0
    for batch in shard.batches():
        held.append(np.asarray(batch.spaces[space], dtype=dtype))
        count += len(held[-1])
        if count >= wanted:
            yield np.concatenate(held) if len(held) > 1 else held[0].copy()
            held, count = [], 0
    if held:
        yield np.concatenate(held)


@dataclass(frozen=True, eq=False)
class MapShard:
    """The stored form of the rows of a shard, brought back to whoever writes the one file."""

    mapped: KindMap
    space: str
    dtype: np.dtype[Any]

    def __call__(self, shard: Shard) -> list[Any]:
        """Blocks of stored rows."""
        return [self.mapped.store(x) for x in gather_blocks(shard, self.space, self.dtype, self.mapped.dim_in)]


@dataclass(frozen=True, eq=False)
class NumberedShard:
    """A shard, the file that its rows are written to, and how many there are; None where that is not known."""

    shard: Shard
    path: Path
    rows: int | None


@dataclass(frozen=True, eq=False)
class WriteShard:
    """Writes a shard to its file; the file is there and complete, or not there."""

    mapped: KindMap
    space: str
    dtype: np.dtype[Any]
    layout: Layout
    others: OtherColumns | None

    def __call__(self, part: NumberedShard) -> tuple[int, ZeroRows]:
        """How many rows were written, and which of them are zero."""
        seen, zeros = 0, ZeroRows(getattr(part.shard, "start", 0))
        beside = None if self.others is None else self.others.beside(part.shard)
        blocks = gather_blocks(part.shard, self.space, self.dtype, self.mapped.dim_in)
        stored: Iterator[Any] = (self.mapped.store(x) for x in blocks)
        rows = part.rows
        with atomic_path(part.path) as aside:
            if rows is None:  # the files begin with their number
                held = list(stored)
                rows, stored = sum(map(len, held)), iter(held)
            with writing(aside, part.path.suffix, replace(self.layout, rows=rows)) as write:
                for x in stored:
                    write(x, None if beside is None else beside.take(len(x)))
                    seen += len(x)
                    if self.mapped.code is None:
                        zeros.add(x)
            if seen != rows:
                raise InputError(f"a shard should have {rows:,} rows and gave {seen:,}; was the file being written to?")
        return seen, zeros


@dataclass(frozen=True)
class Folder:
    """A folder of shards that becomes ``target`` when all are there; until then it is called ``.unfinished``.

    Attributes
    ----------
    target : the folder
    suffix : of the files in it
    n : how many there will be
    """

    target: Path
    suffix: str
    n: int

    @property
    def aside(self) -> Path:
        """The folder while shards are missing."""
        return self.target.with_name(self.target.name + UNFINISHED)

    def path(self, i: int) -> Path:
        """The file of shard ``i``; the names are in the order of the rows."""
        return self.aside / f"part-{i:0{max(5, len(str(self.n)))}}{self.suffix}"

    def missing(self, shards: Sequence[Shard], n_rows: int | None) -> list[NumberedShard]:
        """Shards that are still to be written, of a stream of ``n_rows`` rows."""
        sizes: list[int | None] = [None] * len(shards)
        if n_rows is not None and all(hasattr(shard, "start") for shard in shards):
            starts = [int(getattr(shard, "start")) for shard in shards]  # noqa: B009
            sizes = [stop - start for start, stop in zip(starts, [*starts[1:], n_rows], strict=True)]
        parts = [NumberedShard(shard, self.path(i), sizes[i]) for i, shard in enumerate(shards)]
        return [part for part in parts if not part.path.exists()]

    def begin(self, plan: dict[str, Any]) -> None:
        """Make the folder, or go on with one that the same command left.

        Raises
        ------
        InputError
            if there is a folder already, or what was left is of another repair or other rows.
        """
        if self.target.exists():
            raise InputError(
                f"{self.target} is there already, complete or not of this command (one that is cut off leaves "
                f"{self.aside.name}, which the same command completes); name a new folder, or remove it"
            )
        known = self.aside / _PLAN
        text = json.dumps(plan, sort_keys=True)
        if known.is_file():
            if known.read_bytes() != text.encode():
                raise InputError(
                    f"{self.aside} was left by a run with another repair, other rows or another plan; remove it, or "
                    "write elsewhere"
                )
            return
        if self.aside.exists() and any(self.aside.iterdir()):
            raise InputError(f"{self.aside} is in the way and holds something else; remove it, or write elsewhere")
        try:
            make_folder(self.aside)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.aside} ({error.strerror}); write elsewhere") from error
        write_text(known, text)

    def finish(self) -> int:
        """Give the folder its name; its bytes."""
        (self.aside / _PLAN).unlink()
        for left in self.aside.glob(".*.part"):  # of workers that were killed while they wrote
            with suppress(OSError):
                left.unlink()
        try:
            self.aside.replace(self.target)
        except OSError as error:
            raise OutputError(f"cannot rename {self.aside} to {self.target} ({error.strerror}); rename it") from error
        return sum(file.stat().st_size for file in self.target.iterdir())


def plan_of(stream: Stream, mapped: KindMap, layout: Layout, n: int) -> dict[str, Any]:
    """What must be the same where a run goes on: the map, the files that are read, and how they are cut."""
    arrays = {name: None if a is None else np.asarray(a) for name, a in vars(mapped.side).items()}
    facts = (arrays, mapped.normalise_before, mapped.normalise_after, mapped.hidden, mapped.code)
    return {
        "map": hashlib.sha256(pickle.dumps(facts, protocol=5)).hexdigest(),
        "read": [list(state_of(file)) for file in facts_of(stream).files],
        "shards": n,
        "rows": stream.n_rows,
        "dim": layout.dim,
        "dtype": layout.dtype.str,
        "column": layout.name,
    }


def suffix_of_parts(stream: Stream) -> str:
    """The format of shards of ``stream``: that of its files where it can be written, else .npy."""
    suffix = facts_of(stream).files[0].suffix.lower() if facts_of(stream).files else ".npy"
    return suffix if suffix in SUFFIXES else ".npy"
