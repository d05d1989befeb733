"""Rows of zero, which are missing vectors: a repair leaves them as they are, and they are counted and named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_SHOWN = 12


class ZeroRows:
    """Counts rows that are zero, and remembers what the first twelve are called; rows are numbered from ``start``.

    >>> zeros = ZeroRows()
    >>> zeros.add(np.array([[0.0, 0.0], [1.0, 0.0]]))
    >>> zeros.add(np.zeros((1, 2)))
    >>> zeros.n, zeros.notes
    (2, ('2 rows are zero and stay zero: 0, 2',))
    """

    def __init__(self, start: int = 0) -> None:
        self.n, self._seen, self._first = 0, start, list[str]()

    def add(self, rows: Any, names: Sequence[str] | None = None) -> None:
        """Take in the next rows (n, d); they are called by their numbers where ``names`` is None."""
        places = np.flatnonzero(~rows.any(axis=1)).tolist()
        self.n += len(places)
        room = _SHOWN - len(self._first)
        self._first += [str(self._seen + i) if names is None else names[i] for i in places[:room]]
        self._seen += len(rows)

    def merge(self, other: ZeroRows) -> None:
        """Take in those of later rows."""
        self.n += other.n
        self._first += other._first[: _SHOWN - len(self._first)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said of them; nothing where there are none."""
        if not self.n:
            return ()
        more = f" and {self.n - len(self._first):,} more" if self.n > len(self._first) else ""
        verb = "row is zero and stays zero" if self.n == 1 else "rows are zero and stay zero"
        return (f"{self.n:,} {verb}: {', '.join(self._first)}{more}",)
