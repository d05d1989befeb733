"""How many directions the variance spreads over, from tr C and tr C^2 alone: no eigendecomposition."""

from __future__ import annotations

import numpy as np

from embedscope.metrics.metric import UndefinedError, at_least, metric, scatter_trace
from embedscope.stats import Gaussian, Moments
from embedscope.stats.moments import across_groups

IDS = ("isoscore", "participation_ratio", "participation_ratio_unbiased")

_ROUNDING = 1e-12
_NOT_POSITIVE = "undefined: the unbiased estimate of tr C^2 is not positive with {} rows; take more"
MOVES = frozenset({"rotation", "translation", "scale"})


def heavy_tails(g: Gaussian) -> str | None:
    """Why there is no interval where few rows hold much of the variance.

    That is where the mean of |x - mean|^4 is more than twice that of a normal cloud of as many directions.
    """
    trace = float(np.trace(g.scatter))
    if g.quartic is None or g.n < 2 or not trace > 0:
        return None
    ratio = g.n * g.quartic / trace / trace
    directions = 1.0 / float(np.sum((g.scatter / trace) ** 2))
    if ratio <= 2 * (1 + 2 / directions):
        return None
    return (
        f"no interval, for heavy tails: mean |x - mean|^4 is {ratio:.3g} times the square of mean |x - mean|^2, "
        f"a normal cloud has {1 + 2 / directions:.3g}; a few rows decide the value"
    )


def few_rows(g: Gaussian) -> str | None:
    """Warn below 10 rows a coordinate."""
    if g.n >= 10 * g.dim:
        return None
    return f"n = {g.n} is below 10 d = {10 * g.dim}: too few rows lower the value, even of an isotropic space"


@metric(
    Moments("raw"),
    rows="raw",
    invariant=MOVES,
    bounds=(1.0, "dim"),
    ideal="dim",
    units="directions",
    cite="gao2017",
    unsound=heavy_tails,
)
def participation_ratio(g: Gaussian) -> float:
    """Effective number of directions of the variance, (sum l)^2 / sum l^2.

    l are all eigenvalues of the covariance C of rows (n, d); computed as (tr C)^2 / |C|_F^2. Between 1 and d, and at
    most n - 1: few rows read as fewer directions. Source: gao2017.

    Raises
    ------
    UndefinedError
        with fewer than 2 rows, or where all rows are equal.

    Examples
    --------
    >>> round(participation_ratio([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 12)
    2.0
    """
    trace = scatter_trace(g)
    return float(1.0 / np.sum((g.scatter / trace) ** 2))


@metric(
    Moments("raw"),
    rows="raw",
    invariant=MOVES,
    bounds=(0.0, None),
    ideal="dim",
    units="directions",
    cite="himeno2014",
    prepare=across_groups,
)
def participation_ratio_unbiased(g: Gaussian) -> float:
    """Participation ratio with the unbiased estimate of tr C^2, for any distribution of the rows.

    (tr S)^2 / T with T = (n-1) / (n (n-2) (n-3)) ((n-1) (n-2) tr S^2 + (tr S)^2 - n Q), S the covariance of rows (n, d)
    and Q = sum |x_i - mean|^4 / (n - 1). May leave 1..d by chance. Where units of evidence hold several rows, T is the
    mean squared product of rows in different jackknife groups, which holds whole units. Source: himeno2014.

    Raises
    ------
    UndefinedError
        with fewer than 4 rows, where all rows are equal, or where the estimate of tr C^2 is not positive.

    Examples
    --------
    >>> square = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> participation_ratio_unbiased(np.vstack([square] * 500)) > participation_ratio(np.vstack([square] * 500))
    True
    """
    at_least(4, g)
    trace = scatter_trace(g)
    if g.spread_apart is not None:
        if g.spread_apart <= 0:
            raise UndefinedError(_NOT_POSITIVE.format(g.n))
        return g.spread_apart
    if g.quartic is None:
        raise UndefinedError("undefined: these moments lack the fourth moment; take them with Moments().start")
    n, q = g.n, g.quartic / trace**2  # everything in units of the trace of the scatter
    inner = (n - 2) / (n - 1) * float(np.sum((g.scatter / trace) ** 2)) + 1 / (n - 1) ** 2 - n * q / (n - 1)
    estimate = (n - 1) / (n * (n - 2) * (n - 3)) * inner
    if estimate <= 0:
        raise UndefinedError(_NOT_POSITIVE.format(n))
    return float(1 / ((n - 1) ** 2 * estimate))


@metric(
    Moments("raw"),
    rows="raw",
    invariant=MOVES,
    bounds=(0.0, 1.0),
    ideal=1.0,
    units="share",
    cite="rudman2022",
    warning=few_rows,
    unsound=heavy_tails,
)
def isoscore(g: Gaussian) -> float:
    """IsoScore, the share of directions that the variance uses evenly, (PR - 1) / (d - 1).

    PR is ``participation_ratio`` of rows (n, d); this is identical to the published algorithm. Between 0 and 1; 1 is
    isotropic. With n below 10 d it is too low. Source: rudman2022.

    Raises
    ------
    UndefinedError
        with fewer than 2 rows or coordinates, or where all rows are equal.

    Examples
    --------
    >>> round(isoscore([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 12)
    1.0
    """
    if g.dim < 2:
        raise UndefinedError("undefined: needs at least 2 coordinates, got 1")
    ratio = 1.0 / np.sum((g.scatter / scatter_trace(g)) ** 2)
    value = float((ratio - 1) / (g.dim - 1))
    nearest = min(max(value, 0.0), 1.0)
    return nearest if abs(value - nearest) <= _ROUNDING else value  # rounding at the bounds, and only rounding


ENTRIES = {
    "isoscore": isoscore,
    "participation_ratio": participation_ratio,
    "participation_ratio_unbiased": participation_ratio_unbiased,
}
