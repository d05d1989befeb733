"""Where the rows of a text file lie: runs of whole lines that can be read on their own, with the rows in each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.readers.paths import Place

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
    quoted : whether double quotes enclose cells; where False they are part of the text
    """

    starts: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    end: int = 0
    quoted: bool = True

    @property
    def held(self) -> int:
        """Bytes that reading a run takes: its text, its cells, and copies of both."""
        return _COPIES * max(stop - start for start, stop in map(self.bounds, range(len(self.starts))))

    def bounds(self, i: int) -> tuple[int, int]:
        """First byte of run ``i`` and the byte after it."""
        return self.starts[i], self.starts[i + 1] if i + 1 < len(self.starts) else self.end


def runs_of_lines(path: Place, start: int, delimiter: str | None = None) -> Runs:
    """Runs of the lines of ``path`` from byte ``start`` on; empty lines are no rows.

    Parameters
    ----------
    delimiter : what separates cells, which may stand between double quotes and then hold line breaks, as in CSV; None
        where quotes mean nothing

    Raises
    ------
    InputError
        if a row is longer than 256 MB, or a quote is never closed.
    """
    walk = _walk(path, start, delimiter)
    if walk.bare:  # quotes that do not enclose whole cells are part of the text: 5" tall
        walk = _walk(path, start, None)
        walk.runs.quoted = False
    if walk.open_quote:
        raise InputError(
            f"{path} has a double quote that is never closed, so its rows cannot be distinguished; write it again"
        )
    walk.finish()
    return walk.runs


def _walk(path: Place, start: int, delimiter: str | None) -> _Walk:
    walk = _Walk(Runs(), start, delimiter)
    with path.open("rb") as file:
        file.seek(start)
        while (block := file.read(_READ)) and not walk.bare:
            walk.feed(block)
            if walk.at - walk.line > _LONGEST and not walk.bare:
                raise InputError(
                    f"{path} has a row of more than 256 MB, at byte {walk.line:,}; wanted one row per line"
                )
    return walk


class _Walk:
    """The state of a walk over the bytes of a file.

    Attributes
    ----------
    bare : whether a double quote was seen that neither opens a cell, closes one, nor is doubled inside one
    """

    def __init__(self, runs: Runs, start: int, delimiter: str | None) -> None:
        self.runs = runs
        self.at = self.line = self.start = start
        self.count = 0
        self.open_quote = 0
        self.last = 10
        self.bare = False
        self.beside: npt.NDArray[np.bool_] | None = None
        if delimiter is not None:
            self.beside = np.isin(np.arange(256), [*delimiter.encode(), *b'\r\n"'])

    def feed(self, block: bytes) -> None:
        """The next bytes."""
        bytes_ = np.frombuffer(block, dtype=np.uint8)
        breaks = np.flatnonzero(bytes_ == 10)
        if self.beside is not None and (self.open_quote or self.last == 34 or b'"' in block):
            marks = np.flatnonzero(bytes_ == 34)
            outside = (np.searchsorted(marks, breaks) + self.open_quote) % 2 == 0
            breaks = breaks[outside]
            self._check_quotes(bytes_, marks, self.beside)
            self.open_quote = (self.open_quote + len(marks)) % 2
        self._lines(bytes_, breaks)
        self.at += len(block)
        self.last = int(bytes_[-1])

    def _check_quotes(
        self, bytes_: npt.NDArray[np.uint8], marks: npt.NDArray[np.intp], beside: npt.NDArray[np.bool_]
    ) -> None:
        """A quote that opens must follow the end of a cell, one that closes must precede it; both may be doubled."""
        opening, closing = marks[self.open_quote :: 2], marks[1 - self.open_quote :: 2]
        before = np.where(opening > 0, bytes_[opening - 1], self.last)
        after = bytes_[closing[closing + 1 < len(bytes_)] + 1]
        closed_before = self.last == 34 and not self.open_quote
        self.bare |= not (beside[before].all() and beside[after].all() and (not closed_before or beside[bytes_[0]]))

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
            self.runs.starts.append(self.start)
            self.runs.rows.append(rows)
        self.start, self.count = end, 0

    def finish(self) -> None:
        """The end of the file: a last line may lack its line break."""
        left = self.at - self.line
        blank = left == 0 or (left == 1 and self.last == 13)
        self._cut(self.at, self.count + (not blank))
        self.runs.end = self.at


def lines_between(path: Place, bounds: tuple[int, int]) -> bytes:
    """The bytes of a run."""
    start, stop = bounds
    with path.open("rb") as file:
        file.seek(start)
        content: bytes = file.read(stop - start)
    if len(content) < stop - start:
        raise InputError(f"{path} became shorter while it was read; wait until it is written, then try again")
    return content
