"""Measuring a file of float32 rows against bare products over the same file, in one run; and how it grows.

The file has 1,000,000 x 512 values; EMBEDSCOPE_BENCH_ROWS makes it smaller where the machine is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks._rows import header, scale

ROWS, DIM, BLOCK = int(os.environ.get("EMBEDSCOPE_BENCH_ROWS", scale(1_000_000))), 512, 4096
COVARIANCE = [
    "isoscore",
    "participation_ratio",
    "effective_rank",
    "coordinate_std",
    "mean_norm",
    "norm_cv",
    "zero_rows",
]
SHARES = [*COVARIANCE, "self_similarity", "top5_share", "top8_share"]
PARTITION = [*SHARES, "i1", "i2"]


def write(path: Path, *, unit: bool = False) -> None:
    rng = np.random.default_rng(0)
    scale = np.geomspace(1, 0.01, DIM, dtype=np.float32)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(ROWS, DIM))
    for start in range(0, ROWS, BLOCK):
        rows = out[start : start + BLOCK]
        rows[:] = rng.standard_normal(rows.shape, dtype=np.float32) * scale + 0.1
        if unit:
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    out.flush()


def rows_of(path: Path) -> Iterator[np.ndarray]:
    buffer = np.empty((BLOCK, DIM), dtype=np.float32)
    with path.open("rb", buffering=0) as file:
        file.seek(128)
        while got := file.readinto(buffer.reshape(-1).view(np.uint8).data):
            yield buffer[: got // (4 * DIM)]


def read(path: Path) -> None:
    for _ in rows_of(path):
        pass


def gram(path: Path, dtype: type = np.float64) -> None:
    """X'X over blocks of the file: the least that any covariance needs."""
    total = np.zeros((DIM, DIM))
    for rows in rows_of(path):
        block = rows.astype(dtype, copy=False)
        total += block.T @ block


def gram32(path: Path) -> None:
    gram(path, np.float32)


def gram_on_one(path: Path) -> None:
    with threadpool_limits(1):
        gram(path)


def unit_sum(path: Path) -> None:
    total = np.zeros(DIM)
    for rows in rows_of(path):
        block = rows.astype(np.float64)
        total += (block / np.linalg.norm(block, axis=1)[:, None]).sum(axis=0)


def largest(path: Path) -> None:
    for rows in rows_of(path):
        for k in (5, 8):
            np.partition(np.abs(rows), DIM - k, axis=1)


def unit_gram(path: Path) -> None:
    total = np.zeros((DIM, DIM))
    for rows in rows_of(path):
        block = rows.astype(np.float64)
        block /= np.linalg.norm(block, axis=1)[:, None]
        total += block.T @ block


def exponentials(path: Path) -> None:
    vectors, total = np.linalg.qr(np.random.default_rng(0).standard_normal((DIM, DIM)))[0], np.zeros(DIM)
    for rows in rows_of(path):
        block = rows.astype(np.float64)
        block /= np.linalg.norm(block, axis=1)[:, None]
        total += np.exp(block @ vectors).sum(axis=0)


PART = 128
"""Rows that a cache holds in 64 bits, twice."""


