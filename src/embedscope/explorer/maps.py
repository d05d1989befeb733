"""Positions of rows in a plane."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.choices import MapKind
from embedscope.core.extras import require
from embedscope.core.progress import Progress

Plane = npt.NDArray[np.float64]


def plane(x: npt.NDArray[Any], kind: MapKind, seed: int, progress: Progress) -> Plane:
    """Positions (n, 2) of the unit rows of ``x`` (n, d): two principal components, or UMAP by cosine (mcinnes2018).

    Raises ``MissingExtraError`` for UMAP without umap-learn.
    """
    norm = np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    unit = x / np.where(norm > 0, norm, 1.0)
    if kind == "pca":
        return principal_plane(unit)
    library = require("umap", "maps", "a UMAP map")
    progress.start("UMAP", None, "rows")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        positions = library.UMAP(n_components=2, metric="cosine", random_state=seed, n_jobs=1).fit_transform(unit)
    progress.close()
    return np.asarray(positions, dtype=np.float64)


def principal_plane(x: npt.NDArray[Any]) -> Plane:
    """The first two principal components (n, 2), each with its largest coordinate positive.

    >>> principal_plane(np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])).round(9).tolist()
    [[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]]
    """
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    top = axes[:, ::-1][:, :2]
    if top.shape[1] < 2:
        top = np.column_stack([top, np.zeros(len(top))])
    signs = np.sign(top[np.abs(top).argmax(axis=0), np.arange(2)])
    return np.asarray(centred @ (top * np.where(signs == 0, 1.0, signs)))
