"""Metrics against the packages and scripts people use for them, on the same array."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable

import numpy as np

from benchmarks._rows import header, peer, rows, scale


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


Row = tuple[str, str, float, float, float, str]


def cosines() -> None:
    """Mean cosine against all pairs."""
    from scipy.spatial.distance import pdist

    from embedscope import metrics

    n = scale(10_000)
    x = cloud(n, 768)
    ours, a = seconds(lambda: metrics.self_similarity(x))
    theirs, b = seconds(lambda: float(1 - pdist(x.astype(np.float64), "cosine").mean()), 1)
    put((f"self_similarity {n:,} x 768", "scipy pdist, as in the study's script", ours, theirs, abs(a - b), "500x"))


def isotropy() -> None:
    """IsoScore against its own package."""
    theirs_of = peer("IsoScore").IsoScore
    from embedscope import metrics

    n = scale(50_000)
    y = cloud(n, 384)
    ours, a = seconds(lambda: metrics.isoscore(y))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs, b = seconds(lambda: float(theirs_of.IsoScore(y)), 1)
    put((f"isoscore {n:,} x 384", "IsoScore 2.0.1", ours, theirs, abs(a - b), "2x"))


def audit() -> None:
    """Mean cosine and participation ratio: what the audit of spectralyte takes by default."""
    theirs_of = peer("spectralyte").Spectralyte
    from embedscope import measure

    n = scale(50_000)
    x = cloud(n, 384)
    names = ["self_similarity", "participation_ratio"]
    ours, result = seconds(lambda: measure(x, metrics=names).value(metric="participation_ratio"))
    theirs, report = seconds(lambda: theirs_of(x).run(verbose=False), 1)
    difference = abs(result - report.dimensionality.participation_ratio)
    put((f"core audit {n:,} x 384, with error bars", "spectralyte 0.4.0", ours, theirs, difference, "50x"))


def put(row: Row) -> None:
    """Print one row."""
    what, against, ours, theirs, difference, target = row
    faster = f"{theirs / ours:,.{0 if theirs > 10 * ours else 1}f}x"
    print(f"| {what} | {against} | {ours:.3f} | {theirs:.2f} | {faster} | {target} | {difference:.1e} |", flush=True)


def main() -> None:
    header("what", "against", "ours, s", "theirs, s", "faster", "target", "largest difference")
    for what, call in (("self_similarity", cosines), ("isoscore", isotropy), ("core audit", audit)):
        rows(what, 7, call)


if __name__ == "__main__":
    main()
