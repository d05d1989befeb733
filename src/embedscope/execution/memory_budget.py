"""A bound on memory, kept by doing less at a time: fewer workers, then fewer spaces and statistics in one reading.

Neither changes blocks, shards or groups, so the numbers have the same bits under any bound.
"""

from __future__ import annotations

import math
import re
import resource
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.accumulate import Need
from embedscope.core.block import SHARED_PARTS, block_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS
from embedscope.execution import Engine, Local
from embedscope.execution.shards import ShardRunner
from embedscope.stats.grouped import capacity_of, groups_for

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_LIBRARIES = 24 << 20
"""For what is imported while measuring, and what Python itself allocates."""


@dataclass(frozen=True)
class Round:
    """One reading of the stream: the spaces and needs that are fed by it."""

    spaces: tuple[str, ...]
    needs: tuple[Need[Any], ...]


def bytes_of(text: str | int) -> int:
    """Bytes that ``text`` such as ``512MB``, ``2GiB`` or a number means.

    Raises
    ------
    InputError
        if it is not a positive size.

    >>> bytes_of("512MB"), bytes_of("1.5 GiB"), bytes_of(4096)
    (512000000, 1610612736, 4096)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", str(text).upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size <= 0:
        raise InputError(f"memory must be a size such as 512MB or 2GiB, got '{text}'")
    return size


def rounds_of(
    dims: Mapping[str, int],
    needs: Sequence[Need[Any]],
    grouped: Collection[Need[Any]],
    shards: int,
    engine: Engine,
    memory: int | None,
) -> tuple[Engine, list[Round]]:
    """The engine, with fewer workers where it must be, and the readings of one pass, so that ``memory`` is kept.

    Parameters
    ----------
    dims : width of every space
    grouped : needs kept in jackknife groups
    shards : how many there are
    memory : bytes that the process may hold, libraries included; None for no bound

    Raises
    ------
    InputError
        if one worker with one statistic of one space is too much, or the work is done in other processes.
    """
    everything = Round(tuple(dims), tuple(needs))
    if memory is None:
        return engine, [everything]
    workers = _workers(engine)
    free = memory - _held() - _LIBRARIES

    def fits(part: Round, count: int) -> bool:
        return _peak(part, dims, grouped, shards, count) <= free

    for count in range(workers, 0, -1):
        if fits(everything, count):
            return _narrowed(engine, count), [everything]
    rounds: list[Round] = []
    for space in dims:
        waiting: tuple[Need[Any], ...] = ()
        for need in needs:
            if waiting and not fits(Round((space,), (*waiting, need)), 1):
                rounds.append(Round((space,), waiting))
                waiting = ()
            waiting = (*waiting, need)
            if not fits(Round((space,), waiting), 1):
                least = memory - free + _peak(Round((space,), waiting), dims, grouped, shards, 1)
                raise InputError(
                    f"memory {_mega(memory)} is too little for {type(need).__name__} of {space}, {dims[space]:,} wide: "
                    f"it needs {_mega(least)}, libraries included; allow that much, or choose metrics that need less"
                )
        rounds.append(Round((space,), waiting))
    return _narrowed(engine, 1), rounds


def _peak(part: Round, dims: Mapping[str, int], grouped: Collection[Need[Any]], shards: int, workers: int) -> int:
    """Bytes that a reading takes at most: states at work, states in the fold, rows that wait, and the last step."""
    widths = [dims[space] for space in part.spaces]
    workers = min(workers, shards)
    sizes = [need.size(d) * (groups_for(d) if need in grouped else 1) for d in widths for need in part.needs]
    states = sum(sizes)
    capacity, block = capacity_of(dims.values()), block_rows(max(dims.values()))
    rows = sum(8 * d * ((GROUPS + SHARED_PARTS) * capacity) for d in widths) + 3 * 8 * block * sum(dims.values())
    levels = 1 + int(math.log(max(shards, 1), 16)) if shards > 1 else 0
    waiting = workers + 1 if workers > 1 else 1
    work = workers * (rows + 8 * max(widths) ** 2) + (waiting + levels) * states
    finish = states + 2 * max(sizes) + 6 * 8 * max(widths) ** 2
    return max(work, finish)


def _workers(engine: Engine) -> int:
    inner = engine.engine if isinstance(engine, ShardRunner) else engine
    if not isinstance(inner, Local):
        raise InputError(
            "memory is a bound on this process, and the work is done in others; bound these where they start"
        )
    return inner.workers


def _narrowed(engine: Engine, workers: int) -> Engine:
    if not isinstance(engine, ShardRunner):
        return Local(workers)
    engine.engine = Local(workers)
    return engine


def _held() -> int:
    """Bytes of memory that this process holds now; the most it ever held where the system does not say."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _mega(size: int) -> str:
    return f"{-(-size // 10**6):,} MB"
