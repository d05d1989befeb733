"""Regions of the space: what a map does to rows of a region that its fit never saw.

Loose variants of one thing that were shuffled and not declared lie in the part that fits and in the part that certifies
alike, and no sign in the rows tells them from independent ones. They lie near each other, though. So the rows are
partitioned by k-means, the regions are dealt to folds, and every certifying row is mapped by a fit that left out the
fitted rows of its own fold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.tables import Index

CELLS, FOLDS = 16, 4
_ROWS_A_CELL = 8


def region_folds(fitted: npt.NDArray[Any], held: npt.NDArray[Any], seed: int) -> tuple[Index, Index]:
    """Fold (n,), (m,) of the ``fitted`` rows (n, d) and the ``held`` ones (m, d): whole regions of nearly equal total.

    >>> x = np.repeat(np.eye(4), 10, axis=0)
    >>> fitted, held = region_folds(x, np.eye(4), 0)
    >>> len(np.unique(held)), bool((fitted == np.repeat(held, 10)).all())
    (4, True)
    """
    from sklearn.cluster import KMeans

    rows = np.concatenate([fitted, held])
    cells = max(FOLDS, min(CELLS, len(rows) // _ROWS_A_CELL))
    label = KMeans(cells, n_init=1, random_state=seed).fit(rows).labels_
    sizes = np.bincount(label, minlength=cells)
    fold, totals = np.empty(cells, dtype=np.intp), np.zeros(FOLDS)
    for cell in np.argsort(-sizes, kind="stable"):
        fold[cell] = totals.argmin()
        totals[fold[cell]] += sizes[cell]
    numbers = fold[label]
    return numbers[: len(fitted)], numbers[len(fitted) :]
