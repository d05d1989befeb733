"""Consoles that show text of strangers (names of files, words, notes) without letting it command the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from embedscope.core.printable import printable
from embedscope.reports.wrapping import Words


class SafeConsole(Console):
    """A console whose text holds no control characters but its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of ``renderable``; control characters in its text are shown as escapes."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style, segment.control)

    def say(self, text: str, style: str = "") -> None:
        """Print a line: on a terminal broken between its words, elsewhere whole, as programs that read it need it.

        An indented line is a command and stays whole, so that it can be copied.
        """
        words = Text(text, style=style)
        if self.is_terminal and not text.startswith("  "):
            self.print(Words(words, fold=False))
        else:
            self.print(words, soft_wrap=True)
