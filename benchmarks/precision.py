"""What `--precision fast` costs in digits, on spectra of real vectors: relative differences to float64, by metric."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embedscope import measure

DATA = Path(os.environ.get("EMBEDSCOPE_DATA", "../shared/data"))
METRICS = ["isoscore", "participation_ratio", "effective_rank", "i1", "i2", "coordinate_std"]


def spaces() -> Iterator[tuple[str, dict[str, object]]]:
    """Real spaces: pooled and token vectors of two models in every layer, and the CLIP vectors where they are."""
    for uri in ("minilm", "smollm2"):
        yield f"{uri}, 4,000 tokens of Lee's documents, every layer", {"x": uri, "texts": "lee", "sample": 4000}
    features = DATA / "clip500" / "features_clip.npy"
    if features.is_file():
        image, text = np.load(features)
        yield "CLIP ViT-B/32, 500 image and 500 text vectors", {"x": {"image": image, "text": text}}


def main() -> None:
    print("Largest relative difference of `--precision fast` to float64 over the spaces (layers, sides) of a row.\n")
    print(f"| vectors | spaces | {' | '.join(METRICS)} |\n|---|---|{'---|' * len(METRICS)}")
    for name, source in spaces():
        x = source.pop("x")
        exact, fast = (measure(x, metrics=METRICS, precision=p, **source) for p in ("exact", "fast"))  # type: ignore[arg-type]
        found: dict[str, list[float]] = {}
        for a, b in zip(exact, fast, strict=True):
            if a.value is not None and b.value is not None:
                found.setdefault(a.metric, []).append(abs(b.value - a.value) / abs(a.value))
        cells = [f"{max(found[m]):.0e}" for m in METRICS]
        print(f"| {name} | {len(found[METRICS[0]])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
