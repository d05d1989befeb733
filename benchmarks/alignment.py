"""Fitting alignments of 40,000 pairs against bare BLAS products and one decomposition, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from benchmarks._rows import scale

PAIRS, DIM, RUNS = scale(40_000), 512, 3
TARGET = "1.3"


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    from embedscope.stats import cross_gaussian
    from embedscope.transforms.align import parse_alignment

    rng = np.random.default_rng(0)
    x = rng.standard_normal((PAIRS, DIM)) * np.geomspace(1, 0.05, DIM) + 0.1
    y = x @ np.linalg.qr(rng.standard_normal((DIM, DIM)))[0] + 0.3 * rng.standard_normal((PAIRS, DIM))
    cross = cross_gaussian(x, y)

    def products() -> None:
        for left, right in ((x, x), (x, y), (y, y)):
            np.matmul(left.T, right)

    study = ("procrustes", "lstsq", "whiten:128")

    def fit(text: str) -> Callable[[], object]:
        return lambda: parse_alignment(text).fit_cross(cross)

    def all_of_them() -> None:
        shared = cross_gaussian(x, y)
        for text in study:
            parse_alignment(text).fit_cross(shared)

    svd, eigh = (lambda: np.linalg.svd(cross.cxy)), (lambda: np.linalg.eigh(cross.cxx))
    cases: dict[str, Callable[[], object]] = {
        "products": products,
        "moments": lambda: cross_gaussian(x, y),
        "svd": svd,
        "eigh": eigh,
        **{text: fit(text) for text in study},
        "all": all_of_them,
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(RUNS):
        for name, work in cases.items():
            times[name].append(seconds(work))
    t = {name: median(found) for name, found in times.items()}
    print(f"{PAIRS:,} pairs of {DIM} in float64; medians of {RUNS} rounds, each of which ran all cases.\n")
    print("| what | s | bare | s | ratio | target |\n|---|---|---|---|---|---|")
    rows = [("cross moments", t["moments"], "three products", t["products"])]
    bare = {"procrustes": "svd", "lstsq": "eigh", "whiten:128": "eigh"}
    for text, part in bare.items():
        name = f"cross moments and `{text}`"
        rows.append((name, t["moments"] + t[text], f"three products and one `{part}`", t["products"] + t[part]))
    together = "three products, one `svd`, two `eigh`"
    rows.append(("all three from one pass", t["all"], together, t["products"] + t["svd"] + 2 * t["eigh"]))
    for what, ours, theirs, least in rows:
        print(f"| {what} | {ours:.2f} | {theirs} | {least:.2f} | {ours / least:.2f} | {TARGET} |")


if __name__ == "__main__":
    main()
