"""Progress drawn with rich: a bar on a terminal, one line per finished phase elsewhere."""

from __future__ import annotations

import time

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from embedscope.reports.console import SafeConsole


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        """``123/s``, or nothing before a rate is known."""
        speed = task.finished_speed or task.speed
        return Text(rate(speed) if speed else "", style="dim")


def rate(speed: float, unit: str = "") -> str:
    """``speed`` per second, with enough digits to say something.

    >>> rate(12345.0, "rows"), rate(0.25)
    ('12,345 rows/s', '0.25/s')
    """
    digits = 0 if speed >= 10 else 1 if speed >= 1 else 2
    return f"{speed:,.{digits}f} {unit}".rstrip() + "/s"


class Bars:
    """Implements :class:`embedscope.core.progress.Progress` on standard error."""

    def __init__(self) -> None:
        self._console = SafeConsole(stderr=True, highlight=False)
        self._label, self._unit, self._done, self._begin = "", "", 0, 0.0
        self._bars: Progress | None = None
        self._task: TaskID | None = None

    def start(self, label: str, total: int | None, unit: str = "rows") -> None:
        """Finish the phase before and begin ``label``."""
        self.close()
        self._label, self._unit, self._done, self._begin = label, unit, 0, time.monotonic()
        if self._console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}", style="dim"),
                _Rate(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bars.start()
            self._task = self._bars.add_task(label, total=total, unit=unit)

    def advance(self, n: int) -> None:
        """Move the bar by ``n``."""
        self._done += n
        if self._bars is not None and self._task is not None:
            self._bars.advance(self._task, n)

    def note(self, text: str) -> None:
        """Print a line that stays on the screen."""
        self._console.print(f"· {text}", style="dim", markup=False, soft_wrap=True)

    def close(self) -> None:
        """End the current phase with a line on what it took."""
        if self._bars is not None:
            self._bars.stop()
            self._bars, self._task = None, None
        if self._label:
            seconds = time.monotonic() - self._begin
            speed = self._done / seconds if seconds > 0.5 and self._done > 1 else 0.0
            said = f", {rate(speed, self._unit)}" if speed >= 0.5 else ""
            count = f"{self._done:,} {self._unit} in " if self._done > 1 else ""
            line = f"✓ {self._label}: {count}{seconds:.1f} s{said}"
            self._console.print(line, style="green", markup=False, soft_wrap=True)
            self._label = ""
