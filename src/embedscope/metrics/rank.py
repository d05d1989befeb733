"""Effective ranks: how many directions hold the rows, by singular values of the uncentred matrix."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.metrics._metric import UndefinedError, at_least, metric, scatter_trace
from embedscope.metrics.participation import heavy_tails
from embedscope.stats import Gaussian, Moments

IDS = ("effective_rank", "stable_rank", "stable_rank_centered")

FIRST_ORDER = "spectrum to first order in the error bar"


@metric(
    Moments("raw"),
    rows="raw",
    invariant={"rotation", "scale"},
    bounds=(1.0, "dim"),
    ideal="dim",
    units="directions",
    cite="roy2007",
    caveat=FIRST_ORDER,
    unsound=heavy_tails,
)
def effective_rank(g: Gaussian) -> float:
    """Exponential of the entropy of the singular values, exp(-sum p log p) with p = S / sum S.

    S are the singular values of the uncentred rows (n, d), not eigenvalues; no epsilon. Between 1 and min(n, d).
    RankMe is the same number. Source: roy2007, garrido2023.

    Raises
    ------
    UndefinedError
        where all rows are zero.

    Examples
    --------
    >>> round(effective_rank(np.eye(3)), 12)
    3.0
    """
    values = _present(g, g.singular_values)
    p = values / values.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


@metric(
    Moments("raw"),
    rows="raw",
    invariant={"rotation", "scale"},
    bounds=(1.0, "dim"),
    ideal="dim",
    units="directions",
    cite="rudelson2007",
    caveat=FIRST_ORDER,
    unsound=heavy_tails,
)
def stable_rank(g: Gaussian) -> float:
    """Squared Frobenius norm over squared spectral norm, sum S^2 / S_1^2.

    S are the singular values of the uncentred rows (n, d). Between 1 and min(n, d). Source: rudelson2007.

    Raises
    ------
    UndefinedError
        where all rows are zero.

    Examples
    --------
    >>> round(stable_rank([[2.0, 0.0], [0.0, 1.0]]), 12)
    1.25
    """
    squares = _present(g, g.singular_values) ** 2
    return float(squares.sum() / squares.max())


@metric(
    Moments("raw"),
    rows="raw",
    invariant={"rotation", "translation", "scale"},
    bounds=(1.0, "dim"),
    ideal="dim",
    units="directions",
    cite="rudelson2007",
    caveat=FIRST_ORDER,
    unsound=heavy_tails,
)
def stable_rank_centered(g: Gaussian) -> float:
    """Stable rank of the centred rows, sum l / l_1 over eigenvalues of the covariance.

    Rows (n, d); between 1 and min(n - 1, d). Source: rudelson2007.

    Raises
    ------
    UndefinedError
        where all rows are equal.

    Examples
    --------
    >>> round(stable_rank_centered([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 12)
    2.0
    """
    scatter_trace(g)
    values = _present(g, g.eigenvalues)
    return float(values.sum() / values.max())


def _present(g: Gaussian, values: Floats) -> Floats:
    """The positive ``values``; ``UndefinedError`` where there are none."""
    at_least(1, g)
    positive = values[values > 0]
    if len(positive) == 0:
        raise UndefinedError(f"undefined: the {g.n} rows are all zero")
    return positive


ENTRIES = {
    "effective_rank": effective_rank,
    "stable_rank": stable_rank,
    "stable_rank_centered": stable_rank_centered,
}
