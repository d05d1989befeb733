"""Neighbours and hubness against vecscope, and recall@k against the bare matrix products it rests on."""

from __future__ import annotations

import resource

import numpy as np

from benchmarks._rows import COMPARED, Took, compare, header, least, peer, rows, scale, took

ROWS, DIM, K = scale(50_000), 384, 10
IMAGES, TEXTS, WIDTH = scale(5_000), 5 * scale(5_000), 512


def unit_cloud(n: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d), dtype=np.float32) * (1 + np.arange(d, dtype=np.float32)) ** -0.5 + 0.1
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def products(queries: np.ndarray, corpus: np.ndarray, block: int = 1024) -> None:
    for start in range(0, len(queries), block):
        queries[start : start + block] @ corpus.T


def hubness_rows() -> None:
    from embedscope.stats.neighbours import k_occurrences, top_k

    x = unit_cloud(ROWS, DIM, 0)
    bare, ours = [], []
    for _ in range(2):
        bare.append(took(lambda: products(x, x))[0])
        seconds, found = took(lambda: top_k(x, x, K, exclude=np.arange(ROWS)))
        ours.append(seconds)
    counts = k_occurrences(found, ROWS)
    print(f"| N_{K} of {ROWS:,} x {DIM} float32 | bare float32 X X' | {compare(least(ours), least(bare))} | 1.1 |")
    rows("the same", 7, lambda: vecscope_row(x, least(ours), counts))


def vecscope_row(x: np.ndarray, ours: Took, counts: np.ndarray) -> None:
    exact_knn = peer("vecscope._knn", "vecscope==0.2.0").exact_knn
    theirs, (indices, _) = took(lambda: exact_knn(x, K))
    other = np.bincount(indices.ravel(), minlength=ROWS)
    note = f"{(counts != other).sum():,} of {ROWS:,} counts differ (order of float32 near ties)"
    print(f"| the same | vecscope 0.2.0 `exact_knn`; {note} | {compare(ours, theirs)} | 0.50 |")


def inner_cloud(n: int, d: int, inner: int, seed: int) -> np.ndarray:
    """Rows near a curved manifold, as those of models are: ``inner`` dimensions and some noise in ``d``."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, inner)) * np.geomspace(3, 0.5, inner)
    x = np.tanh(z @ rng.standard_normal((inner, d)) / 5) + 0.15 * rng.standard_normal((n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def index_rows() -> None:
    peer("faiss", "'embedscope[faiss]'")
    from embedscope.stats.neighbour_index import indexed_neighbours
    from embedscope.stats.neighbours import k_occurrences, top_k

    clouds = {"24 inner dimensions": inner_cloud(ROWS, DIM, 24, 0), "384 dimensions": unit_cloud(ROWS, DIM, 0)}
    for name, x in clouds.items():
        exact, true = took(lambda x=x: top_k(x, x, K, exclude=np.arange(ROWS)))
        ours, found = took(lambda x=x: indexed_neighbours(x, K))
        skews = [((n - K) ** 3).mean() / n.std() ** 3 for n in (k_occurrences(true, ROWS), found.occurrences())]
        note = f"{found}; skewness {skews[1]:.4f}, exact {skews[0]:.4f}"
        what = f"`--neighbours faiss`, {ROWS:,} x {DIM}, {name}"
        print(f"| {what} | the exact search; {note} | {compare(ours, exact)} | |", flush=True)


def both(images: np.ndarray, texts: np.ndarray, own: np.ndarray) -> None:
    from embedscope.stats.neighbours import match_ranks

    match_ranks(images, texts, own, np.arange(TEXTS))
    match_ranks(texts, images, np.arange(TEXTS), own)


def recall_rows() -> None:
    images, texts = unit_cloud(IMAGES, WIDTH, 1), unit_cloud(TEXTS, WIDTH, 2)
    own = np.arange(TEXTS) // (TEXTS // IMAGES)
    bare, ours = [], []
    for _ in range(3):
        bare.append(took(lambda: (products(images, texts), products(texts, images)))[0])
        ours.append(took(lambda: both(images, texts, own))[0])
    what = f"exact ranks both ways, {IMAGES:,} x {TEXTS:,} x {WIDTH}"
    print(f"| {what} | bare float32 blocks, both ways | {compare(least(ours), least(bare))} | 1.2 |", flush=True)


def main() -> None:
    print("Order and ties are those of float64 products; the peers stop at float32. No n x n matrix is made.\n")
    header("what", "against", *COMPARED, "target")
    recall_rows()
    hubness_rows()
    rows("hubs from an index", 7, index_rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory of the process: {peak:,.0f} MiB (the peer's blocks of 2,048 x n among it).")


if __name__ == "__main__":
    main()
