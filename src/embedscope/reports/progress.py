"""Progress drawn with rich: a bar on a terminal, one line per finished phase elsewhere."""

from __future__ import annotations

import threading
import time

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from embedscope.core.progress import drawn
from embedscope.reports.console import SafeConsole


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        """``123/s``, or nothing before a rate is known."""
        speed = task.finished_speed or task.speed
        return Text(rate(speed) if speed else "", style="dim")


class _Label(ProgressColumn):
    """The name of the phase, which gives way where the terminal is too narrow for it and the numbers."""

    def render(self, task: Task) -> Text:
        """The description, cut at its end to the room there is."""
        return Text(task.description, no_wrap=True, overflow="ellipsis")


def _count_columns() -> tuple[ProgressColumn, ...]:
    """The columns of a phase whose end is known; numbers keep their width."""
    return (
        BarColumn(),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[unit]}", style="dim", table_column=Column(no_wrap=True)),
        _Rate(Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )


def _untold() -> tuple[ProgressColumn, ...]:
    """The columns of a phase whose end is unknown."""
    return SpinnerColumn(), TimeElapsedColumn(table_column=Column(no_wrap=True))


def rate(speed: float, unit: str = "") -> str:
    """``speed`` per second, with enough digits to say something.

    >>> rate(12345.0, "rows"), rate(0.25)
    ('12,345 rows/s', '0.25/s')
    """
    digits = 0 if speed >= 10 else 1 if speed >= 1 else 2
    return f"{speed:,.{digits}f} {unit}".rstrip() + "/s"


_IDLE = 1.5
"""Seconds without a phase after which a line says that work goes on."""


class Bars:
    """Implements :class:`embedscope.core.progress.Progress` on standard error.

    Between phases a spinner says that work goes on, so that no two seconds pass without a word; :meth:`end` stops it.
    """

    def __init__(self) -> None:
        self._console = SafeConsole(stderr=True, highlight=False)
        self._label, self._unit, self._done, self._begin, self._last = "", "", 0, 0.0, ""
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._lock = threading.RLock()
        self._wait: threading.Timer | None = None
        drawn.add(self)
        self._idle()

    def start(self, label: str, total: int | None, unit: str = "rows") -> None:
        """Finish the phase before and begin ``label``."""
        with self._lock:
            self._finish()
            self._clear()
            self._label, self._unit, self._done, self._begin = label, unit, 0, time.monotonic()
            if self._console.is_terminal:
                self._draw(label, total, unit, *(_untold() if total is None else _count_columns()))

    def advance(self, n: int) -> None:
        """Move the bar by ``n``."""
        self._done += n
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, n)

    def note(self, text: str) -> None:
        """Print a line that stays on the screen."""
        self._console.say(f"· {text}", "dim")

    def close(self) -> None:
        """End the current phase with a line on what it took."""
        with self._lock:
            self._finish()
            self._idle()

    def end(self) -> None:
        """Show nothing any more, until the next phase."""
        with self._lock:
            self._finish()
            self._clear()

    def _finish(self) -> None:
        """The line of the phase that ends."""
        if self._label:
            self._clear()
            seconds = time.monotonic() - self._begin
            speed = self._done / seconds if seconds > 0.5 and self._done > 1 else 0.0
            said = f", {rate(speed, self._unit)}" if speed >= 0.5 else ""
            count = f"{self._done:,} {self._unit} in " if self._done > 1 else ""
            self._console.say(f"✓ {self._label}: {count}{seconds:.1f} s{said}", "green")
            self._last, self._label = self._label, ""

    def _idle(self) -> None:
        """Say so where nothing begins for a while."""
        if self._console.is_terminal and self._wait is None and self._bars is None:
            self._wait = threading.Timer(_IDLE, self._working)
            self._wait.daemon = True
            self._wait.start()

    def _working(self) -> None:
        with self._lock:
            if self._wait is not None and self._bars is None:
                after = f" (after {self._last})" if self._last else ""
                self._draw(f"working{after}", None, "", *_untold())

    def _draw(self, label: str, total: int | None, unit: str, *columns: ProgressColumn) -> None:
        self._bars = Progress(_Label(), *columns, console=self._console, transient=True)
        self._bars.start()
        self._task = self._bars.add_task(label, total=total, unit=unit)

    def _clear(self) -> None:
        if self._wait is not None:
            self._wait.cancel()
            self._wait = None
        if self._bars is not None:
            self._bars.stop()
            self._bars, self._task = None, None
