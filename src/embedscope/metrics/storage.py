"""What storing or comparing vectors in few bits would cost: neighbours that tie in half precision or change in int8."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.metrics._subsampled import neighbour_metric
from embedscope.metrics.metric import UndefinedError
from embedscope.stats.neighbourhood import NeighbourRows
from embedscope.stats.row_sets import K, RowSet

IDS = ("float16_ties", "int8_overlap")

ASKED = 2000
"""Rows that ask; the first in order of their hash, so a sample where there are more. In a subsample those of them that
are in it, so that its spread is that of a mean over so many rows."""

_LEVELS = 127

stored = partial(neighbour_metric, NeighbourRows("unit"), rows="unit", bounds=(0.0, 1.0), fixed_rows=True)


def _enough(rows: RowSet) -> None:
    if rows.n <= K:
        raise UndefinedError(f"undefined: {K} neighbours need at least {K + 1} non-zero rows, got {rows.n}")


@stored(
    invariant={"rotation", "scale", "row_scale"}, ideal=0.0, units="share of neighbouring ranks", cite="radovanovic2010"
)
def float16_ties(rows: RowSet) -> float:
    """Share of neighbouring ranks among the 10 nearest whose cosines are one number in half precision.

    Mean over rows (n, d) and ranks r = 1..9 of [float16(cos_r) = float16(cos_r+1)], where float64 tells them apart;
    float16 has steps of 2^-11 between .5 and 1. Duplicates do not tie with each other. At most 2,000 rows ask.
    Source of the lists: radovanovic2010.

    Raises
    ------
    UndefinedError
        with fewer than 11 non-zero rows.
    """
    _enough(rows)
    return float(tied_in_float16(rows).mean())


def tied_in_float16(rows: RowSet) -> npt.NDArray[np.bool_]:
    """Whether neighbouring ranks of the first 2,000 rows tie in half precision, (m, 9)."""
    nearest = rows.nearest(K, rows.n_queries(ASKED))
    exact = nearest.scores
    half = exact.astype(np.float16)
    ties = (half[:, :-1] == half[:, 1:]) & (np.abs(np.diff(exact)) > 1e-12)
    if rows.first is not None:
        first = rows.first[nearest.indices]
        ties &= first[:, :-1] != first[:, 1:]
    return np.asarray(ties)


@stored(invariant={"scale", "row_scale"}, ideal=1.0, units="share of neighbours", cite="jacob2018")
def int8_overlap(rows: RowSet) -> float:
    """Share of the 10 nearest that are kept where coordinates are stored in 8 bits with one scale for all.

    round(127 u / max |u|) for the rows u at unit length, (n, d); one large coordinate takes the range from the others.
    The scale is that of all rows in the subsamples of the error bar too.
    At most 2,000 rows are queries. Source: jacob2018.

    Raises
    ------
    UndefinedError
        with fewer than 11 non-zero rows.
    """
    _enough(rows)
    return float(kept_in_int8(rows).mean() / K)


def kept_in_int8(rows: RowSet) -> Index:
    """How many of the 10 nearest of each of the first 2,000 rows stay its 10 nearest in 8 bits, (m,)."""
    kept: Index | None = rows.results.get("int8")
    if kept is None:
        asked = rows.n_queries(ASKED)
        before, after = (
            rows.nearest(K, asked).indices,
            rows.map_rows("levels", _levels, largest=_LEVELS).nearest(K, asked),
        )
        kept = rows.results["int8"] = (before[:, :, None] == after.indices[:, None, :]).any(axis=2).sum(axis=1)
    return kept


def _levels(x: Floats) -> npt.NDArray[np.float32]:
    """``x`` in whole numbers to 127, float32."""
    levels: npt.NDArray[np.float32] = np.rint(x * (_LEVELS / np.abs(x).max())).astype(np.float32)
    return levels


ENTRIES = {"float16_ties": float16_ties, "int8_overlap": int8_overlap}
