"""Regions of the space: what a map does to rows of a region that its fit never saw.

Loose variants of one thing that were shuffled and not declared lie in the part that fits and in the part that certifies
alike, and no sign in the rows tells them from independent ones. They lie near each other, though. So the rows are
partitioned by k-means, the regions are dealt to folds, and every certifying row is mapped by a fit that left out the
fitted rows of its own fold. The unit of evidence is then the region: a gain has to be there in most of them, so that a
region that cuts through one thing does not decide.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.tables import Index

CELLS, FOLDS = 8, 4
_ROWS_A_CELL = 8


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of fitted and of held rows.

    Attributes
    ----------
    fitted, held : fold (n,), (m,) of the rows: whole regions, of nearly equal total
    region : (m,) the region of each held row, from 0
    """

    fitted: Index
    held: Index
    region: Index


def find_regions(fitted: npt.NDArray[Any], held: npt.NDArray[Any], seed: int) -> Regions:
    """Regions of the ``fitted`` rows (n, d) and the ``held`` ones (m, d), at most 8 in four folds.

    >>> x = np.repeat(np.eye(4), 10, axis=0)
    >>> found = find_regions(x, np.eye(4), 0)
    >>> len(np.unique(found.held)), bool((found.fitted == np.repeat(found.held, 10)).all())
    (4, True)
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    rows = np.concatenate([fitted, held])
    cells = max(FOLDS, min(CELLS, len(rows) // _ROWS_A_CELL))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than cells leave some empty
        label = KMeans(cells, n_init=1, random_state=seed).fit(rows).labels_
    sizes = np.bincount(label, minlength=cells)
    fold, totals = np.empty(cells, dtype=np.intp), np.zeros(FOLDS)
    for cell in np.argsort(-sizes, kind="stable"):
        fold[cell] = totals.argmin()
        totals[fold[cell]] += sizes[cell]
    numbers, n = fold[label], len(fitted)
    return Regions(numbers[:n], numbers[n:], np.unique(label[n:], return_inverse=True)[1].astype(np.intp))
