"""Effective ranks: how many directions hold the rows, by singular values of the uncentred matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.metrics.metric import UndefinedError, at_least, metric, scatter_trace
from embedscope.metrics.participation import heavy_tails
from embedscope.stats import Gaussian, GroupedResult, Moments
from embedscope.stats.moments import halves

IDS = ("effective_rank", "stable_rank", "stable_rank_centered")

FIRST_ORDER = "spectrum to first order in the error bar"


def _from_halves(value: Callable[[Gaussian], float], grouped: GroupedResult[Gaussian]) -> float | None:
    """Bias of ``value`` where it falls as 1 / n, from the spectra of two halves of the rows; None without halves.

    The groups have none to show, since their spectra are to first order.
    """
    parts = halves(grouped)
    if parts is None:
        return None
    try:
        return (value(parts[0]) + value(parts[1])) / 2 - value(grouped.full)
    except UndefinedError:
        return None


def _bias_of_effective_rank(grouped: GroupedResult[Gaussian]) -> float | None:
    return _from_halves(_effective_rank, grouped)


def _leading_alone(value: Callable[[Gaussian], float]) -> Callable[[GroupedResult[Gaussian]], str | None]:
    """Note on the bias of a stable rank: the largest of eigenvalues that coincide is too large, by sampling alone.

    Of n isotropic rows in d dimensions the largest is (1 + sqrt(d / n))^2 times the mean (marchenko1967). It falls more
    slowly than 1 / n, so the halves give a lower bound.
    """

    def note(grouped: GroupedResult[Gaussian]) -> str | None:
        bias, full = _from_halves(value, grouped), grouped.full
        if bias is None or -bias <= _NOTABLE * value(full):
            return None
        alone = full.dim / (1 + (full.dim / full.n) ** 0.5) ** 2
        return (
            f"at least {-bias:.2g} too low with so few rows (sampling alone would give about {max(alone, 1.0):.3g} in "
            f"an isotropic space of {full.dim} dimensions), which the interval does not cover"
        )

    return note


_NOTABLE = 0.02


def _effective_rank(g: Gaussian) -> float:
    values = _present(g, g.singular_values)
    p = values / values.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def _stable_rank(g: Gaussian) -> float:
    squares = _present(g, g.singular_values) ** 2
    return float(squares.sum() / squares.max())


def _stable_rank_centered(g: Gaussian) -> float:
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
    bias_of=_bias_of_effective_rank,
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
    return _effective_rank(g)


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
    bias=_leading_alone(_stable_rank),
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
    return _stable_rank(g)


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
    bias=_leading_alone(_stable_rank_centered),
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
    return _stable_rank_centered(g)


ENTRIES = {
    "effective_rank": effective_rank,
    "stable_rank": stable_rank,
    "stable_rank_centered": stable_rank_centered,
}
