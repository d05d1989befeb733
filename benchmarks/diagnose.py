"""`diagnose` against the audit of vecscope, and against the one search of neighbours that it cannot do without."""

from __future__ import annotations

import numpy as np

from benchmarks._rows import header, peer, rows, scaled, seconds

DIM, K = 384, 10


def cloud(n: int) -> np.ndarray:
    """Rows near a curved manifold of 24 dimensions, off centre, as those of models are."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, 24)) * np.geomspace(3, 0.5, 24)
    x = np.tanh(z @ rng.standard_normal((24, DIM)) / 5) + 0.15 * rng.standard_normal((n, DIM)) + 0.1
    return x.astype(np.float32)


def against_vecscope(x: np.ndarray, ours: float, target: str) -> None:
    """The peer's audit of the same rows."""
    audit = peer("vecscope", "vecscope==0.2.0").audit
    theirs, _ = seconds(lambda: audit(x))
    what = f"`diagnose` of {len(x):,} x {DIM}"
    print(f"| {what} | vecscope 0.2.0 `audit` | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {target} |")


def size(n: int, target: str) -> None:
    """Both rows of one size; the least of two rounds, in turns."""
    from embedscope import diagnose
    from embedscope.stats.neighbours import top_k

    x = cloud(n)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    times = []
    for _ in range(2):
        ours, _ = seconds(lambda: diagnose(x))
        search, _ = seconds(lambda: top_k(unit, unit, K, exclude=np.arange(n)))
        times.append((ours, search))
    ours, search = (min(t[i] for t in times) for i in (0, 1))
    what = f"`diagnose` of {n:,} x {DIM}"
    print(
        f"| {what} | one exact search of the {K} nearest | {ours:.2f} | {search:.2f} | {ours / search:.2f} | |",
        flush=True,
    )
    rows(what, 6, lambda: against_vecscope(x, ours, target))


def main() -> None:
    header("what", "against", "ours, s", "theirs, s", "ratio", "target")
    for n, target in ((10_000, "0.4"), (50_000, "0.12")):
        size(scaled(n), target)


if __name__ == "__main__":
    main()
