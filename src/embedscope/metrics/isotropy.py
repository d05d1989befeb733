"""Isotropy by the partition function Z(v) = sum_i exp(<v, u_i>) along eigenvectors of X'X."""

from __future__ import annotations

import numpy as np

from embedscope.metrics.metric import at_least, metric
from embedscope.stats import GroupedResult, Partition, PartitionValues

IDS = ("i1", "i2", "i1:published", "i2:published", "i1:random", "i2:random")

FIXED = "directions held fixed in the error bar"
ROWS_OF_EIGH = "along the rows of the eigenvector matrix of numpy.linalg.eigh, +v alone"


def _direction_note(z: PartitionValues) -> str | None:
    """Say where the directions are a choice among many, and where terms are float32."""
    notes = []
    if z.degenerate:
        notes.append(
            f"{z.degenerate} of {z.dim} eigenvalues coincide, so their eigenvectors are one choice of many, which a "
            "rotation of the rows may change; the variant random does not depend on them"
        )
    return "; ".join(n for n in (*notes, _single(z)) if n) or None


def _choice_note(z: PartitionValues) -> str | None:
    """Say where the matrix of eigenvectors, by whose rows Z is taken, is one choice among many."""
    note = (
        f"{z.degenerate} of {z.dim} eigenvalues coincide, so the rows of the matrix of eigenvectors are one choice of "
        "many, which the last bits of X'X decide: the value may differ between machines and versions"
    )
    return "; ".join(n for n in (note if z.degenerate else None, _single(z)) if n) or None


def _single(z: PartitionValues) -> str | None:
    """How far float32 terms may put i1 and i2 off: 2 (d + 8) roundings of 2^-24 at most."""
    if not z.single:
        return None
    return f"terms in float32, sums in float64: off by about 1e-8, at most {2 * (z.dim + 8) * 2.0**-24:.0e}"


def _sampling(grouped: GroupedResult[PartitionValues]) -> str | None:
    """What sampling alone makes of an isotropic space: the spread of Z that its standard errors give."""
    full, sizes = grouped.full, np.asarray(grouped.sizes, dtype=np.float64)
    filled = sizes > 0
    if filled.sum() < 2 or full.n < 1:
        return None
    left = np.stack([z.log_z + np.log(full.n / z.n) for z, held in zip(grouped.left_out, filled, strict=True) if held])
    h = full.n / sizes[filled]
    variance = ((h[:, None] - 1) * (left - full.log_z) ** 2).mean(axis=0)  # of a jackknife whose groups are as large
    error = float(np.sqrt(variance.mean()))
    reach = np.sqrt(2 * np.log(max(len(full.log_z), 2)))
    return (
        f"sampling alone would give i1 {np.exp(-2 * reach * error):.2g} and i2 {error:.2g} in an isotropic space, "
        "which the interval does not cover"
    )


def _error_of_directions(grouped: GroupedResult[PartitionValues]) -> float | None:
    """Standard error of i1 from its two directions, which every sample places a little otherwise."""
    z = grouped.full
    if z.wander is None or not len(z.log_z):
        return None
    low, high = int(z.log_z.argmin()), int(z.log_z.argmax())
    a, b = (z.wander[k % len(z.wander)] for k in (low, high))
    variance = 4 * a if low % len(z.wander) == high % len(z.wander) else a + b  # +v and -v turn together
    rows_a_unit = 1.0 if grouped.units is None else z.n / max(grouped.units.units, 1)
    return float(np.exp(z.log_z[low] - z.log_z[high]) * np.sqrt(variance * rows_a_unit))


@metric(
    Partition(),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(0.0, 1.0),
    ideal=1.0,
    units="ratio",
    cite="mu2018",
    warning=_direction_note,
    bias=_sampling,
    error_of_fixed=_error_of_directions,
)
def i1(z: PartitionValues) -> float:
    """Smallest partition function over the largest, min Z(v) / max Z(v).

    Z(v) = sum_i exp(<v, u_i>), v over {+v, -v} of the eigenvectors of X'X, X the unit rows (n, d). Between e^-2 and 1
    on unit rows; 1 is isotropic. Zero rows are left out. Source: mu2018, tyshchuk2023.

    Raises
    ------
    UndefinedError
        without a non-zero row.

    Examples
    --------
    >>> round(i1([[1.0, 0.0]]), 9), round(float(np.exp(-2)), 9)
    (0.135335283, 0.135335283)
    """
    at_least(1, z, "non-zero rows")
    return float(np.exp(z.log_z.min() - z.log_z.max()))


@metric(
    Partition(),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(0.0, None),
    ideal=0.0,
    units="ratio",
    cite="mu2018",
    caveat=FIXED,
    warning=_direction_note,
    bias=_sampling,
)
def i2(z: PartitionValues) -> float:
    """Relative spread of the partition function, std Z(v) / mean Z(v).

    Z and v as in ``i1``; std with ddof 0. Between 0 and sinh 1 = 1.18 on unit rows; 0 is isotropic. Source: mu2018,
    tyshchuk2023.

    Raises
    ------
    UndefinedError
        without a non-zero row.

    Examples
    --------
    >>> i2([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    0.0
    """
    at_least(1, z, "non-zero rows")
    relative = np.exp(z.log_z - z.log_z.max())
    return float(relative.std() / relative.mean())


_PUBLISHED = {
    "caveat": FIXED,
    "needs": Partition(directions="published"),
    "invariant": frozenset({"scale", "row_scale"}),
    "warning": _choice_note,
}
_RANDOM = {"needs": Partition(directions="random"), "invariant": frozenset({"scale", "row_scale"})}
EVENLY = "over 256 random directions and their opposites"

ENTRIES = {
    "i1": i1,
    "i2": i2,
    "i1:published": i1.as_variant("published", f"Smallest Z over largest, {ROWS_OF_EIGH}", **_PUBLISHED),
    "i2:published": i2.as_variant("published", f"std Z over mean Z, {ROWS_OF_EIGH}", **_PUBLISHED),
    "i1:random": i1.as_variant("random", f"Smallest Z over largest, {EVENLY}", **_RANDOM),
    "i2:random": i2.as_variant("random", f"std Z over mean Z, {EVENLY}", **_RANDOM),
}
