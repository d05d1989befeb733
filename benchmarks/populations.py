"""Does `diagnose` find two models in one index, from a share of 1 % on, and leave spaces of one model alone?

    EMBEDSCOPE_DATA=... python -m benchmarks.populations --vectors DIR

Ten mixtures of two real models of equal dimensions, 1,000 rows each (500 where fewer are there). AUC is that of the row
scores (1 for rows said to be of the other model) against the truth; "cause" says how often the finding was two models.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks._spaces import Spaces, pure
from embedscope.diagnosis.populations import populations
from embedscope.stats.row_sets import RowSet

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

MIXTURES: tuple[tuple[str, str, int], ...] = (
    ("minilm--coco--plain", "e5--coco--query", 384),
    ("e5--m30k_de--query", "minilm--m30k_de--plain", 384),
    ("minilm--coco--plain", "smollm2--coco--plain", 384),
    ("smollm2--coco--plain", "e5--coco--query", 384),
    ("minilm--coco--plain", "random:minilm--coco--plain", 384),
    ("names/detic/lvis", "clip500/clip/1", 512),
    ("names/detic/lvis", "clip500/clip/0", 512),
    ("clip500/clip/1", "clip500/convirt/1", 512),
    ("clip500/clip/0", "clip500/convirt/0", 512),
    ("names/detic/lvis", "names/vlpart/lvis", 512),
)
"""Two spaces and the dimensions of which the first are taken."""

KINDS: tuple[tuple[str, str, str], ...] = (
    ("images and texts of CLIP", "clip500/clip/0", "clip500/clip/1"),
    ("class names with two prompts", "names/detic/lvis", "names/object_centric_ovd/lvis"),
    ("two languages, minilm", "minilm--m30k_en--plain", "minilm--m30k_de--plain"),
    ("two languages, e5", "e5--m30k_en--query", "e5--m30k_de--query"),
    ("`query: ` on half the rows, e5", "e5--coco--query", "e5--coco--plain"),
)
"""Two kinds of input to one model, half of the rows each."""


def mix(a: Any, b: Any, share: float, seed: int, most: int = 1000) -> tuple[Any, Any]:
    """Rows of two spaces, a ``share`` of them of the second, at unit length; and which they are."""
    n = min(most, int(len(a) / (1 - share)), int(len(b) / share))
    k = max(10, round(share * n))
    rng = np.random.default_rng([seed, n, k])
    x = np.concatenate([a[rng.permutation(len(a))[: n - k]], b[rng.permutation(len(b))[:k]]])
    truth = np.arange(n) >= n - k
    order = rng.permutation(n)
    return (x / np.linalg.norm(x, axis=1, keepdims=True))[order], truth[order]


def auc(truth: Any, said: Any) -> float:
    """AUC of a row score of 0 or 1, whichever set is called the smaller."""
    right = (said[truth].mean() + 1 - said[~truth].mean()) / 2
    return float(max(right, 1 - right) if truth.mean() == 0.5 else right)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    spaces = Spaces(options.vectors)
    print(f"| two models | {' | '.join(f'{s:.0%}' for s in SHARES)} |\n|---|{'---|' * len(SHARES)}")
    for a, b, d in MIXTURES:
        cells = []
        for share in SHARES:
            found = []
            for seed in range(options.runs):
                x, truth = mix(spaces[a][:, :d], spaces[b][:, :d], share, seed)
                split = populations(RowSet(x))
                said = split is not None and split.two_models
                found.append(auc(truth, split.smaller) if said and split is not None else 0.5)
            cells.append(f"{np.mean(found):.3f}")
        print(f"| {a} + {b} | {' | '.join(cells)} |", flush=True)
    print("\n| one model, two kinds of input | found | rows told apart | likeness of covariances |\n|---|---|---|---|")
    for name, a, b in KINDS:
        rng = np.random.default_rng(3)
        order = rng.permutation(min(len(spaces[a]), len(spaces[b])))
        half = len(order) // 2
        x = np.concatenate([spaces[a][order[:half]], spaces[b][order[half:]]])
        split = populations(RowSet(x))
        if split is None:
            print(f"| {name} | no | | |", flush=True)
            continue
        said = "two models" if split.two_models else "two kinds"
        right = auc(np.arange(len(x)) >= half, split.smaller)
        print(f"| {name} | {said} | {max(right, 1 - right):.3f} | {split.likeness:.2f} |", flush=True)
    quiet, total = 0, 0
    for name, x in pure(spaces).items():
        split = populations(RowSet(x))
        total += 1
        quiet += split is None
        if split is not None:
            print(f"false alarm: {name}, {split.smaller.sum()} rows, likeness {split.likeness:.3f}")
    print(f"\nSpaces of one model and one kind of input: {total}, of which {total - quiet} with an alarm.")


if __name__ == "__main__":
    main()
