"""How evenly directions fill the sphere: the mean Gaussian potential over all pairs."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.metrics._metric import UndefinedError
from embedscope.metrics._subsampled import neighbour_metric
from embedscope.stats.neighbourhood import NeighbourRows, RowSet

IDS = ("uniformity",)

LIMIT = 20_000
_BLOCK = 1024


@neighbour_metric(
    NeighbourRows("unit", limit=LIMIT, queries=0),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(-8.0, 0.0),
    ideal=None,
    units="log of the mean potential",
    cite="wang2020",
    fixed_rows=True,
    across_units=True,
)
def uniformity(rows: RowSet) -> float:
    """Log of the mean over pairs i != j of exp(-2 |u_i - u_j|^2), u the rows of unit length.

    Between -8 and 0; lower is more even, and about -4 where pairs are at right angles. Exact to 20,000 rows (n, d),
    then on a sample. Zero rows are left out, and so are pairs inside units of evidence that are declared or found in
    the order of the file. Source: wang2020.

    Raises
    ------
    UndefinedError
        with fewer than 2 non-zero rows, or where all are of one unit.

    Examples
    --------
    >>> round(uniformity([[1.0, 0.0], [0.0, 1.0]]), 12)
    -4.0
    """
    n = len(rows.x)
    if n < 2:
        raise UndefinedError(f"undefined: needs at least 2 non-zero rows, got {n}")
    x = rows.x.astype(np.float64, copy=False)
    total, pairs = _summed(x), n * (n - 1) / 2
    if rows.units is not None:
        order = np.argsort(rows.units, kind="stable")
        sizes = np.bincount(rows.units)
        stops = np.cumsum(sizes)
        for stop, size in zip(stops[sizes > 1], sizes[sizes > 1], strict=True):
            total -= _summed(x[order[stop - size : stop]])
            pairs -= size * (size - 1) / 2
        if pairs < 1:
            raise UndefinedError(f"undefined: all {n} rows belong to one unit, so there are no pairs of units")
    return float(min(np.log(total / pairs), 0.0))


def _summed(x: Floats) -> float:
    """Sum of exp(-2 |x_i - x_j|^2) over pairs i < j of rows (n, d) of unit length."""
    total = 0.0
    for start in range(0, len(x), _BLOCK):
        block = x[start : start + _BLOCK]
        potential = np.exp(4 * (block @ x[start:].T) - 4)
        own = potential[:, : len(block)]
        total += float(np.triu(own, 1).sum()) + float(potential[:, len(block) :].sum())
    return total


ENTRIES = {"uniformity": uniformity}
