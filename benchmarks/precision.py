"""What `--precision fast` costs in digits, on spectra of real vectors: relative differences to float64, by metric."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks._rows import data, header, rows
from embedscope import measure

METRICS = ["isoscore", "participation_ratio", "effective_rank", "i1", "i2", "coordinate_std"]


def tokens(uri: str) -> dict[str, object]:
    """Token vectors of a model in every layer."""
    return {"x": uri, "texts": "lee", "max_rows": 4000}


def clip() -> dict[str, object]:
    """Image and text vectors of CLIP."""
    image, text = np.load(data("clip500", "features_clip.npy"))
    return {"x": {"image": image, "text": text}}


SPACES: dict[str, Callable[[], dict[str, object]]] = {
    **{f"{u}, 4,000 tokens of Lee's documents, every layer": partial(tokens, u) for u in ("minilm", "smollm2")},
    "CLIP ViT-B/32, 500 image and 500 text vectors": clip,
}


def row(name: str) -> None:
    """Print the row of one source."""
    source = SPACES[name]()
    x = source.pop("x")
    exact, fast = (measure(x, metrics=METRICS, precision=p, **source) for p in ("exact", "fast"))  # type: ignore[arg-type]
    found: dict[str, list[float]] = {}
    for a, b in zip(exact, fast, strict=True):
        if a.value is not None and b.value is not None:
            found.setdefault(a.metric, []).append(abs(b.value - a.value) / abs(a.value))
    cells = [f"{max(found[m]):.0e}" for m in METRICS]
    print(f"| {name} | {len(found[METRICS[0]])} | {' | '.join(cells)} |")


def main() -> None:
    print("Largest relative difference of `--precision fast` to float64 over the spaces (layers, sides) of a row.\n")
    header("vectors", "spaces", *METRICS)
    for name in SPACES:
        rows(name, 2 + len(METRICS), partial(row, name))


if __name__ == "__main__":
    main()
