"""One Dask worker against two, one thread each, on the same file: time, bits, and what a checkpoint costs."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._rows import peer, scale
from embedscope.execution.checkpoint import Checkpoint
from embedscope.execution.dask import Dask
from embedscope.execution.shards import ShardRunner
from embedscope.geometry.measure import measure_stream
from embedscope.readers import open_vectors

ROWS, DIM = scale(600_000), 256
METRICS = ["isoscore", "effective_rank", "self_similarity", "top5_share", "i1", "i2"]


def write(path: Path) -> None:
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(ROWS, DIM))
    for start in range(0, ROWS, 8192):
        rows = out[start : start + 8192]
        rows[:] = rng.standard_normal(rows.shape, dtype=np.float32) * np.geomspace(1, 0.01, DIM) + 0.1
    out.flush()


def time_engine(path: Path, engine: object) -> tuple[float, list[object]]:
    begin = time.perf_counter()
    records = measure_stream(open_vectors(str(path)), source="x", metrics=METRICS, engine=engine)  # type: ignore[arg-type]
    return time.perf_counter() - begin, [(r.metric, r.value, r.stderr) for r in records]


def products(seed: int) -> float:
    """Work without a file or a state to send: what two processes gain on this machine at this time."""
    x = np.random.default_rng(seed).standard_normal((4096, DIM))
    return float(sum((x.T @ x)[0, 0] for _ in range(60)))


def bare(engine: Dask) -> float:
    begin = time.perf_counter()
    list(engine.map(products, range(16)))
    return time.perf_counter() - begin


def main() -> None:
    peer("distributed", "'embedscope[dask]'")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        write(path)
        engines = [Dask(workers=1), Dask(workers=2)]
        small = Path(folder) / "small.npy"
        np.save(small, np.random.default_rng(1).standard_normal((4_000, DIM)))
        for engine in engines:
            time_engine(small, engine)  # workers start and import
        rounds, control = [], []
        for _ in range(3):
            control.append([bare(engine) for engine in engines])
            rounds.append([time_engine(path, engine) for engine in engines])
        b1, b2 = (min(c[i] for c in control) for i in (0, 1))
        one, two = (min(r[i][0] for r in rounds) for i in (0, 1))
        same = all(r[0][1] == r[1][1] for r in rounds)
        kept, found = time_engine(
            path, ShardRunner(engines[0], checkpoint=Checkpoint(Path(folder) / "kept", str(path)))
        )
        same = same and found == rounds[0][0][1]
        size = sum(f.stat().st_size for f in (Path(folder) / "kept").rglob("*") if f.is_file()) / 2**20
        for engine in reversed(engines):
            engine.close()
    print(f"{ROWS:,} x {DIM} float32, {', '.join(METRICS)} (two passes); least of 3 rounds taken in turns on")
    print(f"{os.cpu_count()} cores; workers started before, one thread each.\n")
    print("| what | s | ratio | target |\n|---|---|---|---|")
    print(f"| 1 worker | {one:.2f} | 1 | |")
    print(f"| 2 workers | {two:.2f} | {one / two:.2f} times faster | 1.7 |")
    print(f"| bare products without data, 1 worker | {b1:.2f} | 1 | |")
    print(f"| the same, 2 workers: the most that can be had | {b2:.2f} | {b1 / b2:.2f} times faster | |")
    print(f"| 1 worker with `--checkpoint` | {kept:.2f} | {kept / one:.2f} | |")
    print(f"\nThe bits are the same in all: {'yes' if same else 'NO'}. The checkpoint took {size:,.0f} MiB.")


if __name__ == "__main__":
    main()
