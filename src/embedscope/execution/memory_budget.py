"""A memory budget, met by doing less at a time: fewer workers, then fewer spaces and statistics per reading.

Neither changes blocks, shards or groups, so results have the same bits under any budget.
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
"""For modules imported while measuring, and what Python itself allocates."""


@dataclass(frozen=True)
class Round:
    """One reading of the stream, for some spaces and needs."""

    spaces: tuple[str, ...]
    needs: tuple[Need[Any], ...]


def parse_bytes(text: str | int) -> int:
    """Number of bytes of a size such as ``512MB`` or ``2GiB``, or of a number.

    Raises
    ------
    InputError
        if it is not a positive size.

    >>> parse_bytes("512MB"), parse_bytes("1.5 GiB"), parse_bytes(4096)
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
    """The engine, with fewer workers where necessary, and the rounds of one pass that fit into ``memory``.

    Parameters
    ----------
    dims : dimensions of every space
    grouped : needs accumulated in jackknife groups
    shards : number of shards
    memory : bytes the process may use, libraries included; None for no limit

    Raises
    ------
    InputError
        if one worker with one statistic of one space needs more, or the work is done in other processes.
    """
    everything = Round(tuple(dims), tuple(needs))
    if memory is None:
        return engine, [everything]
    workers = _workers(engine)
    free = memory - _used() - _LIBRARIES

    def fits(part: Round, count: int) -> bool:
        return _peak(part, dims, grouped, shards, count) <= free

    for count in range(workers, 0, -1):
        if fits(everything, count):
            return _with_workers(engine, count), [everything]
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
                    f"memory {_mega(memory)} is too little for {type(need).__name__} of {space} with "
                    f"{dims[space]:,} dimensions, which needs {_mega(least)} in all; allow that much, or choose "
                    "metrics that need less"
                )
        rounds.append(Round((space,), waiting))
    return _with_workers(engine, 1), rounds


def _peak(part: Round, dims: Mapping[str, int], grouped: Collection[Need[Any]], shards: int, workers: int) -> int:
    """Bytes that a round needs at most: states in use, states in the merge tree, waiting rows, and the last step."""
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
            "memory limits this process, and the work is done in others; limit their memory where they are started"
        )
    return inner.workers


def _with_workers(engine: Engine, workers: int) -> Engine:
    if not isinstance(engine, ShardRunner):
        return Local(workers)
    engine.engine = Local(workers)
    return engine


def _used() -> int:
    """Bytes of memory that this process uses now; the most it ever used where the system does not say."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _mega(size: int) -> str:
    return f"{-(-size // 10**6):,} MB"
