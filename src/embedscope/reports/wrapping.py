"""Sentences on a screen: lines break between words, never between a number and its sign, long names at their joints."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from embedscope.reports.numbers import HELD

_JOINTS = "_.:+-/,="
"""After these a name may go on in the next line."""

_CODE = re.compile(r"`[^`]+`")


class Words:
    """A text that wraps itself; ``fold`` breaks what is longer than a line, as ids and paths that are only read may."""

    def __init__(self, text: str | Text, style: str = "", *, fold: bool = True) -> None:
        self.text = Text(text, style=style) if isinstance(text, str) else text
        self.fold = fold

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The same room as plain text takes."""
        return Measurement.get(console, options, self.text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The text with a line break wherever a line of it is full."""
        if options.no_wrap:
            yield self.text
            return
        lines = [
            part
            for line in self.text.split("\n", allow_blank=True)
            for part in line.divide(offsets(line.plain, options.max_width, fold=self.fold))
        ]
        for line in lines:
            line.rstrip()
        broken = Text("\n").join(lines)
        broken.overflow = "fold" if self.fold else "ignore"
        broken.style = self.text.style
        yield broken


def offsets(line: str, width: int, *, fold: bool = True) -> list[int]:
    """Where ``line`` breaks so that its parts are at most ``width`` columns wide; no code within backticks is broken.

    >>> offsets("at most 95 % of them", 10), offsets("self_similarity_centered 1", 20)
    ([8, 16], [16])
    """
    out: list[int] = []
    used = 0
    for match in re.finditer(r" +|[^ ]+", _CODE.sub(lambda m: _whole(m[0], width), HELD.sub("x", line))):
        start, end = match.span()
        wide = cell_len(line[start:end])
        if match[0][0] == " ":
            used += wide
            continue
        if used and used + wide > width:
            out.append(start)
            used = 0
        while fold and wide > width:
            start += _joint(line[start:end], width)
            out.append(start)
            wide = cell_len(line[start:end])
        used += wide
    return out


def _whole(code: str, width: int) -> str:
    """``code`` without spaces, where it fits one line."""
    return code.replace(" ", "x") if cell_len(code) <= width else code


def _joint(name: str, width: int) -> int:
    """How many letters of ``name`` stand in the first line: to its last joint there, if that is not far in front."""
    most = 1
    while cell_len(name[: most + 1]) <= width:
        most += 1
    joint = max(name.rfind(c, 0, most) for c in _JOINTS) + 1
    return joint if joint > most // 3 else most
