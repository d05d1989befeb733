"""Spread of single coordinates and of row lengths."""

from __future__ import annotations

from embedscope.metrics.metric import UndefinedError, at_least, metric
from embedscope.stats import CoordinateMoments, Coordinates, NormMoments, Norms

IDS = ("coordinate_std", "mean_norm", "norm_cv", "zero_rows")


@metric(
    Coordinates("raw"),
    rows="raw",
    invariant={"translation"},
    bounds=(0.0, None),
    ideal=None,
    units="units of the rows",
    cite="tyshchuk2023",
)
def coordinate_std(c: CoordinateMoments) -> dict[str, float]:
    """Mean of the d coordinate standard deviations, with their standard deviation (.std) and its ratio to it (.cv).

    Rows (n, d); every standard deviation has ddof 0. The ``.cv`` is 0 where all coordinates vary alike, and is left out
    where no coordinate varies. Source: tyshchuk2023.

    Raises
    ------
    UndefinedError
        with fewer than 2 rows.

    Examples
    --------
    >>> coordinate_std([[0.0, 0.0], [2.0, 6.0]])
    {'coordinate_std': 2.0, 'coordinate_std.std': 1.0, 'coordinate_std.cv': 0.5}
    """
    at_least(2, c)
    mean, std = float(c.std.mean()), float(c.std.std())
    out = {"coordinate_std": mean, "coordinate_std.std": std}
    return out | {"coordinate_std.cv": std / mean} if mean > 0 else out


def _heavy(norms: NormMoments) -> str | None:
    """Warn where a few long rows decide the spread of lengths."""
    if norms.kurtosis <= 2 * 3:
        return None
    return (
        f"heavy tails: row lengths have kurtosis {norms.kurtosis:.3g} (normal: 3); a few rows decide the value, "
        "and the interval is too narrow"
    )


@metric(
    Norms(),
    rows="raw",
    fixed_rows=True,
    invariant={"rotation"},
    bounds=(0.0, None),
    ideal=None,
    units="units of the rows",
    cite="mu2018",
)
def mean_norm(norms: NormMoments) -> float:
    """Mean Euclidean length of the rows.

    Rows (n, d); zero rows count with length 0. Source: mu2018.

    Examples
    --------
    >>> mean_norm([[3.0, 4.0], [0.0, 1.0]])
    3.0
    """
    return norms.mean


@metric(
    Norms(),
    rows="raw",
    fixed_rows=True,
    invariant={"rotation", "scale"},
    bounds=(0.0, None),
    ideal=None,
    units="ratio",
    cite="mu2018",
    warning=_heavy,
)
def norm_cv(norms: NormMoments) -> float:
    """Coefficient of variation of the row lengths, std / mean (ddof 0).

    Rows (n, d); 0 where all rows have the same length. Source: mu2018.

    Raises
    ------
    UndefinedError
        where all rows are zero.

    Examples
    --------
    >>> norm_cv([[1.0, 0.0], [0.0, 3.0]])
    0.5
    """
    if norms.mean == 0:
        raise UndefinedError(f"undefined: all {norms.n} rows are zero")
    return norms.std / norms.mean


@metric(
    Norms(),
    rows="raw",
    fixed_rows=True,
    invariant={"rotation", "scale", "row_scale"},
    bounds=(0.0, None),
    ideal=0.0,
    units="rows",
    cite="timkey2021",
    no_interval=frozenset({"zero_rows"}),
)
def zero_rows(norms: NormMoments) -> float:
    """Number of rows of length zero, which have no direction and are left out of cosines.

    Rows (n, d).

    Examples
    --------
    >>> zero_rows([[1.0, 0.0], [0.0, 0.0]])
    1.0
    """
    return float(norms.zero_rows)


ENTRIES = {"coordinate_std": coordinate_std, "mean_norm": mean_norm, "norm_cv": norm_cv, "zero_rows": zero_rows}
