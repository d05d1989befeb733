"""Rows read beforehand, in their order, to find out whether they depend on their neighbours in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import to_numpy, unit_rows
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import row_numbers
from embedscope.stats.file_order import INDEPENDENT, FileOrder, file_order
from embedscope.stats.units import in_file_order

_VALUES = 1 << 21
"""Values held at most, in float32: 8 MB, and as much again while they are looked at."""

_PLACES = 16
_RUN = 128
_SPACES = 4

Matrix = npt.NDArray[Any]


@dataclass(frozen=True)
class Probe:
    """What the first rows say.

    Attributes
    ----------
    order : dependence of the rows on their order
    power : exponent of two by which rows are to be multiplied so that their fourth powers stay finite; mostly 0
    """

    order: FileOrder = INDEPENDENT
    power: int = 0


def order_of(stream: Stream, skip_bad: bool = False) -> FileOrder:
    """Dependence of the rows of ``stream`` on their order, see :func:`probe`."""
    return probe(stream, skip_bad).order


def probe(stream: Stream, skip_bad: bool = False) -> Probe:
    """Dependence of the rows of ``stream`` on their order, the strongest over its spaces (four of them, if more).

    All rows are read where they are few; else runs of rows at up to 16 places of the file. The plan of the stream
    decides which, so every engine finds the same. Streams of models, whose rows are known by their texts, are not read
    at all; of rows whose units are declared only the size of the values is looked at.

    Parameters
    ----------
    skip_bad : pass over shards that cannot be read, which the passes that follow report
    """
    shards = stream.shards()
    if not shards or not all(hasattr(shard, "start") for shard in shards):
        return Probe()
    spaces = list(stream.dims)[:: -(-len(stream.dims) // _SPACES)]
    most = max(_RUN, _VALUES // sum(stream.dims[space] for space in spaces))
    chosen = shards
    if stream.n_rows is None or stream.n_rows > most:
        step = -(-len(shards) // max(1, min(_PLACES, most // _RUN)))
        chosen = shards[::step]
        most = most // len(chosen)
    largest, declared = 0.0, False
    runs: dict[str, list[Matrix]] = {space: [] for space in spaces}
    for shard in chosen:
        try:
            rows, largest = _rows(shard, spaces, most, largest)
        except (InputError, OSError):
            if not skip_bad:
                raise
            continue
        declared = declared or rows is None
        for space, parts in (rows or {}).items():
            runs[space].append(parts)
    if declared:
        return Probe(power=power_of(largest))
    n = stream.n_rows or sum(len(run) for run in next(iter(runs.values())))
    read = sum(len(run) for run in next(iter(runs.values())))
    whole = len(chosen) == len(shards) and read == n
    orders = [file_order([np.concatenate(parts)] if whole else parts, n) for parts in runs.values()]
    return Probe(max(orders, key=lambda order: (order.block, order.z or 0.0)), power_of(largest))


def power_of(largest: float) -> int:
    """Exponent of two that brings ``largest`` near 1 where fourth powers would leave float64, else 0.

    >>> power_of(1.0), power_of(2.0**-300), power_of(2.0**400)
    (0, 300, -400)
    """
    if largest == 0 or 2.0**-_FINE < largest < 2.0**_FINE:
        return 0
    return -int(np.floor(np.log2(largest)))


_FINE = 170


def _rows(shard: Shard, spaces: list[str], most: int, largest: float) -> tuple[dict[str, Matrix] | None, float]:
    """The first ``most`` rows of a shard by space, None where units are declared or rows are not numbered.

    Also the largest absolute value met in rows of float64, or ``largest``, whichever is more.
    """
    out: dict[str, list[Matrix]] = {}
    n, numbered = 0, True
    for batch in shard.batches():
        numbered = numbered and _is_numbered(batch)
        for space in spaces:
            x = to_numpy(batch.spaces[space][: most - n])
            if x.dtype == np.float64:
                largest = max(largest, float(np.abs(x).max(initial=0.0)))
            if numbered:
                rows = to_numpy(unit_rows(x)[0]) if x.dtype == np.float64 else x
                out.setdefault(space, []).append(rows.astype(np.float32))
        n += len(batch.ids)
        if n >= most:
            break
    return {space: np.concatenate(parts) for space, parts in out.items()} if numbered else None, largest


def _is_numbered(batch: Batch) -> bool:
    """Whether the rows of a batch are those of a file in their order, and no units are declared."""
    declared = batch.clusters is not batch.ids and not np.array_equal(batch.clusters, batch.ids)
    return not declared and in_file_order(row_numbers(batch.ids))
