"""Rows that are duplicates of others: a count of what is there, not a property of the space."""

from __future__ import annotations

from embedscope.metrics._subsampled import neighbour_metric
from embedscope.metrics.metric import UndefinedError
from embedscope.stats.neighbourhood import NeighbourRows
from embedscope.stats.row_sets import RowSet


@neighbour_metric(
    NeighbourRows("unit"),
    rows="unit",
    invariant={"scale"},
    bounds=(0.0, 1.0),
    ideal=0.0,
    units="share of rows",
    cite="radovanovic2010",
    fixed_rows=True,
)
def copy_share(rows: RowSet) -> float:
    """Share of rows that are duplicates of another row at unit length; the first of each is not counted.

    Duplicates are rows within 4e-6 of each other: a text in another batch comes out some 1e-6 elsewhere in float32.

    Rows (n, d). Undefined without a non-zero row.

    >>> copy_share([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    0.5
    """
    if not rows.n:
        raise UndefinedError("undefined: needs a non-zero row")
    return 1 - rows.unequal.n / rows.n
