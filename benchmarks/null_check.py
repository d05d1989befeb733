"""How often `check` calls drift: between samples of one population of any two sizes, and after real shifts.

python -m benchmarks.null_check             # 60 comparisons of each row
python -m benchmarks.null_check --runs 10
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import numpy as np

from embedscope.core.result import Result
from embedscope.diagnosis.drift import drift
from embedscope.geometry.measure import measure

Floats = np.ndarray[Any, np.dtype[np.float64]]
POPULATIONS = ("isotropic", "decaying", "cone", "clustered", "heavy")
SIZES = (200, 600, 2_000, 20_000)
SHIFTS = ("mean +0.1", "scale +5 %", "one coordinate x 3", "half of another model")
DIM = 32


def sample(population: str, n: int, seed: int, dim: int = DIM) -> Floats:
    """``n`` rows of a population."""
    rng = np.random.default_rng([11, POPULATIONS.index(population), n, seed])
    x = rng.normal(size=(n, dim))
    if population == "decaying":
        x *= (1.0 + np.arange(dim)) ** -0.75
    if population == "cone":
        x += np.linspace(0.2, 1.5, dim)
    if population == "clustered":
        centres = np.random.default_rng(99).normal(size=(8, dim))
        x = 0.6 * x + centres[rng.integers(0, 8, size=n)]
    if population == "heavy":
        x *= np.sqrt(5 / rng.chisquare(5, size=n))[:, None]
    return x


def shift_rows(x: Floats, shift: str, seed: int) -> Floats:
    """``x`` after a change that matters."""
    y, rng = x.copy(), np.random.default_rng([13, seed])
    if shift == "mean +0.1":
        y += 0.1
    elif shift == "scale +5 %":
        y *= 1.05
    elif shift == "one coordinate x 3":
        y[:, 0] *= 3
    else:
        other = np.linalg.qr(np.random.default_rng(5).normal(size=(x.shape[1], x.shape[1])))[0]
        y[: len(y) // 2] = y[: len(y) // 2] @ other + rng.normal(size=x.shape[1])
    return y


def chunks(n: int, per: int, seed: int, dim: int = DIM) -> Floats:
    """Chunks of documents in the order of their file."""
    rng = np.random.default_rng([17, n, per, seed])
    return np.repeat(rng.normal(size=(n // per, dim)) + 0.5, per, axis=0) + 0.5 * rng.normal(size=(n // per * per, dim))


def measure_rows(x: Floats, groups: Any = None) -> Result:
    """The default numbers of ``x``."""
    return measure(x) if groups is None else measure(x, groups=groups)


def alarms(results: list[tuple[Result, Result]]) -> float:
    """Share of comparisons that fail the check."""
    return float(np.mean([bool(drift(a, b).drifted) for a, b in results]))


def null_row(population: str, sizes: tuple[int, int], runs: int) -> float:
    """False alarms between independent samples of two sizes."""
    a, b = ([measure_rows(sample(population, n, 1000 * side + i)) for i in range(runs)] for side, n in enumerate(sizes))
    return alarms(list(zip(a, b, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=60)
    options = parser.parse_args()
    samples: dict[tuple[str, int], list[Result]] = {}
    print("| population | rows of the baseline, rows now | comparisons | false alarms |\n|---|---|---|---|")
    for population in POPULATIONS:
        for n in SIZES:
            runs = options.runs if n < 10_000 else max(4, options.runs // 4)
            samples[population, n] = [measure_rows(sample(population, n, i)) for i in range(runs)]
        for n, m in itertools.combinations_with_replacement(SIZES, 2):
            a, b = samples[population, n], samples[population, m]
            pairs = (
                list(zip(a[::2], a[1::2], strict=False))
                if n == m
                else [(a[i % len(a)], b[i % len(b)]) for i in range(max(len(a), len(b)))]
            )
            print(f"| {population} | {n:,}, {m:,} | {len(pairs)} | {alarms(pairs):.0%} |", flush=True)
    for per, n, m in ((5, 1000, 1500), (20, 2000, 4000)):
        pairs = [(measure_rows(chunks(n, per, i)), measure_rows(chunks(m, per, 500 + i))) for i in range(options.runs)]
        print(
            f"| {per} chunks per document, in file order | {n:,}, {m:,} | {len(pairs)} | {alarms(pairs):.0%} |",
            flush=True,
        )
    print("\n| shift | rows of the baseline, rows now | comparisons | found |\n|---|---|---|---|")
    for shift in SHIFTS:
        for n, m in ((2000, 2000), (2000, 600)):
            before = [measure_rows(sample("cone", n, i)) for i in range(options.runs // 2)]
            after = [measure_rows(shift_rows(sample("cone", m, 7000 + i), shift, i)) for i in range(options.runs // 2)]
            found = alarms(list(zip(before, after, strict=True)))
            print(f"| {shift} | {n:,}, {m:,} | {len(before)} | {found:.0%} |", flush=True)


if __name__ == "__main__":
    main()
