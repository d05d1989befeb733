"""The rows that are compared: one space with itself, or two sides, with what is known to be related."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index


@dataclass(frozen=True, eq=False)
class Sides:
    """Unit rows that are compared, and which of them are related.

    Attributes
    ----------
    x : (n, d) rows at unit length: what asks
    y : (m, d) rows that are searched; None where they are ``x`` itself
    group_x, group_y : (n,), (m,) numbers; rows of one number are related (chunks of a document, a matched pair)
    unit_x, unit_y : (n,), (m,) units of evidence, numbered over both sides
    related : pairs of rows that match, as two arrays (p,), beside those of equal groups
    titles_x, titles_y : texts or ids of the rows, empty where unknown
    """

    x: Floats
    y: Floats | None = None
    group_x: Index | None = None
    group_y: Index | None = None
    unit_x: Index | None = None
    unit_y: Index | None = None
    related: tuple[Index, Index] | None = None
    titles_x: Sequence[str] = field(default=())
    titles_y: Sequence[str] = field(default=())

    @property
    def same(self) -> bool:
        """Whether a space is compared with itself."""
        return self.y is None

    @property
    def right(self) -> Floats:
        """The rows that are searched."""
        return self.x if self.y is None else self.y

    @property
    def groups(self) -> tuple[Index, Index]:
        """Groups of both sides: all different where none are known."""
        n, m = len(self.x), len(self.right)
        left = np.arange(n) if self.group_x is None else self.group_x
        if self.same:
            return left, left
        return left, np.arange(n, n + m) if self.group_y is None else self.group_y

    @property
    def units(self) -> tuple[Index, Index]:
        """Units of evidence of both sides: rows where none are known."""
        left = np.arange(len(self.x)) if self.unit_x is None else self.unit_x
        if self.same:
            return left, left
        start = int(left.max(initial=-1)) + 1
        return left, np.arange(start, start + len(self.right)) if self.unit_y is None else self.unit_y

    def without_zero_rows(self) -> tuple[Sides, Index, Index]:
        """The rows that have a direction, and their places among all rows of the left and of the right side."""
        left = np.flatnonzero(self.x.any(axis=1))
        right = left if self.y is None else np.flatnonzero(self.y.any(axis=1))
        if len(left) == len(self.x) and len(right) == len(self.right):
            return self, left, right
        groups, units, related = self.groups, self.units, None
        if self.related is not None:
            a, b = (np.searchsorted(kept, side) for kept, side in zip((left, right), self.related, strict=True))
            known = np.isin(self.related[0], left) & np.isin(self.related[1], right)
            related = a[known], b[known]
        y = None if self.y is None else self.y[right]
        kept = Sides(
            self.x[left], y, groups[0][left], groups[1][right], units[0][left], units[1][right], related=related
        )
        return kept, left, right

    def apart(self, left: Index, right: Index) -> npt.NDArray[np.bool_]:
        """Which of the pairs (p,) are unrelated."""
        a, b = self.groups
        apart = a[left] != b[right]
        if self.related is not None:
            m = len(self.right)
            apart &= ~np.isin(left * m + right, self.related[0] * m + self.related[1])
            if self.same:
                apart &= ~np.isin(right * m + left, self.related[0] * m + self.related[1])
        return np.asarray(apart)

    def title(self, left: int, right: int) -> tuple[str, str]:
        """What a pair of rows is called."""
        names = self.titles_x, self.titles_x if self.same else self.titles_y
        return tuple(  # type: ignore[return-value]
            str(titles[i]) if len(titles) else f"row {i}" for titles, i in zip(names, (left, right), strict=True)
        )
