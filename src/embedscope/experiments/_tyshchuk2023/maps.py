"""Maps of many dimensions in two: t-SNE and UMAP with fixed seeds, small pictures to draw on them."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.extras import require
from embedscope.core.images import Image

SIDE = 40
"""Pixels along a picture on a map."""


def tsne(rows: Floats, perplexity: float, seed: int) -> Floats:
    """Positions (n, 2) by t-SNE with cosine distances, started from the first two principal components."""
    from sklearn.manifold import TSNE

    made = TSNE(
        perplexity=min(perplexity, (len(rows) - 1) / 3), metric="cosine", init="pca", random_state=seed, n_jobs=1
    ).fit_transform(np.asarray(rows, dtype=np.float64))
    return np.asarray(made, dtype=np.float64)


def umap(rows: Floats, seed: int) -> Floats:
    """Positions (n, 2) by UMAP with Euclidean distances, as in Figures 14 and 15."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = require("umap", "maps", "a UMAP map")
        made = library.UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(rows)
    return np.asarray(made, dtype=np.float64)


def thumbnails(images: Sequence[Image]) -> tuple[str, ...]:
    """Small PNG files of ``images`` as base64, ``SIDE`` pixels along the longer side."""
    pil = require("PIL.Image", "images", "pictures on a map")
    made = []
    for image in images:
        picture = pil.fromarray(image.pixels())
        picture.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        picture.quantize(64).save(buffer, format="PNG", optimize=True)
        made.append(base64.b64encode(buffer.getvalue()).decode("ascii"))
    return tuple(made)
