"""Progress as a protocol, so that the library reports it and only the command line draws it."""

from __future__ import annotations

import weakref
from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Something that can show how far a phase has come."""

    def start(self, label: str, total: int | None, unit: str = "rows") -> None:
        """Begin the phase ``label`` of ``total`` units (None: unknown)."""

    def advance(self, n: int) -> None:
        """Report ``n`` more units done."""

    def note(self, text: str) -> None:
        """Say one line that stays (what was sampled, skipped, found)."""

    def close(self) -> None:
        """End the last phase."""


class Silent:
    """Progress that shows nothing."""

    def start(self, label: str, total: int | None, unit: str = "rows") -> None:
        """Ignore."""

    def advance(self, n: int) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def close(self) -> None:
        """Do nothing."""


class Drawn(Protocol):
    """Progress that is on the screen until it is ended."""

    def end(self) -> None:
        """Show nothing any more, until the next phase."""


drawn: weakref.WeakSet[Drawn] = weakref.WeakSet()
"""Progress that this process draws."""


def end_progress() -> None:
    """End what is still drawn, before something else is printed or a function returns."""
    for progress in list(drawn):
        progress.end()
