"""Isotropy by the partition function Z(v) = sum_i exp(<v, u_i>) along eigenvectors of X'X."""

from __future__ import annotations

import numpy as np

from embedscope.metrics._metric import at_least, metric
from embedscope.stats import Partition, PartitionValues

IDS = ("i1", "i2", "i1:published", "i2:published")

FIXED = "directions held fixed in the error bar"
ROWS_OF_EIGH = "along the rows of the eigenvector matrix of numpy.linalg.eigh, +v alone"


@metric(
    Partition(),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(0.0, 1.0),
    ideal=1.0,
    units="ratio",
    cite="mu2018",
    caveat=FIXED,
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


_PUBLISHED = {"needs": Partition(directions="published"), "invariant": frozenset({"scale", "row_scale"})}

ENTRIES = {
    "i1": i1,
    "i2": i2,
    "i1:published": i1.as_variant("published", f"Smallest Z over largest, {ROWS_OF_EIGH}", **_PUBLISHED),
    "i2:published": i2.as_variant("published", f"std Z over mean Z, {ROWS_OF_EIGH}", **_PUBLISHED),
}
