"""Maps of many dimensions in two: t-SNE and UMAP with fixed seeds."""

from __future__ import annotations

import warnings

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.extras import require


def tsne(rows: Floats, perplexity: float, seed: int) -> Floats:
    """Positions (n, 2) by t-SNE with Euclidean distances, as in the article, started from two principal components."""
    from sklearn.manifold import TSNE

    positions = TSNE(
        perplexity=min(perplexity, (len(rows) - 1) / 3), metric="euclidean", init="pca", random_state=seed, n_jobs=1
    ).fit_transform(np.asarray(rows, dtype=np.float64))
    return np.asarray(positions, dtype=np.float64)


def umap(rows: Floats, seed: int) -> Floats:
    """Positions (n, 2) by UMAP with Euclidean distances, as in Figures 14 and 15."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = require("umap", "maps", "a UMAP map")
        positions = library.UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(rows)
    return np.asarray(positions, dtype=np.float64)
