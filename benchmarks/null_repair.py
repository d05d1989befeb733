"""How often `repair` writes a repair of nothing, and how often it writes one that helps.

Every layout is a population whose truth is known: in the null layouts no map helps new data, whatever it does to copies
of what it was fitted on. A repair of nothing should be written in at most 5 % of the runs.

    python -m benchmarks.null_repair            # 40 runs of each layout
    python -m benchmarks.null_repair --runs 10
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from embedscope.repairs.repair import is_written, repair

Data = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


def _apart(rng: np.random.Generator, n: int, d: int = 32) -> tuple[Floats, Floats]:
    """Two sides that have nothing to do with each other."""
    return rng.normal(size=(n, d)), rng.normal(size=(n, d))


def repeated_rows(rng: np.random.Generator) -> Data:
    """150 images x 5 captions, each image row repeated exactly; the captions know nothing of the images."""
    x, y = rng.normal(size=(150, 32)), rng.normal(size=(150, 32))
    captions = np.repeat(y, 5, axis=0) + 0.5 * rng.normal(size=(750, 32))
    return {"pair": (np.repeat(x, 5, axis=0), captions)}


def repeated_rows_shuffled(rng: np.random.Generator) -> Data:
    """The same in random order."""
    x, y = repeated_rows(rng)["pair"]
    order = rng.permutation(len(x))
    return {"pair": (x[order], y[order])}


def jittered_copies(rng: np.random.Generator) -> Data:
    """60 unrelated pairs x 10 jittered copies."""
    x, y = _apart(rng, 60)
    return {"pair": tuple(np.repeat(s, 10, axis=0) + 0.1 * rng.normal(size=(600, 32)) for s in (x, y))}


def jittered_copies_shuffled(rng: np.random.Generator) -> Data:
    """The same in random order."""
    x, y = jittered_copies(rng)["pair"]
    order = rng.permutation(len(x))
    return {"pair": (x[order], y[order])}


def independent_pairs(rng: np.random.Generator) -> Data:
    """400 unrelated pairs."""
    return {"pair": _apart(rng, 400)}


def few_pairs(rng: np.random.Generator) -> Data:
    """48 pairs with a weak relation that no map improves."""
    x = rng.normal(size=(48, 16))
    return {"pair": (x + rng.normal(size=x.shape), x + rng.normal(size=x.shape))}


def labels_of_chunks(rng: np.random.Generator) -> Data:
    """60 items x 6 chunks in file order; each item has a random class of 4."""
    items = rng.normal(size=(60, 32))
    chunks = np.repeat(items, 6, axis=0) + 0.7 * rng.normal(size=(360, 32))
    return {"source": chunks, "labels": np.repeat(rng.integers(0, 4, size=60), 6)}


def labels_of_chunks_declared(rng: np.random.Generator) -> Data:
    """The same in random order, with the items as --groups."""
    data = labels_of_chunks(rng)
    order = rng.permutation(360)
    groups = np.repeat(np.arange(60), 6)[order]
    return {"source": data["source"][order], "labels": data["labels"][order], "groups": groups}


def labels_of_chunks_shuffled(rng: np.random.Generator) -> Data:
    """The same in random order, undeclared."""
    data = labels_of_chunks_declared(rng)
    del data["groups"]
    return data


def judged_copies(rng: np.random.Generator) -> Data:
    """60 documents x 8 near-equal questions each, which know nothing of the documents."""
    queries = np.repeat(rng.normal(size=(60, 32)), 8, axis=0) + 0.1 * rng.normal(size=(480, 32))
    return {"pair": (queries, np.repeat(rng.normal(size=(60, 32)), 8, axis=0))}


def _unequal(rng: np.random.Generator, spread: float, d: int) -> Data:
    """90 unrelated pairs with as many variants as Zipf's law gives, at most 60, in random order."""
    item = rng.permutation(np.repeat(np.arange(90), np.minimum(rng.zipf(1.6, size=90), 60)))
    x, y = _apart(rng, 90, d)
    return {"pair": tuple(s[item] + spread * rng.normal(size=(len(item), d)) for s in (x, y))}


def unequal_copies(rng: np.random.Generator) -> Data:
    """90 unrelated pairs with 1 to 60 jittered copies each, in random order."""
    return _unequal(rng, 0.15, 24)


def unequal_variants(rng: np.random.Generator) -> Data:
    """90 unrelated pairs with 1 to 60 loose variants each (spread 0.5), in random order."""
    return _unequal(rng, 0.5, 24)


def two_films(rng: np.random.Generator) -> Data:
    """1,500 frames of two unrelated films: rows follow their predecessor with correlation .8."""

    def film() -> Floats:
        frames = rng.normal(size=(1500, 24))
        for i in range(1, len(frames)):
            frames[i] = 0.8 * frames[i - 1] + 0.6 * frames[i]
        return frames

    return {"pair": (film(), film())}


def turned(rng: np.random.Generator) -> Data:
    """200 pairs, one side turned: Procrustes helps."""
    meaning = rng.normal(size=(200, 16))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    return {"pair": (meaning + 0.5 * rng.normal(size=(200, 16)), (meaning + 0.5 * rng.normal(size=(200, 16))) @ turn)}


def turned_captions(rng: np.random.Generator) -> Data:
    """100 images x 5 captions, one side turned, image rows repeated."""
    meaning = rng.normal(size=(100, 16))
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    captions = (np.repeat(meaning, 5, axis=0) + 0.8 * rng.normal(size=(500, 16))) @ turn
    return {"pair": (np.repeat(meaning, 5, axis=0), captions)}


def modalities_apart(rng: np.random.Generator) -> Data:
    """300 pairs with a gap between the sides: centring helps the mixed index."""
    meaning, gap = rng.normal(size=(300, 32)), 2 * rng.normal(size=32)
    sides = (meaning + 0.5 * rng.normal(size=(300, 32)) + sign * gap for sign in (1, -1))
    return {"pair": tuple(sides), "objective": "mixed"}


def stretched_classes(rng: np.random.Generator) -> Data:
    """600 rows of 6 classes under directions of noise ten times as large: whitening helps."""
    label = rng.integers(0, 6, size=600)
    x = rng.normal(size=(6, 32))[label] + 0.8 * rng.normal(size=(600, 32))
    x[:, :4] += 10 * rng.normal(size=(600, 4))
    return {"source": x, "labels": label}


NULL: tuple[Callable[[np.random.Generator], Data], ...] = (
    repeated_rows,
    repeated_rows_shuffled,
    jittered_copies,
    jittered_copies_shuffled,
    independent_pairs,
    few_pairs,
    labels_of_chunks,
    labels_of_chunks_declared,
    labels_of_chunks_shuffled,
    judged_copies,
    unequal_copies,
    unequal_variants,
    two_films,
)
POWER: tuple[Callable[[np.random.Generator], Data], ...] = (
    turned,
    turned_captions,
    modalities_apart,
    stretched_classes,
)


def writes_repair(layout: Callable[[np.random.Generator], Data], seed: int) -> bool:
    """Whether `repair` writes one for the data of ``layout``."""
    return is_written(repair(**layout(np.random.default_rng([7, seed])), seed=seed)[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print("| layout | help exists | runs | written |")
    print("|---|---|---|---|")
    for layouts, helps in ((NULL, "no"), (POWER, "yes")):
        for layout in layouts:
            if options.only in layout.__name__:
                n = sum(writes_repair(layout, seed) for seed in range(options.runs))
                print(
                    f"| {(layout.__doc__ or '').rstrip('.')} | {helps} | {options.runs} | {n / options.runs:.0%} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
