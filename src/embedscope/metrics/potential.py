"""How evenly directions fill the sphere: the mean Gaussian potential over all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.metrics._subsampled import neighbour_metric
from embedscope.metrics.metric import UndefinedError
from embedscope.stats.neighbourhood import NeighbourRows
from embedscope.stats.row_sets import RowSet

IDS = ("uniformity",)

LIMIT = 20_000
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class _Potentials:
    """Sums of exp(-2 |u_i - u_j|^2) over pairs of rows of different units, and how many there are, by groups of both.

    Attributes
    ----------
    sums, pairs : (g, g) for the groups of i and j, in either order
    """

    sums: Floats
    pairs: Floats

    @classmethod
    def of(cls, rows: RowSet, labels: Index) -> _Potentials:
        """Of ``rows`` in groups ``labels`` (n,), which units do not cross."""
        n = int(labels.max(initial=0)) + 1
        order = np.argsort(labels, kind="stable")
        x, label = rows.x[order].astype(np.float64, copy=False), labels[order]
        starts = np.flatnonzero(np.diff(label, prepend=-1))
        sums, sizes = np.zeros((n, n)), np.bincount(label, minlength=n).astype(np.float64)
        pairs = np.outer(sizes, sizes) / 2 - np.diag(sizes / 2)
        pairs = pairs + pairs.T - np.diag(np.diag(pairs))
        for start in range(0, len(x), _BLOCK):
            potential = _potential(x[start : start + _BLOCK], x[start:])
            own = potential[:, : len(potential)]
            own[np.tril_indices(len(own))] = 0.0
            later = np.maximum(starts - start, 0)
            ends = np.append(later[1:], len(x) - start)
            of_column = np.zeros((len(potential), n))
            filled = ends > later
            of_column[:, label[starts[filled]]] = np.add.reduceat(potential, later[filled], axis=1)
            np.add.at(sums, label[start : start + len(potential)], of_column)
        sums = sums + sums.T - np.diag(np.diag(sums))
        potentials = cls(sums, pairs)
        return potentials if rows.units is None else potentials._across(rows.units[order], x, label)

    def _across(self, units: Index, x: Floats, label: Index) -> _Potentials:
        """Without the pairs inside ``units`` (n,)."""
        order = np.argsort(units, kind="stable")
        sums, pairs, sizes = self.sums.copy(), self.pairs.copy(), np.bincount(units)
        for stop, size in zip(np.cumsum(sizes)[sizes > 1], sizes[sizes > 1], strict=True):
            members = order[stop - size : stop]
            g = label[members[0]]
            sums[g, g] -= float(np.triu(_potential(x[members], x[members]), 1).sum())
            pairs[g, g] -= size * (size - 1) / 2
        return _Potentials(sums, pairs)

    def value(self, without: int | None = None) -> float:
        """Log of the mean potential, of the pairs that have no row in the group ``without``."""
        kept = np.ones(len(self.sums), dtype=bool)
        if without is not None:
            kept[without] = False
        upper = np.triu(np.outer(kept, kept))
        pairs = float(self.pairs[upper].sum())
        if pairs < 1:
            raise UndefinedError("undefined: all rows belong to one unit, so there are no pairs of units")
        return float(min(np.log(float(self.sums[upper].sum()) / pairs), 0.0))


def _potential(a: Floats, b: Floats) -> Floats:
    """exp(-2 |a_i - b_j|^2) of rows (n, d), (m, d) of unit length."""
    return np.asarray(np.exp(4 * (a @ b.T) - 4))


def _leave_out(rows: RowSet, labels: Index) -> list[Mapping[str, float]]:
    """The value without each group of ``labels`` (n,), for a jackknife: the pairs of every two groups are known."""
    potentials = _Potentials.of(rows, labels)
    return [{"uniformity": potentials.value(int(g))} for g in np.unique(labels)]


@neighbour_metric(
    NeighbourRows("unit", limit=LIMIT, queries=0),
    rows="unit",
    invariant={"rotation", "scale", "row_scale"},
    bounds=(-8.0, 0.0),
    ideal=None,
    units="log of the mean potential",
    cite="wang2020",
    fixed_rows=True,
    across_units=True,
    of_groups=_leave_out,
)
def uniformity(rows: RowSet) -> float:
    """Log of the mean over pairs i != j of exp(-2 |u_i - u_j|^2), u the rows of unit length.

    Between -8 and 0; lower is more even, and about -4 where pairs are at right angles. Exact to 20,000 rows (n, d),
    then on a sample. Zero rows are left out, and so are pairs inside units of evidence that are declared or found in
    the order of the file. Source: wang2020.

    Raises
    ------
    UndefinedError
        with fewer than 2 non-zero rows, or where all are of one unit.

    Examples
    --------
    >>> round(uniformity([[1.0, 0.0], [0.0, 1.0]]), 12)
    -4.0
    """
    n = len(rows.x)
    if n < 2:
        raise UndefinedError(f"undefined: needs at least 2 non-zero rows, got {n}")
    return _Potentials.of(rows, np.zeros(n, dtype=np.intp)).value()


ENTRIES = {"uniformity": uniformity}
