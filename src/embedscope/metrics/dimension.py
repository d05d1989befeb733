"""Dimension of the manifold that rows lie near, from distances to nearest neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.metrics._subsampled import neighbour_metric
from embedscope.metrics.metric import UndefinedError
from embedscope.stats.neighbourhood import Neighbourhood, NeighbourRows
from embedscope.stats.row_sets import RowSet, nearest_others

IDS = ("intrinsic_dimension", "intrinsic_dimension:mle")

DISCARDED = 0.1
SCALES = {2: "half", 4: "quarter", 8: "eighth"}
MLE_KS = (20, 10, 5)
_LEAST = 100
EUCLIDEAN = {"rotation", "translation", "scale"}


def _copies(s: Neighbourhood) -> str | None:
    copies = s.all.n - s.all.unequal.n
    return f"{copies} rows that equal others left out" if copies else None


def _enough(rows: RowSet, least: int) -> None:
    if rows.unequal.n < least:
        raise UndefinedError(f"undefined: needs at least {least} different rows, got {rows.unequal.n}")


def _check_distinct(r: Floats) -> Floats:
    """Distances ``r`` (n, k), none of which may be 0, as those of different rows are where their squares underflow."""
    if not (r > 0).all():
        raise UndefinedError("undefined: some different rows are so close that the square of their distance is 0")
    return r


def twonn(r: Floats) -> float:
    """Slope through the origin of -log(1 - F) on log mu, mu = r2 / r1 ascending, F = i / n, without the top 10 %.

    ``r`` (n, 2) are distances to the two nearest others.
    """
    r = _check_distinct(r)
    log_mu = np.sort(np.log(r[:, 1] / r[:, 0]))[: int(len(r) * (1 - DISCARDED))]
    rise = -np.log1p(-np.arange(1, len(log_mu) + 1) / len(r))
    square = float(log_mu @ log_mu)
    if square <= 1e-24 * len(log_mu):
        raise UndefinedError("undefined: the two nearest others of every row are equally far, as on a grid")
    return float(log_mu @ rise) / square


@neighbour_metric(
    NeighbourRows("raw"),
    rows="raw",
    invariant=EUCLIDEAN,
    bounds=(0.0, None),
    ideal=None,
    units="dimensions",
    cite="facco2017",
    warning=_copies,
)
def intrinsic_dimension(rows: RowSet) -> dict[str, float]:
    """Dimension by the ratio of distances to the two nearest others (TwoNN), also on halves, quarters and eighths.

    The ratio of rows on a manifold of dimension D is Pareto with exponent D; slope of -log(1 - F) on log(r2 / r1), its
    largest tenth left out. ``.half``, ``.quarter`` and ``.eighth`` are means over that many parts of the rows, at
    larger distances. Rows (n, d), duplicates left out. Source: facco2017.

    Raises
    ------
    UndefinedError
        with fewer than 10 different rows, where r1 = r2 everywhere, or where the square of a distance underflows.
    """
    _enough(rows, 10)
    values = {"intrinsic_dimension": twonn(rows.distances(2))}
    x = rows.distinct
    for parts, name in SCALES.items():
        if len(x) >= parts * _LEAST:
            each = [twonn(nearest_others(x[p::parts], 2)[1]) for p in range(parts)]
            values[f"intrinsic_dimension.{name}"] = float(np.mean(each))
    return values


@neighbour_metric(
    NeighbourRows("raw"),
    rows="raw",
    invariant=EUCLIDEAN,
    bounds=(0.0, None),
    ideal=None,
    units="dimensions",
    cite="levina2004",
    warning=_copies,
)
def _mle(rows: RowSet) -> dict[str, float]:
    """Dimension by maximum likelihood from distances to the 20 nearest others, also to 10 (.k10) and 5 (.k5).

    1 / mean over rows and j < k of log(r_k / r_j): Levina & Bickel's estimate with the inverses averaged, as MacKay
    and Ghahramani noted. Rows (n, d), duplicates left out. Source: levina2004.

    Raises
    ------
    UndefinedError
        with fewer than 22 different rows, where all distances of a row are equal everywhere, or where the square of a
        distance underflows.
    """
    _enough(rows, MLE_KS[0] + 2)
    r = _check_distinct(rows.distances(MLE_KS[0]))
    values = {}
    for k in MLE_KS:
        mean = float(np.log(r[:, k - 1 : k] / r[:, : k - 1]).mean())
        if mean <= 1e-12:
            raise UndefinedError(f"undefined: the {k} nearest others of every row are equally far")
        values["intrinsic_dimension" if k == MLE_KS[0] else f"intrinsic_dimension.k{k}"] = 1 / mean
    return values


ENTRIES = {
    "intrinsic_dimension": intrinsic_dimension,
    "intrinsic_dimension:mle": replace(_mle, id="intrinsic_dimension", variant="mle"),
}
