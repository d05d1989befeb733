"""`diagnose` against the audit of vecscope, and against the one search of neighbours that it cannot do without.

`python -m benchmarks._section diagnose 10000` runs one of the two sizes alone.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks._rows import COMPARED, compare, header, least, peer, rows, scale, took

DIM, K = 384, 10


def cloud(n: int) -> np.ndarray:
    """Rows near a curved manifold of 24 dimensions, off centre, as those of models are."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, 24)) * np.geomspace(3, 0.5, 24)
    x = np.tanh(z @ rng.standard_normal((24, DIM)) / 5) + 0.15 * rng.standard_normal((n, DIM)) + 0.1
    return x.astype(np.float32)


def size(n: int, target: str, rounds: int) -> None:
    """The rows of one size; the least of the rounds, in turns."""
    from embedscope import diagnose
    from embedscope.stats.neighbours import top_k

    x = cloud(n)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    ours, search, theirs = [], [], []
    what = f"`diagnose` of {n:,} x {DIM}"
    for _ in range(rounds):
        ours.append(took(lambda: diagnose(x))[0])
        search.append(took(lambda: top_k(unit, unit, K, exclude=np.arange(n)))[0])
        rows(what, 7, lambda: theirs.append(took(lambda: peer("vecscope", "vecscope==0.2.0").audit(x))[0]))
    print(f"| {what} | one exact search of the {K} nearest | {compare(least(ours), least(search))} | |")
    if theirs:
        print(f"| {what} | vecscope 0.2.0 `audit` | {compare(least(ours), least(theirs))} | {target} |", flush=True)


def main() -> None:
    from embedscope import diagnose

    diagnose(cloud(1500))  # what is imported once
    asked = [int(word) for word in sys.argv[1:]]
    header("what", "against", *COMPARED, "target")
    for n, target, rounds in ((10_000, "0.4", 3), (50_000, "0.12", 1)):
        if not asked or n in asked:
            size(scale(n), target, rounds)


if __name__ == "__main__":
    main()
