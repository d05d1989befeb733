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

SEEN, UNSEEN = "seen", "unseen"
ONE_PART = (
    "no seen class has pairs both in the part that fits and in a held-out part, so there is no number for seen "
    "classes; give --labels coarser than the ids, or rows that match by position"
)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PairClasses:
    """One class per pair.

    Attributes
    ----------
    label : (n,) class of every row of the first side; a row of the second has that of its matches
    seen : (c,) whether a class is of the half that a candidate is fitted on
    """

    label: Index
    seen: Mask

    @property
    def rows(self) -> Mask:
        """Whether each row of the first side is of a seen class (n,)."""
        return self.seen[self.label]

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
            raise InputError(f"row {row} of the second side belongs to rows of two classes; wanted one class per pair")
        return np.concatenate([x, y])

    def pairs_seen(self, rows: PairRows) -> Mask:
        """Whether each pair is of a seen class (p,)."""
        return self.rows[rows.names_x[rows.left]]


def halves(
    scores: PairScores, rows: PairRows, classes: PairClasses, fitted: Index, main: str, mixed: bool, seed: int
) -> dict[str, Score]:
    """``MAIN.seen`` and ``MAIN.unseen``, of classes ``fitted`` that the fit saw and of those that it never saw.

    ``scores`` are those of a candidate that was fitted on the seen half alone. All held-out rows are searched.
    """
    of = classes.of(rows)
    hits = np.where(np.isfinite(scores.ranks), (scores.ranks <= 1).astype(np.float64), np.nan)
    items = scores.gains if mixed else hits
    sides = {SEEN: np.isin(of, fitted) & classes.seen[of], UNSEEN: ~classes.seen[of]}
    out = {}
    for name, mine in sides.items():
        score = both_ways(np.where(mine & (of >= 0), items, np.nan), rows, seed)
        if score.value is not None:
            out[f"{main}.{name}"] = replace(
                score, note=f"{name} classes, fitted on the seen half; mean of both directions"
            )
    return out


def class_score_names(main: str) -> Sequence[str]:
    """Names of the scores of seen and unseen classes."""
    return f"{main}.{SEEN}", f"{main}.{UNSEEN}"
