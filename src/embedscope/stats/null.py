"""How alike two spaces look by chance: a permutation null for any measure of similarity of matched rows.

Similarities of unrelated spaces are not 0: few rows, many dimensions and a search over layers inflate them. Rows of one
side are permuted, which breaks the correspondence and nothing else. The calibrated value is 0 up to the 95 % quantile
of observed and permuted values, and 1 at the largest possible similarity [groeger2026].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index

N_PERMUTATIONS = 200
ALPHA = 0.05
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Null:
    """An observed similarity against its permutation null.

    Attributes
    ----------
    observed : similarity of the rows as they are matched
    calibrated : max(0, (observed - threshold) / (most - threshold)), at most 1
    p : (1 + permutations with at least the observed similarity) / (1 + permutations)
    threshold : the ceil((1 - alpha) (K + 1)) smallest of the observed and the K permuted similarities
    mean : mean similarity under permutation
    permutations : K
    """

    observed: float
    calibrated: float
    p: float
    threshold: float
    mean: float
    permutations: int


def permutations(n: int, seed: int, k: int = N_PERMUTATIONS, units: npt.NDArray[Any] | None = None) -> Iterator[Index]:
    """``k`` seeded permutations (n,) of ``n`` rows, or of their ``units`` (n,) as wholes.

    Rows of one unit are not exchangeable with those of others one by one: units of equal size change places, each with
    its rows in their order. A unit whose size no other has stays, which makes the null wider, never narrower.

    >>> sorted(next(permutations(4, seed=0)).tolist())
    [0, 1, 2, 3]
    >>> next(permutations(4, seed=1, units=np.array([7, 7, 3, 3]))).tolist()
    [2, 3, 0, 1]
    """
    rng = np.random.default_rng([seed, n])
    blocks = None if units is None else _blocks(units)
    for _ in range(k):
        if blocks is None:
            yield rng.permutation(n)
            continue
        order = np.arange(n)
        for rows in blocks:
            order[rows.ravel()] = rows[rng.permutation(len(rows))].ravel()
        yield order


def _blocks(units: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]] | None:
    """Rows (units, size) of the units of each size; None where every unit is one row."""
    _, place, sizes = np.unique(units, return_inverse=True, return_counts=True)
    if sizes.max() == 1:
        return None
    rows = np.split(np.argsort(place, kind="stable"), np.cumsum(sizes)[:-1])
    return [np.stack([rows[i] for i in np.flatnonzero(sizes == size)]) for size in np.unique(sizes)]


def permutation_null(
    observed: float, permuted: Floats | list[float], *, most: float = 1.0, alpha: float = ALPHA
) -> Null:
    """Null of an ``observed`` similarity from its values under permutation (k,).

    Parameters
    ----------
    most : largest similarity there can be
    alpha : share of null values above the threshold

    Raises
    ------
    InputError
        without a permutation.

    >>> permutation_null(0.5, [0.1] * 199).p
    0.005
    """
    null = np.asarray(permuted, dtype=np.float64)
    k = len(null)
    if not k:
        raise InputError("a permutation null needs at least one permutation, got 0; take 200")
    place = min(max(math.ceil((1.0 - alpha) * (k + 1)) - 1, 0), k)
    threshold = float(np.sort(np.append(null, observed))[place])
    scaled = (observed - threshold) / max(most - threshold, _SMALLEST)
    p = (1 + int((null >= observed).sum())) / (k + 1)
    return Null(observed, float(np.clip(scaled, 0.0, 1.0)), p, threshold, float(null.mean()), k)


def null_of(
    similarity: Callable[[Index], float],
    n: int,
    *,
    seed: int = 0,
    k: int = N_PERMUTATIONS,
    most: float = 1.0,
    units: npt.NDArray[Any] | None = None,
) -> Null:
    """Null of ``similarity``, a function of the order (n,) in which the rows of one side are taken.

    ``units`` (n,) are permuted as wholes where rows depend on each other.

    >>> x = np.random.default_rng(0).normal(size=50)
    >>> null_of(lambda order: abs(np.corrcoef(x, x[order])[0, 1]), 50).p
    0.004975124378109453
    """
    return permutation_null(
        similarity(np.arange(n)), [similarity(order) for order in permutations(n, seed, k, units)], most=most
    )
