"""Do scores without labels choose the right layer? Their agreement with STS-B, per layer, and what the choice costs.

    EMBEDSCOPE_DATA=... python -m benchmarks.label_free            # 500 pairs of the test part
    python -m benchmarks.label_free --pairs 100 --models minilm

Regret: rank correlation on STS-B of the best layer less that of the layer that the score chooses.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from embedscope.comparison.label_free import without_words
from embedscope.datasets import DATASETS, Finder
from embedscope.encoders import open_encoder
from embedscope.metrics.rank import effective_rank
from embedscope.metrics.spectra import alpha_req, matrix_entropy
from embedscope.sources.text_vectors import extract
from embedscope.stats.neighbours import match_ranks

MODELS = ("minilm", "e5", "smollm2")
POOLING = "plain"


def pairs(n: int) -> tuple[list[str], list[str], np.ndarray[Any, Any]]:
    """Sentences and human scores of ``n`` pairs of the test part."""
    loaded = DATASETS.get("stsb").load(Finder(None))
    relation = loaded.relations["test"]
    texts = loaded.tables[relation.table].texts
    rows = np.linspace(0, len(relation.gold) - 1, min(n, len(relation.gold))).astype(int)
    return [texts[i] for i in relation.left[rows]], [texts[i] for i in relation.right[rows]], relation.gold[rows]


def unit(x: Any) -> Any:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def layers(uri: str, n: int) -> list[dict[str, Any]]:
    """STS-B and every score, for every layer of a model."""
    from scipy.stats import spearmanr

    left, right, gold = pairs(n)
    distinct = list(dict.fromkeys([*left, *right]))
    changed = [without_words(t) for t in distinct]
    vectors = extract(open_encoder(uri), list(dict.fromkeys([*distinct, *changed])), [POOLING, None], cache=None)
    out = []
    for pooling in (POOLING, None):
        for space in vectors.spaces(pooling):
            a, b, x, y = (
                unit(np.asarray(vectors.matrix(pooling, space, t), np.float64))
                for t in (left, right, distinct, changed)
            )
            entropy, alpha = float(matrix_entropy(x)), float(alpha_req(x))
            sts = float(spearmanr((a * b).sum(axis=1), gold).statistic)
            other = np.flatnonzero([p != q for p, q in zip(distinct, changed, strict=True)])
            stable = float((match_ranks(y[other], x, np.arange(len(other)), other) == 1).mean())
            out.append(
                {
                    "model": uri,
                    "space": space,
                    "stsb": sts,
                    "word_stability": stable,
                    "matrix_entropy": entropy,
                    "effective_rank": float(effective_rank(x)),
                    "alpha_req": -abs(alpha - 1),
                }
            )
    return out


def main() -> None:
    from scipy.stats import spearmanr

    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--models", default=",".join(MODELS))
    options = parser.parse_args()
    every: list[dict[str, Any]] = []
    print("| models | layers | best layer | score | chooses | rank correlation of score and STS-B | regret |")
    print("|---|---|---|---|---|---|---|")
    for uri in options.models.split(","):
        rows = layers(uri, options.pairs)
        every += rows
        summary(uri, rows, spearmanr)
    if "," in options.models:
        summary("all together", every, spearmanr)


def summary(name: str, rows: list[dict[str, Any]], spearmanr: Any) -> None:
    best = max(rows, key=lambda r: r["stsb"])
    for score in ("word_stability", "matrix_entropy", "effective_rank", "alpha_req"):
        chosen = max(rows, key=lambda r: r[score])
        rho = spearmanr([r[score] for r in rows], [r["stsb"] for r in rows]).statistic
        first = f"{best['model']} {best['space']} ({best['stsb']:.3f})"
        second = f"{chosen['model']} {chosen['space']} ({chosen['stsb']:.3f})"
        regret = best["stsb"] - chosen["stsb"]
        print(f"| {name} | {len(rows)} | {first} | {score} | {second} | {rho:+.2f} | {regret:.3f} |", flush=True)


if __name__ == "__main__":
    main()