class Control:
    """The least that the numbers take as they are defined, in bare NumPy: what each pass does with a row, once.

    Without groups and merging of states, records, checks of the file and intervals.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        group = rng.integers(0, 16, BLOCK)
        self.order = np.argsort(group, kind="stable")
        self.factors = rng.integers(0, 2**63, (2, DIM), dtype=np.uint64)
        self.vectors = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0].astype(np.float32)
        self.shifts = rng.standard_normal((16, DIM)) * 1e-4
        self.words = np.empty((PART, DIM), dtype=np.uint64)
        self.x = np.empty((BLOCK, DIM), dtype=np.float32)
        self.y, self.unit = np.empty((BLOCK, DIM)), np.empty((BLOCK, DIM))
        self.single = np.empty((BLOCK, DIM), dtype=np.float32)

    def blocks(self, path: Path) -> Iterator[int]:
        """Read rows, hash them at unit length, which tells equal ones, and copy them to their groups; how many."""
        for rows in rows_of(path):
            n = len(rows)
            for part in parts_of(n):
                unit = rows[part].astype(np.float64)
                unit *= (1 / np.sqrt(np.vecdot(unit, unit)))[:, None]
                words = self.words[: len(unit)]
                words[...] = unit.astype(np.float32).view(np.uint32)
                np.einsum("ij,kj->ki", words, self.factors)
            np.take(rows, self.order[self.order < n], axis=0, out=self.x[:n], mode="clip")
            yield n

    def to_unit(self, part: slice) -> None:
        """Rows in float64 at unit length."""
        self.unit[part] = self.x[part]
        self.unit[part] /= np.sqrt(np.vecdot(self.unit[part], self.unit[part]))[:, None]

    def centre(self, rows: np.ndarray, n: int) -> None:
        """X'X of rows minus their mean, with the sums of |y|^2, |y|^2 y and |y|^4."""
        mean = rows[:n].mean(axis=0, dtype=np.float64)
        for part in parts_of(n):
            self.y[part] = rows[part]
            self.y[part] -= mean
            squares = np.vecdot(self.y[part], self.y[part])
            np.dot(squares, self.y[part]), squares.sum(), np.dot(squares, squares)
        self.y[:n].T @ self.y[:n]

    def covariance(self, path: Path) -> None:
        """The pass of the covariance metrics."""
        for n in self.blocks(path):
            self.centre(self.x, n)

    def first(self, path: Path, *, unit_gram: bool = True) -> None:
        """The first pass of the 13 defaults."""
        for n in self.blocks(path):
            self.centre(self.x, n)
            for part in parts_of(n):
                self.to_unit(part)
                np.einsum("ij,ij->j", self.unit[part], self.unit[part]), self.unit[part].sum(axis=0)
                np.partition(np.abs(self.x[part]), DIM - 8, axis=1)
            if unit_gram:
                self.centre(self.unit, n)

    def second(self, path: Path) -> None:
        """The second pass: exp(U V) in float32 with float64 sums, and unit rows minus means, at unit length again."""
        total = np.zeros((2, DIM))
        for n in self.blocks(path):
            for part in parts_of(n):
                self.to_unit(part)
                self.single[part] = self.unit[part]
                self.unit[part] -= 0.01
                squares = np.vecdot(self.unit[part], self.unit[part])[:, None]
                weights = 1 / np.sqrt(squares - 2 * (self.unit[part] @ self.shifts.T) + 1e-4)
                weights.T @ self.unit[part]
                np.dot(1 / squares[:, 0], self.unit[part] ** 2)
            terms = self.single[:n] @ self.vectors
            total[0] += np.exp(terms, out=terms).sum(axis=0, dtype=np.float64)
            total[1] += np.reciprocal(terms, out=terms).sum(axis=0, dtype=np.float64)

    def defaults(self, path: Path) -> None:
        """Both passes."""
        self.first(path)
        self.second(path)

    def defaults_of_unit_rows(self, path: Path) -> None:
        """Both passes over rows of unit length: one Gram matrix serves both kinds of rows."""
        self.first(path, unit_gram=False)
        self.second(path)


def parts_of(n: int) -> list[slice]:
    return [slice(start, min(start + PART, n)) for start in range(0, n, PART)]


def measure(**options: object) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        from embedscope import measure

        measure(path, **options)

    return run


def best(works: dict[str, Callable[[Path], None]], path: Path, rounds: int = 2) -> dict[str, tuple[float, float]]:
    """Least wall and processor seconds of each work, taken in turns; other work on the machine only adds."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work(path)
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: (min(t[0] for t in each), min(t[1] for t in each)) for name, each in times.items()}


def peak_mib(path: Path, metrics: list[str]) -> float:
    """Most resident memory of a process that measures the file."""
    code = "import sys, embedscope; embedscope.measure(sys.argv[1], metrics=sys.argv[2].split(','))\n"
    code += "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    command = [sys.executable, "-c", code, str(path), ",".join(metrics)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def growth() -> None:
    """The same metrics over more and more rows of a stream that is made as it is read, 64 wide."""
    code = """
