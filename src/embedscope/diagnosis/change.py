"""One number then and now: what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embedscope.core.records import Record
from embedscope.core.short_repr import short_repr

Outcome = Literal["same", "drift", "no error bar", "rows differ", "units differ", "missing", "new", "undefined"]

UNCOMPARED: dict[str, str] = {
    "rows differ": "the value depends on the number of rows, which is not that of the baseline: measure as many rows, "
    "or give a --tolerance",
    "units differ": "the value depends on the number of units of evidence, which is not that of the baseline although "
    "the rows are as many (duplicates and groups are one unit each): give a --tolerance",
    "no error bar": "the value differs, and without an error bar only a --tolerance can judge that",
    "new": "the baseline does not have it",
}
"""Outcome -> why a number was not compared."""


@short_repr
@dataclass(frozen=True)
class Change:
    """One number then and now; ``p`` after Holm over all that were tested."""

    old: Record | None
    new: Record | None
    outcome: Outcome
    p: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the check fails for it."""
        return self.outcome in ("drift", "missing", "undefined")

    @property
    def record(self) -> Record:
        """The newer record that there is."""
        either = self.new or self.old
        assert either is not None
        return either
