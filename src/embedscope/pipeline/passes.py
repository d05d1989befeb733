"""Passes over a stream: all needs of one pass share the rows; shards are folded in a fixed tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Any

from embedscope.core.accumulate import Need, fold
from embedscope.core.batch import Shard, Stream
from embedscope.core.ids import GROUPS
from embedscope.core.progress import Progress
from embedscope.engine import Engine
from embedscope.stats.grouped import Grouped, GroupedRows, rows_by_group

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
) -> States:
    """Feed every row once to all ``needs`` in every space; ``known`` has what they depend on.

    Parameters
    ----------
    grouped : needs kept in jackknife groups; the others are kept over all rows alone

    Returns
    -------
    space -> need -> state over all shards
    """
    lock = Lock()

    def work(shard: Shard) -> States:
        states: States = {
            space: {need: Grouped(need, known[space], GROUPS if need in grouped else 0) for need in needs}
            for space in stream.dims
        }
        for batch in shard.batches():
            for space, x in batch.spaces.items():
                rows = rows_by_group(x, batch.ids, batch.clusters)
                joined = GroupedRows(rows.x, rows.ids, (0, len(rows.ids)))
                for need, state in states[space].items():
                    state.feed(rows if need in grouped else joined)
            with lock:
                progress.advance(len(batch.ids))
        return states

    return fold(engine.map(work, stream.shards()), _merged)


def _merged(a: States, b: States) -> States:
    for space, states in a.items():
        for need, state in states.items():
            state.merge(b[space][need])
    return a