import sys, time
import numpy as np
from benchmarks.measure import SHARES, Made
from embedscope.execution import local_engine
from embedscope.geometry.measure import measure_stream
stream = Made(int(sys.argv[1]), 64)
begin = time.perf_counter()
measure_stream(stream, source="made", metrics=SHARES, engine=local_engine([64]))
print(time.perf_counter() - begin, open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""
    print("\n| rows of a stream 64 wide | wall, s | microseconds a row | peak memory, MiB |\n|---|---|---|---|")
    for n in (scale(10**5), scale(10**6), scale(10**7)):
        done = subprocess.run([sys.executable, "-c", code, str(n)], check=True, capture_output=True, text=True)
        wall, peak = map(float, done.stdout.split())
        print(f"| {n:,} | {wall:.2f} | {wall / n * 1e6:.2f} | {peak / 1024:,.0f} |")


class Made:
    """A stream of ``n`` rows that are one block, moved a little each time."""

    def __init__(self, n: int, dim: int) -> None:
        self.n_rows, self.dims = n, {"vectors": dim}
        self.block = np.random.default_rng(0).standard_normal((1024, dim)).astype(np.float32)

    def shards(self) -> list[MadeShard]:
        from embedscope.readers import plan

        return [MadeShard(self, a, b) for a, b in plan(self.n_rows, self.dims["vectors"])]


class MadeShard:
    def __init__(self, stream: Made, start: int, stop: int) -> None:
        self.stream, self.start, self.stop = stream, start, stop

    def batches(self) -> Iterator[object]:
        from embedscope.core.batch import Batch
        from embedscope.core.ids import hash_rows

        for a in range(self.start, self.stop, 1024):
            ids = hash_rows(a, min(a + 1024, self.stop))
            yield Batch(ids, ids, {"vectors": self.stream.block[: len(ids)] + np.float32(a % 7)})


def main() -> None:
    from embedscope.core.threads import cores

    bare = {
        "reading the file": read,
        "bare X'X, float64": gram,
        "bare X'X, float32": gram32,
        "bare X'X, float64, BLAS on one core": gram_on_one,
        "bare sum of unit rows": unit_sum,
        "bare np.partition, k = 5 and 8": largest,
        "bare U'U of the unit rows, float64": unit_gram,
        "bare exp(U V)": exponentials,
        "control: covariance metrics": Control().covariance,
        "control: all 13 defaults": Control().defaults,
        "control: all 13 defaults, rows of unit length": Control().defaults_of_unit_rows,
    }
    x, x32, _, units, parts, second, exps, *controls = list(bare)[1:]
    cases = [
        ("covariance metrics", {"metrics": COVARIANCE}, [x], "1.2"),
        ("with self_similarity, top5_share, top8_share", {"metrics": SHARES}, [x, units, parts], "1.2"),
        ("with i1 and i2 (two passes)", {"metrics": PARTITION}, [x, units, parts, second, exps], "1.4"),
        ("covariance metrics, `precision=fast`", {"metrics": COVARIANCE, "precision": "fast"}, [x32], "1.5"),
        ("all 13 defaults (two passes)", {}, [x, units, parts, second, exps], ""),
        ("all 13 defaults", {}, [x], "3.2"),
        ("all 13 defaults, rows of unit length", {}, [x], "2.4"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path, unit_path = Path(folder) / "x.npy", Path(folder) / "unit.npy"
        write(path)
        write(unit_path, unit=True)
        read(path)
        measure(metrics=["zero_rows"])(path)
        works = bare | {name: measure(**options) for name, options, _, _ in cases[:-2]}
        works[cases[-1][0]] = lambda _: measure()(unit_path)
        found = best(works, path)
        found["all 13 defaults"] = found["all 13 defaults (two passes)"]
        peaks = [peak_mib(path, names) for names in (COVARIANCE, PARTITION)]
        size = path.stat().st_size / 2**20
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"{ROWS:,} x {DIM} float32; least of 2 rounds in which all take turns; BLAS of the bare passes on")
    print(f"{threads} core{'s' * (threads != '1')}, `measure` on {cores()} threads with one for BLAS.")
    print("Every `measure` also checks the file for nan and gives error bars from 16 groups.\n")
    header("what", "wall, s", "processor, s", "against the sum of", "ratio", "of processor time", "target")
    for name in bare:
        wall, cpu = found[name]
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | | | | |")
    for name, _, against, target in cases:
        wall, cpu = found[name]
        ratios = f"{wall / sum(found[b][0] for b in against):.2f} | {cpu / sum(found[b][1] for b in against):.2f}"
        print(f"| `measure`: {name} | {wall:.2f} | {cpu:.2f} | {', '.join(against)} | {ratios} | {target} |")
    print("\nThe controls: what each pass does with a row, in bare NumPy, without groups, merging and intervals.\n")
    header("what", "control over bare X'X", "of processor time", "`measure` over control", "of processor time")
    for control in controls:
        what = control.removeprefix("control: ")
        cells = [found[a][i] / found[b][i] for a, b in ((control, x), (what, control)) for i in (0, 1)]
        print(f"| {what} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
    print(f"\nPeak memory of the process: {peaks[0]:,.0f} MiB with the covariance metrics (target 381),")
    print(f"{peaks[1]:,.0f} MiB with i1 and i2 too; the file has {size:,.0f} MiB.")
    growth()


if __name__ == "__main__":
    main()
