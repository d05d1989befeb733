"""Shapes of a spectrum that have been proposed to choose a model or a layer without labels."""

from __future__ import annotations

import numpy as np

from embedscope.metrics.metric import UndefinedError, at_least, metric
from embedscope.stats import Gaussian, Moments

FIRST, LAST = 11, 500
"""Places of the eigenvalues between which the power law is fitted (stringer2019)."""


@metric(
    Moments("unit"),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(0.0, 1.0),
    ideal=1.0,
    units="share of the largest entropy",
    cite="skean2025",
)
def matrix_entropy(g: Gaussian) -> float:
    """Entropy of the eigenvalues of X'X over log min(n, d), rows (n, d) at unit length; 1 where all are equal.

    Source: skean2025.

    >>> import numpy as np
    >>> round(matrix_entropy(np.eye(4)), 12)
    1.0
    """
    at_least(2, g)
    p = g.singular_values**2
    p = p[p > 0] / p.sum()
    return float(-(p * np.log(p)).sum() / np.log(min(g.n, g.dim)))


@metric(
    Moments("unit"),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(None, None),
    ideal=None,
    units="exponent",
    cite="agrawal2022",
)
def alpha_req(g: Gaussian) -> float:
    """Exponent a of the power law lambda_k ~ k^-a of the eigenvalues 11 to 500 of the covariance of rows (n, d).

    Least squares of log lambda on log k with weights 1 / k; 1 is said to be best. Source: agrawal2022, fitted as
    stringer2019. Undefined with fewer than 32 eigenvalues that are not zero.
    """
    values = np.sort(g.eigenvalues)[::-1]
    last = min(LAST, g.n - 1, int((values > 1e-12 * values[0]).sum()))
    if last < 2 * FIRST + 10:
        raise UndefinedError(f"undefined: needs at least {2 * FIRST + 10} eigenvalues that are not zero, got {last}")
    k = np.arange(FIRST, last + 1, dtype=np.float64)
    slope = np.polyfit(np.log(k), np.log(values[FIRST - 1 : last]), 1, w=k**-0.5)[0]
    return float(-slope)
