"""Classes of pairs: what a repair that was fitted on half of them does to the pairs of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedscope.certification.judges._pair_scores import PairScores, both_ways
from embedscope.certification.pair_rows import PairRows
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score

KNOWN, NEW = "known", "new"
ONE_PART = (
    "no known class has pairs both in the part that fits and in a part held out, so there is no number for known "
    "classes; give --labels coarser than the ids, or rows that match by position"
)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PairClasses:
    """One class a pair.

    Attributes
    ----------
    label : (n,) class of every row of the first side; a row of the second has that of its matches
    known : (c,) whether a class is of the half that a candidate is fitted on
    """

    label: Index
    known: Mask

    @property
    def rows(self) -> Mask:
        """Whether each row of the first side is of a known class (n,)."""
        return self.known[self.label]

    def of(self, rows: PairRows) -> Index:
        """Class (n + m,) of the rows of both sides, -1 without a match.

        Raises
        ------
        InputError
            if a row of the second side belongs to rows of two classes.
        """
        x = self.label[rows.names_x]
        y = np.full(len(rows.y), -1, dtype=np.intp)
        y[rows.right] = x[rows.left]
        if (apart := y[rows.right] != x[rows.left]).any():
            row = int(rows.names_y[rows.right[apart][0]])
            raise InputError(f"row {row} of the second side belongs to rows of two classes; wanted one class a pair")
        return np.concatenate([x, y])

    def pairs_known(self, rows: PairRows) -> Mask:
        """Whether each pair is of a known class (p,)."""
        return self.rows[rows.names_x[rows.left]]


def halves(
    found: PairScores, rows: PairRows, classes: PairClasses, fitted: Index, main: str, mixed: bool, seed: int
) -> dict[str, Score]:
    """``MAIN.known`` and ``MAIN.new``, of classes ``fitted`` that the fit saw and of those that it never saw.

    ``found`` are scores of a candidate that was fitted on the known half alone. All held-out rows stand to choice.
    """
    of = classes.of(rows)
    items = found.gains if mixed else np.where(np.isfinite(found.ranks), (found.ranks <= 1).astype(np.float64), np.nan)
    sides = {KNOWN: np.isin(of, fitted) & classes.known[of], NEW: ~classes.known[of]}
    scores = {}
    for name, mine in sides.items():
        score = both_ways(np.where(mine & (of >= 0), items, np.nan), rows, seed)
        if score.value is not None:
            scores[f"{main}.{name}"] = replace(
                score, note=f"{name} classes, fitted on the known half; mean of both ways"
            )
    return scores


def named(main: str) -> Sequence[str]:
    """Names of the scores of known and new classes."""
    return f"{main}.{KNOWN}", f"{main}.{NEW}"
