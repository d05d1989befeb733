"""One number then and now: what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embedscope.core.records import Record
from embedscope.core.short_repr import short_repr

Outcome = Literal["same", "drift", "no error bar", "rows differ", "missing", "new", "undefined"]


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
