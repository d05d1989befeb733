"""How far the nearest neighbour stands out from unrelated rows, in cosine."""

from __future__ import annotations

from embedscope.metrics._subsampled import neighbour_metric
from embedscope.metrics.metric import UndefinedError
from embedscope.metrics.storage import ASKED
from embedscope.stats.neighbourhood import NeighbourRows
from embedscope.stats.row_sets import K, RowSet


@neighbour_metric(
    NeighbourRows("unit"),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(0.0, 2.0),
    ideal=None,
    units="difference of cosines",
    cite="beyer1999",
)
def neighbour_contrast(rows: RowSet) -> float:
    """Mean cosine of a row with its nearest neighbour minus the mean cosine of two rows.

    Rows (n, d) at unit length, duplicates left out. It rises slowly with n. At most 2,000 rows are queries. Undefined
    with fewer than 11 distinct rows. beyer1999 on nearest against farthest.

    >>> import numpy as np
    >>> round(neighbour_contrast(np.eye(12) + 1), 3)  # every two rows are alike: none stands out
    0.0
    """
    distinct = rows.unequal
    n = distinct.n
    if n <= K:
        raise UndefinedError(f"undefined: needs at least {K + 1} distinct non-zero rows, got {n}")
    unrelated = (float(distinct.total @ distinct.total) - n) / (n * (n - 1))
    return float(distinct.nearest(K, distinct.n_queries(ASKED)).scores[:, 0].mean()) - unrelated
