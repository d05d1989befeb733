"""Metrics against the packages and scripts people use for them, on the same array."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable

import numpy as np


def seconds(call: Callable[[], object], repeats: int = 3) -> tuple[float, object]:
    best, value = float("inf"), None
    for _ in range(repeats):
        begin = time.perf_counter()
        value = call()
        best = min(best, time.perf_counter() - begin)
    return best, value


def cloud(n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, d)) * (1 + np.arange(d)) ** -0.5 + 0.3).astype(np.float32)


def rows() -> list[tuple[str, str, float, float, float, str]]:
    from IsoScore import IsoScore
    from scipy.spatial.distance import pdist

    from embedscope import metrics

    x, y = cloud(10_000, 768), cloud(50_000, 384)
    ours, a = seconds(lambda: metrics.self_similarity(x))
    theirs, b = seconds(lambda: float(1 - pdist(x.astype(np.float64), "cosine").mean()), 1)
    found = [
        ("self_similarity 10,000 x 768", "scipy pdist, as in the study's script", ours, theirs, abs(a - b), "500x")
    ]
    ours, a = seconds(lambda: metrics.isoscore(y))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs, b = seconds(lambda: float(IsoScore.IsoScore(y)), 1)
    found.append(("isoscore 50,000 x 384", "IsoScore 2.0.1", ours, theirs, abs(a - b), "2x"))
    return [*found, audit(y)]


def audit(x: np.ndarray) -> tuple[str, str, float, float, float, str]:
    """Mean cosine and participation ratio: what the audit of spectralyte takes by default."""
    from spectralyte import Spectralyte

    from embedscope import measure

    names = ["self_similarity", "participation_ratio"]
    ours, result = seconds(lambda: measure(x, metrics=names).value(metric="participation_ratio"))
    theirs, report = seconds(lambda: Spectralyte(x).run(verbose=False), 1)
    difference = abs(result - report.dimensionality.participation_ratio)
    return ("core audit 50,000 x 384, with error bars", "spectralyte 0.4.0", ours, theirs, difference, "50x")


def main() -> None:
    print("| what | against | ours, s | theirs, s | faster | target | largest difference |")
    print("|---|---|---|---|---|---|---|")
    for what, peer, ours, theirs, difference, target in rows():
        faster = f"{theirs / ours:,.{0 if theirs > 10 * ours else 1}f}x"
        print(f"| {what} | {peer} | {ours:.3f} | {theirs:.2f} | {faster} | {target} | {difference:.1e} |")


if __name__ == "__main__":
    main()
