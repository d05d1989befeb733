"""Where the rows point and along which directions they vary, on fixed directions: what a rotation changes.

Every other number of the geometry is the same after a rotation, so a turned copy, or another model with a like
spectrum, would pass for the space it is not. Means along directions that are given beforehand are free of n.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.ids import mix
from embedscope.metrics.metric import at_least, metric, scatter_trace
from embedscope.stats import Gaussian, Moments, UnitSum, UnitSums

DIRECTIONS = 8
MEAN, VARIANCE = "mean_along", "variance_along"


@cache
def fixed_directions(dim: int) -> Floats:
    """Directions (8, d) of unit length that depend on ``dim`` alone: coordinates are hashes, spread evenly around 0.

    >>> fixed_directions(3).shape, bool(np.allclose(np.linalg.norm(fixed_directions(3), axis=1), 1))
    ((8, 3), True)
    """
    numbers = mix(np.arange(DIRECTIONS * dim, dtype=np.uint64)) >> np.uint64(11)
    rows = (numbers.astype(np.float64) / 2.0**53 - 0.5).reshape(DIRECTIONS, dim)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows.flags.writeable = False
    return rows


@metric(
    UnitSum(),
    rows="unit",
    fixed_rows=True,
    invariant={"scale", "row_scale"},
    bounds=(-1.0, 1.0),
    ideal=None,
    units="cosine",
    cite="ethayarajh2019",
)
def mean_along(sums: UnitSums) -> dict[str, float]:
    """Mean cosine of the rows with each of 8 fixed directions.

    mean_i <r_k, u_i> of unit rows (n, d), the same directions r_k for every space of d dimensions. Undefined without a
    non-zero row.

    >>> [round(v, 3) for v in mean_along(fixed_directions(3)[:1] * 7).values()][0]
    1.0
    """
    at_least(1, sums, "non-zero rows")
    return _number(MEAN, fixed_directions(sums.dim) @ sums.total / sums.n)


@metric(
    Moments("raw"),
    rows="raw",
    invariant={"translation", "scale"},
    bounds=(0.0, "dim"),
    ideal=1.0,
    units="times the mean variance",
    cite="mu2018",
)
def variance_along(g: Gaussian) -> dict[str, float]:
    """Variance along each of 8 fixed directions over the mean variance of a direction, d r' C r / tr C.

    C is the covariance of rows (n, d), the directions as in ``mean_along``. Undefined where all rows are equal.

    >>> bool(np.allclose(list(variance_along(np.concatenate([np.eye(4), -np.eye(4)])).values()), 1))
    True
    """
    trace, r = scatter_trace(g), fixed_directions(g.dim)
    return _number(VARIANCE, g.dim * np.einsum("kd,kd->k", r @ g.scatter, r) / trace)


def _number(name: str, values: Floats) -> dict[str, float]:
    return {f"{name}.{k}": float(v) for k, v in enumerate(values, start=1)}
