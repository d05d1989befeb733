"""A memory budget, met by doing less at a time: fewer workers, then fewer spaces and statistics per reading.

Neither changes blocks, shards or groups, so results have the same bits under any budget.
"""

from __future__ import annotations

import ctypes
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
_LEAST = 10**6
_LIBRARIES = 24 << 20
"""For modules imported while measuring, and what Python itself allocates."""
_GROWN = 12 << 20
"""By so much two runs of the same command differ, so that what one says is enough for the next."""
_MEASURING = "with these metrics"


@dataclass(frozen=True)
class Round:
    """One reading of the stream, for some spaces and needs."""

    spaces: tuple[str, ...]
    needs: tuple[Need[Any], ...]


@dataclass(frozen=True)
class Reading:
    """What reading a stream takes: bytes of a coordinate as it comes, and what a worker holds beside the blocks.

    Attributes
    ----------
    itemsize : 4 for float32
    held : of what the file stores in one piece (a page, a batch, a compressed chunk)
    """

    itemsize: int = 8
    held: int = 0


READING = Reading()
"""Of rows whose type is not known."""


def parse_bytes(text: str | int) -> int:
    """Number of bytes of a size such as ``512MB`` or ``2GiB``, or of a number.

    Raises
    ------
    InputError
        if it is not a size, or less than 1 MB, which no process keeps.

    >>> parse_bytes("512MB"), parse_bytes("1.5 GiB"), parse_bytes(4096000)
    (512000000, 1610612736, 4096000)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", str(text).upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size < _LEAST:
        few = f", which is {size:,} bytes" if size else ""
        raise InputError(f"memory must be a size such as 512MB or 2GiB, got '{text}'{few}; write the unit with it")
    return size


def rounds_of(
    dims: Mapping[str, int],
    needs: Sequence[Need[Any]],
    grouped: Collection[Need[Any]],
    shards: int,
    engine: Engine,
    memory: int | None,
    reading: Reading = READING,
    purpose: str = _MEASURING,
) -> tuple[Engine, list[Round]]:
    """The engine, with fewer workers where necessary, and the rounds of one pass that fit into ``memory``.

    Parameters
    ----------
    dims : dimensions of every space
    grouped : needs accumulated in jackknife groups
    shards : number of shards
    memory : bytes the process may use, libraries included; None for no limit
    reading : what the stream takes beside that
    purpose : what the memory is for, in the message of an error

    Raises
    ------
    InputError
        if one worker with one statistic of one space needs more, or the work is done in other processes.
    """
    everything = Round(tuple(dims), tuple(needs))
    if memory is None:
        return engine, [everything]
    workers = _workers(engine)
    free = check_memory(dims, needs, grouped, shards, memory, reading, purpose)

    def fits(part: Round, count: int) -> bool:
        return _peak(part, dims, grouped, shards, count, reading) <= free

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
        rounds.append(Round((space,), waiting))
    return _with_workers(engine, 1), rounds


def check_memory(
    dims: Mapping[str, int],
    needs: Sequence[Need[Any]],
    grouped: Collection[Need[Any]],
    shards: int,
    memory: int,
    reading: Reading = READING,
    purpose: str = _MEASURING,
) -> int:
    """Bytes of ``memory`` that are free for the work.

    Raises
    ------
    InputError
        if they are too few for one worker with one statistic of one space.
    """
    free = memory - _used_bytes() - _LIBRARIES
    single = {
        space: max(_peak(Round((space,), (need,)), dims, grouped, shards, 1, reading) for need in needs)
        for space in dims
    }
    most = max(single, key=lambda space: single[space])
    if single[most] > free:
        wanted = memory - free + single[most] + _GROWN
        less = ", or choose metrics that take less with --metrics" if purpose == _MEASURING else ""
        raise InputError(
            f"memory {_mega(memory)} is too little for {most} with {dims[most]:,} dimensions, which takes "
            f"{_mega(wanted)} in all {purpose}; allow that much{less}"
        )
    return free


def _peak(
    part: Round,
    dims: Mapping[str, int],
    grouped: Collection[Need[Any]],
    shards: int,
    workers: int,
    reading: Reading = READING,
) -> int:
    """Bytes that a round takes at most: states in use, states in the merge tree, waiting rows, and the last step.

    Rows wait as they came; what is made of a block is float64.
    """
    widths = [dims[space] for space in part.spaces]
    workers = min(workers, shards)
    sizes = [need.size(d) * (groups_for(d) if need in grouped else 1) for d in widths for need in part.needs]
    states = sum(sizes)
    capacity, block = capacity_of(dims.values()), block_rows(max(dims.values()))
    waiting_rows = sum(d * (reading.itemsize * GROUPS + 8 * SHARED_PARTS) * capacity for d in widths)
    rows = waiting_rows + 3 * 8 * block * sum(dims.values())
    levels = 1 + int(math.log(max(shards, 1), 16)) if shards > 1 else 0
    waiting = workers + 1 if workers > 1 else 1
    work = workers * (rows + reading.held + 8 * max(widths) ** 2) + (waiting + levels) * states
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


def _used_bytes() -> int:
    """Bytes of memory that this process uses now; the most it ever used where the system does not say."""
    _give_back()
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _give_back() -> None:
    """Return to the system what was freed: allocators keep it, and it would count as used."""
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # not in every C library
            trim(0)


def _mega(size: int) -> str:
    return f"{-(-size // 10**6):,} MB"
