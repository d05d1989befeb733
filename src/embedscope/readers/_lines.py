"""Where the rows of a text file lie: runs of whole lines that can be read on their own, with the rows in each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.readers._paths import Place

CHUNK = 1 << 22
_READ = 1 << 24
_LONGEST = 1 << 28
_COPIES = 6


@dataclass
class Runs:
    """Runs of lines: the byte at which each begins, its rows, and the byte after the last.

    Attributes
    ----------
    starts, rows : of each run, of about 4 MB
    end : the size of the file
    """

    starts: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    end: int = 0

    @property
    def held(self) -> int:
        """Bytes that reading a run takes: its text, its cells, and copies of both."""
        return _COPIES * max(stop - start for start, stop in map(self.bounds, range(len(self.starts))))

    def bounds(self, i: int) -> tuple[int, int]:
        """First byte of run ``i`` and the byte after it."""
        return self.starts[i], self.starts[i + 1] if i + 1 < len(self.starts) else self.end


def runs_of_lines(path: Place, start: int, *, quotes: bool) -> Runs:
    """Runs of the lines of ``path`` from byte ``start`` on; empty lines are no rows.

    Parameters
    ----------
    quotes : whether a line break between double quotes belongs to the row, as in CSV

    Raises
    ------
    InputError
        if a row is longer than 256 MB, or a quote is never closed.
    """
    runs = Runs()
    walk = _Walk(runs, start)
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_READ):
            walk.feed(block, quotes)
            if walk.at - walk.line > _LONGEST:
                raise InputError(
                    f"{path} has a row of more than 256 MB, at byte {walk.line:,}; wanted one row per line"
                )
    if walk.open_quote:
        raise InputError(
            f"{path} has a double quote that is never closed, so its rows cannot be distinguished; write it again"
        )
    walk.finish()
    return runs


class _Walk:
    """The state of a walk over the bytes of a file."""

    def __init__(self, runs: Runs, start: int) -> None:
        self.found = runs
        self.at = self.line = self.start = start
        self.count = 0
        self.open_quote = 0
        self.last = 10

    def feed(self, block: bytes, quotes: bool) -> None:
        """The next bytes."""
        bytes_ = np.frombuffer(block, dtype=np.uint8)
        breaks = np.flatnonzero(bytes_ == 10)
        if quotes:
            marks = np.flatnonzero(bytes_ == 34)
            outside = (np.searchsorted(marks, breaks) + self.open_quote) % 2 == 0
            breaks = breaks[outside]
            self.open_quote = (self.open_quote + len(marks)) % 2
        self._lines(bytes_, breaks)
        self.at += len(block)
        self.last = int(bytes_[-1])

    def _lines(self, bytes_: npt.NDArray[np.uint8], breaks: npt.NDArray[np.intp]) -> None:
        if not len(breaks):
            return
        ends = breaks + self.at
        lengths = np.diff(ends, prepend=self.line - 1) - 1
        before = np.where(breaks > 0, bytes_[breaks - 1], self.last)
        filled = ~((lengths == 0) | ((lengths == 1) & (before == 13)))
        counts = np.cumsum(filled)
        done = taken = 0
        while (i := int(np.searchsorted(ends, self.start + CHUNK - 1))) < len(ends):
            self._cut(int(ends[i]) + 1, self.count + int(counts[i]) - taken)
            done, taken = i + 1, int(counts[i])
        self.count += int(counts[-1]) - taken if done < len(ends) else 0
        self.line = int(ends[-1]) + 1

    def _cut(self, end: int, rows: int) -> None:
        if rows:
            self.found.starts.append(self.start)
            self.found.rows.append(rows)
        self.start, self.count = end, 0

    def finish(self) -> None:
        """The end of the file: a last line may lack its line break."""
        left = self.at - self.line
        blank = left == 0 or (left == 1 and self.last == 13)
        self._cut(self.at, self.count + (not blank))
        self.found.end = self.at


def lines_between(path: Place, bounds: tuple[int, int]) -> bytes:
    """The bytes of a run."""
    start, stop = bounds
    with path.open("rb") as file:
        file.seek(start)
        content: bytes = file.read(stop - start)
    if len(content) < stop - start:
        raise InputError(f"{path} became shorter while it was read; wait until it is written, then try again")
    return content
