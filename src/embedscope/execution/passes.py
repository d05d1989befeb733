"""Passes over a stream: all needs of one pass share the rows; shards are merged in a fixed tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from embedscope.core.accumulate import Need
from embedscope.core.batch import Shard, Stream
from embedscope.core.block import RowBlock, norms_of
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.execution import Engine
from embedscope.execution.shards import ShardRunner, fold_shards
from embedscope.stats.file_order import INDEPENDENT, FileOrder
from embedscope.stats.grouped import Grouped, RowGroups, capacity_of, groups_for
from embedscope.stats.units import Grouping, UnitCount

Results = Mapping[Need[Any], Any]
States = dict[str, dict[Need[Any], Grouped[Any]]]


def passes_of(needs: Iterable[Need[Any]]) -> list[list[Need[Any]]]:
    """``needs`` and all they depend on, pass by pass, each once: a need comes after those it depends on."""
    passes: list[list[Need[Any]]] = []
    placed: dict[Need[Any], int] = {}

    def place(need: Need[Any]) -> int:
        if need not in placed:
            placed[need] = 1 + max((place(d) for d in need.depends), default=-1)
            while len(passes) <= placed[need]:
                passes.append([])
            passes[placed[need]].append(need)
        return placed[need]

    for need in needs:
        place(need)
    return passes


def one_pass(
    stream: Stream,
    needs: Collection[Need[Any]],
    known: Mapping[str, Results],
    *,
    grouped: Collection[Need[Any]],
    engine: Engine,
    progress: Progress,
    spaces: Collection[str] | None = None,
    order: FileOrder = INDEPENDENT,
) -> States:
    """Feed every row once to all ``needs`` in every space; ``known`` has what they depend on.

    Parameters
    ----------
    spaces : feed these alone
    grouped : needs kept in jackknife groups; the others are kept over all rows alone
    order : how rows depend on their order in the file, which decides the groups of rows that declare none

    Returns
    -------
    space -> need -> state over all shards
    """
    work = PassWork(
        tuple(spaces or stream.dims), tuple(needs), known, frozenset(grouped), progress, dict(stream.dims), order
    )
    part: Part = fold_shards(engine, work, stream.shards(), _merge)
    missing = engine.missing if isinstance(engine, ShardRunner) else ()
    if stream.n_rows is not None and not missing and part.rows != stream.n_rows:
        raise InputError(
            f"the source has {stream.n_rows:,} rows and {part.rows:,} were read; run again when nothing writes to it, "
            "with another --checkpoint where there is one"
        )
    for space, states in part.states.items():
        units = Grouping(order).units_of(part.counts[space], part.declared)
        for state in states.values():
            state.units = units
    return part.states


@dataclass
class Part:
    """What one shard, or several, came to: the rows read, their states, and the units of evidence of every space."""

    rows: int
    states: States
    counts: dict[str, UnitCount] = field(default_factory=dict)
    declared: bool = False


@dataclass
class PassWork:
    """What a pass does with a shard; it can be sent to another process, where its progress is silent."""

    spaces: tuple[str, ...]
    needs: tuple[Need[Any], ...]
    known: Mapping[str, Results]
    grouped: frozenset[Need[Any]]
    progress: Progress = field(compare=False)
    dims: Mapping[str, int]
    order: FileOrder = INDEPENDENT

    def __post_init__(self) -> None:
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return PassWork, (self.spaces, self.needs, self.known, self.grouped, Silent(), self.dims, self.order)

    def __call__(self, shard: Shard) -> Part:
        """The states of one shard."""
        states: States = {
            space: {need: Grouped(need, self.known[space], self._groups(space, need)) for need in self.needs}
            for space in self.spaces
        }
        capacity = capacity_of(self.dims.values())
        part = Part(0, states, {space: UnitCount() for space in self.spaces})
        waiting, grouping = {space: RowGroups(capacity) for space in self.spaces}, Grouping(self.order)
        for batch in shard.batches():
            declared = batch.clusters is not batch.ids and not np.array_equal(batch.clusters, batch.ids)
            part.declared |= declared
            for space in self.spaces:
                x = batch.spaces[space]
                named, norms = (batch.units or {}).get(space), norms_of(x)
                clusters = grouping.clusters(x, batch.ids, batch.clusters, named, norms)
                part.counts[space].update(clusters)
                full = waiting[space].add(x, batch.ids, clusters, declared or grouping.leaves_out, norms)
                _feed(states[space].values(), full)
            part.rows += len(batch.ids)
            with self._lock:
                self.progress.advance(len(batch.ids))
        for space, rows in waiting.items():
            _feed(states[space].values(), rows.rest())
        return part

    def _groups(self, space: str, need: Need[Any]) -> int:
        return groups_for(self.dims[space]) if need in self.grouped else 0

    def note_arrival(self, part: Part) -> None:
        """Count the rows of a part that was worked on elsewhere, or kept from a run before."""
        self.progress.advance(part.rows)


def _feed(states: Collection[Grouped[Any]], blocks: Iterable[tuple[int, RowBlock]]) -> None:
    for group, block in blocks:
        for state in states:
            state.take(group, block)


def _merge(a: Part, b: Part) -> Part:
    a.rows += b.rows
    a.declared |= b.declared
    for space, count in a.counts.items():
        count.merge(b.counts[space])
    for space, states in a.states.items():
        for need, state in states.items():
            state.merge(b.states[space][need])
    return a
