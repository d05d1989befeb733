"""Measuring a file of 200,000 x 512 float32 against bare products over the same file, in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

ROWS, DIM, BLOCK = 200_000, 512, 4096
CHEAP = ["self_similarity", "coordinate_std", "mean_norm", "norm_cv", "zero_rows"]
SPECTRAL = ["isoscore", "participation_ratio", "effective_rank"]


def written(path: Path) -> None:
    rng = np.random.default_rng(0)
    scale = np.geomspace(1, 0.01, DIM, dtype=np.float32)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(ROWS, DIM))
    for start in range(0, ROWS, BLOCK):
        rows = out[start : start + BLOCK]
        rows[:] = rng.standard_normal(rows.shape, dtype=np.float32) * scale + 0.1
    out.flush()


def gram(path: Path) -> None:
    """X'X in float64 over blocks of the file: the least that any covariance needs."""
    total = np.zeros((DIM, DIM))
    buffer = np.empty((BLOCK, DIM), dtype=np.float32)
    with path.open("rb", buffering=0) as file:
        file.seek(128)
        while got := file.readinto(buffer.reshape(-1).view(np.uint8).data):
            block = buffer[: got // (4 * DIM)].astype(np.float64)
            total += block.T @ block


def read(path: Path) -> None:
    buffer = np.empty((BLOCK, DIM), dtype=np.float32)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer.reshape(-1).view(np.uint8).data):
            pass


def measured(**options: object) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        from embedscope import measure

        measure(path, **options)

    return run


def one_thread(work: Callable[[Path], None]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with threadpool_limits(1):
            work(path)

    return run


def best(work: Callable[[Path], None], path: Path, runs: int = 2) -> tuple[float, float]:
    """Least wall and processor seconds of some runs; other work on the machine only adds."""
    times = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work(path)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(t[0] for t in times), min(t[1] for t in times)


def peak_mib(path: Path) -> float:
    """Largest resident memory of a process that measures the file with the defaults."""
    code = "import sys, embedscope; embedscope.measure(sys.argv[1])\n"
    code += "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    return float(done.stdout) / 1024


def main() -> None:
    cases = [
        ("reading the file", read),
        ("bare X'X, float64 blocks, BLAS on all cores", gram),
        ("bare X'X, float64 blocks, BLAS on one core", one_thread(gram)),
        (f"`measure`: {', '.join(CHEAP)}", measured(metrics=CHEAP)),
        (f"`measure`: {', '.join(SPECTRAL)}", measured(metrics=SPECTRAL)),
        ("`measure`: i1, i2 (two passes)", measured(metrics=["i1", "i2"])),
        ("`measure`: all 13 defaults (two passes)", measured()),
        ("`measure`: all 13 defaults, `precision=fast`", measured(precision="fast")),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        written(path)
        read(path)
        found = [(name, *best(work, path)) for name, work in cases]
        peak = peak_mib(path)
    wall, cpu = found[2][1:]
    print(f"{ROWS:,} x {DIM} float32; least of 2 runs; ratios to bare X'X on one core. Every `measure` also takes the")
    print("checksum of the file, checks it for nan and gives error bars from 16 groups.\n")
    print("| what | wall, s | ratio | processor, s | ratio |\n|---|---|---|---|---|")
    for name, w, c in found:
        print(f"| {name} | {w:.2f} | {w / wall:.2f} | {c:.2f} | {c / cpu:.2f} |")
    size = ROWS * DIM * 4 / 2**20
    print(f"\nPeak memory of the process with all defaults: {peak:,.0f} MiB; the file has {size:,.0f} MiB.")


if __name__ == "__main__":
    main()
