"""What benchmarks share: sizes, peers and data that may be missing, rows that say so and go on."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

T = TypeVar("T")

SCALE = float(os.environ.get("EMBEDSCOPE_BENCH_SCALE", "1"))
"""Share of the rows: a small one shows that every row runs, not how fast."""

FOLDER = Path(os.environ.get("EMBEDSCOPE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


class MissingError(Exception):
    """A peer or data that are not here, in words."""


def scale(n: int, least: int = 500) -> int:
    """``n`` rows, or the share of them that EMBEDSCOPE_BENCH_SCALE asks for."""
    return n if SCALE == 1 else max(min(n, least), round(n * SCALE))


def peer(module: str, install: str = "") -> ModuleType:
    """A package that we are compared with."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingError(f"{module.partition('.')[0]} is not installed: pip install {install or module}") from error


def data(*parts: str) -> Path:
    """A file or a folder of the evaluation data."""
    path = FOLDER.joinpath(*parts)
    if not path.exists():
        raise MissingError(
            f"no {'/'.join(parts) or 'folder'} in the evaluation data; set EMBEDSCOPE_DATA to their folder"
        )
    return path


def header(*columns: str) -> None:
    """The head of a table."""
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def absent(error: BaseException) -> str | None:
    """What is missing, where that is what ``error`` says; None for an error that is a fault."""
    from embedscope.core.errors import DataUnavailableError, MissingExtraError

    if isinstance(error, MissingError | DataUnavailableError | MissingExtraError | FileNotFoundError):
        return str(error)
    name = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if name is None or name.partition(".")[0] in ("embedscope", "benchmarks"):
        return None
    return f"{name} is not installed"


def rows(what: str, columns: int, call: Callable[[], object]) -> None:
    """What ``call`` prints, or a row that says why there is nothing."""
    try:
        call()
    except Exception as error:
        why = absent(error)
        if why is None:
            raise
        print(f"| {what} | not run: {why} |{' |' * (columns - 2)}", flush=True)


class Took(NamedTuple):
    """Seconds of a call: on the clock, and of the processor, which other work on the machine moves little."""

    wall: float
    cpu: float


def took(call: Callable[[], T]) -> tuple[Took, T]:
    """How long a call takes, and what it gives."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = call()
    return Took(time.perf_counter() - wall, time.process_time() - cpu), value


def least(times: Iterable[Took]) -> Took:
    """The least of each kind: other work on the machine only adds."""
    walls, cpus = zip(*times, strict=True)
    return Took(min(walls), min(cpus))


COMPARED = ("ours, s", "theirs, s", "ratio", "of processor time")


def compare(ours: Took, theirs: Took) -> str:
    """Cells of both, and the ratios of their times on the clock and of the processor."""
    ratios = f"{ours.wall / theirs.wall:.2f} | {ours.cpu / theirs.cpu:.2f}"
    return f"{ours.wall:.2f} | {theirs.wall:.2f} | {ratios}"
