"""What is computed of every row: its neighbours, how often others find it, copies of it, how far out it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.tables import Index
from embedscope.diagnosis.space_rows import FAR
from embedscope.stats.neighbours import Neighbours, k_occurrences, top_k

NEIGHBOURS = 10
SAME = 1e-6
"""Cosines that differ from 1 by no more than this are those of copies: what rounding to float32 does to equal rows."""

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class RowFacts:
    """Facts of n rows.

    Attributes
    ----------
    neighbours, distances : (n, k) rows and 1 - cosine, nearest first
    hub_count : (n,) how often a row is among the k nearest of the others
    duplicate_group : (n,) number of the group of equal rows, from 1; 0 where a row is the only one
    outlier_score : (n,) robust z-score of the distance D = sqrt(2 - 2 cos) to the sixth nearest row, as of the finding
        ``outliers``: (D - median) / (1.4826 MAD)
    norm : (n,)
    cosine_to_mean : (n,) with the mean of the unit rows
    """

    neighbours: Index
    distances: npt.NDArray[np.float64]
    hub_count: Index
    duplicate_group: Index
    outlier_score: npt.NDArray[np.float64]
    norm: npt.NDArray[np.float64]
    cosine_to_mean: npt.NDArray[np.float64]

    @property
    def outlier(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the score is above that of the finding ``outliers``, 6; a row of zeros has no direction."""
        return np.asarray((self.outlier_score > FAR) & (self.norm > 0))


def row_facts(x: npt.NDArray[Any], progress: Progress, k: int = NEIGHBOURS) -> RowFacts:
    """Facts of the rows ``x`` (n, d) by cosine, with ``k`` neighbours (n - 1 where there are fewer).

    Raises
    ------
    InputError
        if there are fewer than three rows.

    Examples
    --------
    >>> from embedscope.core.progress import Silent
    >>> facts = row_facts(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), Silent(), k=1)
    >>> facts.duplicate_group.tolist(), facts.hub_count.tolist()
    ([1, 1, 0], [2, 1, 0])
    """
    if len(x) < 3:
        raise InputError(f"a map needs at least three rows, got {len(x)}")
    norm = np.linalg.norm(x.astype(np.float64), axis=1)
    unit = (x / np.where(norm > 0, norm, 1.0)[:, None]).astype(np.float32)
    k = min(k, len(x) - 1)
    near = _neighbours(unit, k, progress)
    distances = np.clip(1.0 - near.scores, 0.0, 2.0)
    mean = unit.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    return RowFacts(
        near.indices,
        distances,
        k_occurrences(near, len(x)),
        _groups(near.indices, distances, norm > 0),
        _robust(np.sqrt(2 * distances[:, min(k - 1, NEIGHBOURS // 2)])),
        norm,
        unit @ (mean / length if length > 0 else mean),
    )


def _neighbours(unit: npt.NDArray[Any], k: int, progress: Progress) -> Neighbours:
    progress.start("nearest neighbours", len(unit), "rows")
    parts = []
    for start in range(0, len(unit), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(unit)))
        parts.append(top_k(unit[rows], unit, k, exclude=rows))
        progress.advance(len(rows))
    progress.close()
    return Neighbours(np.concatenate([p.indices for p in parts]), np.concatenate([p.scores for p in parts]))


def _groups(neighbours: Index, distances: npt.NDArray[np.float64], present: npt.NDArray[np.bool_]) -> Index:
    """Groups of rows linked by neighbours of equal direction; rows of zeros are of no group."""
    n, k = neighbours.shape
    same = (distances <= SAME) & present[:, None] & present[neighbours]
    rows = np.repeat(np.arange(n), k)[same.ravel()]
    links = coo_array((np.ones(len(rows)), (rows, neighbours[same])), shape=(n, n))
    _, part = connected_components(links, directed=False)
    sizes = np.bincount(part)
    numbers = np.cumsum(sizes > 1) * (sizes > 1)
    return np.asarray(numbers[part], dtype=np.intp)


def _robust(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    return np.asarray((values - middle) / max(spread, 1e-9))
