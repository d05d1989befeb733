"""How evenly directions fill the sphere: the mean Gaussian potential over all pairs."""

from __future__ import annotations

import numpy as np

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
)
def uniformity(rows: RowSet) -> float:
    """Log of the mean over pairs i != j of exp(-2 |u_i - u_j|^2), u the rows of unit length.

    Between -8 and 0; lower is more even, and about -4 where pairs are at right angles. Exact to 20,000 rows (n, d),
    then on a sample. Zero rows are left out. Source: wang2020.

    Raises
    ------
    UndefinedError
        with fewer than 2 non-zero rows.

    Examples
    --------
    >>> round(uniformity([[1.0, 0.0], [0.0, 1.0]]), 12)
    -4.0
    """
    n = len(rows.x)
    if n < 2:
        raise UndefinedError(f"undefined: needs at least 2 non-zero rows, got {n}")
    x = rows.x.astype(np.float64, copy=False)
    total = 0.0
    for start in range(0, n, _BLOCK):
        block = x[start : start + _BLOCK]
        potential = np.exp(4 * (block @ x[start:].T) - 4)
        own = potential[:, : len(block)]
        total += float(np.triu(own, 1).sum()) + float(potential[:, len(block) :].sum())
    return float(min(np.log(2 * total / (n * (n - 1))), 0.0))


ENTRIES = {"uniformity": uniformity}
