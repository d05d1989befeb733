"""What a run reads, so that no output of it lands there."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from embedscope.core.errors import InputError

_OWN = {".html", ".csv", ".tex", ".md", ".png", ".svg", ".pdf", ".txt"}
"""Suffixes of reports, which may be written again inside a folder that is read."""

_HEAD = 256
_MOST = 10_000
"""Files of a glob that are looked at."""


@dataclass(frozen=True)
class _Input:
    """A file or folder that is read: what it is whatever it is called, and its name."""

    identity: tuple[int, int]
    path: Path
    is_folder: bool

    @cached_property
    def linked(self) -> dict[tuple[int, int], str]:
        """Files that links in or under the folder lead to, or that have other names too: identity -> name there."""
        files: dict[tuple[int, int], str] = {}
        waiting = [str(self.path)] if self.is_folder else []
        while waiting:
            with suppress(OSError), os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                        continue
                    with suppress(OSError):  # of a link to nothing
                        facts = entry.stat()
                        if entry.is_symlink() or facts.st_nlink > 1:
                            files[facts.st_dev, facts.st_ino] = entry.path
        return files


_inputs: ContextVar[tuple[_Input, ...]] = ContextVar("inputs", default=())


@contextmanager
def reading(paths: Iterable[str | Path]) -> Iterator[None]:
    """Within the block no file of ``paths``, nor a file in a folder of them, is overwritten.

    Paths where there is nothing are passed over.
    """
    token = _inputs.set((*_inputs.get(), *(known for path in paths if (known := _find_input(Path(path))) is not None)))
    try:
        yield
    finally:
        _inputs.reset(token)


def paths_in(value: object) -> Iterator[str]:
    """Every path that an argument, a text, a path or a list of these, may mean.

    A text is taken whole, with or without its kind (``KIND=``) or scheme, its key (``::``) and options (``?``), since
    all of these characters may belong to a name; and as a glob.
    """
    if isinstance(value, str | Path):
        yield from _paths(str(value))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from paths_in(item)


def _paths(text: str) -> Iterator[str]:
    place = text.partition("::")[0]
    starts = [0, *(text.index(c) + 1 for c in "=:" if c in text)]
    ends = [match.start() for match in re.finditer(r"::|\?|$", text)]
    for each in dict.fromkeys(text[start:end] for start in starts for end in ends):
        if each:
            yield str(Path(each).expanduser()) if each.startswith("~") else each
    if glob.has_magic(place):
        yield from islice(glob.iglob(place, recursive=True), _MOST)  # noqa: PTH207 (Path.glob wants a folder)


def check_not_input(path: str | Path) -> None:
    """Raise ``InputError`` where writing ``path`` would overwrite what is read, under this or another name."""
    named = Path(path)
    try:
        facts = named.stat()
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(facts.st_mode):
        return
    real, identity = Path(os.path.realpath(named)), (facts.st_dev, facts.st_ino)
    for each in _inputs.get():
        other = str(each.path) if each.identity == identity else each.linked.get(identity)
        if other is not None:
            same = "" if named.absolute() == Path(other).absolute() else f"is the same file as {other}, which "
            raise InputError(f"{named} {same}is read by this run and would be overwritten; write to another file")
        if each.is_folder and Path(os.path.realpath(each.path)) in real.parents and not _is_report(real):
            raise InputError(
                f"{named} is in {each.path}, which this run reads, and would be overwritten; write to another file"
            )


def _find_input(path: Path) -> _Input | None:
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    is_folder = stat.S_ISDIR(facts.st_mode)
    if not is_folder and not stat.S_ISREG(facts.st_mode):
        return None
    return _Input((facts.st_dev, facts.st_ino), path, is_folder)


def _is_report(path: Path) -> bool:
    """Whether a file is one of those that this tool writes, by its suffix or, for JSON, its beginning."""
    if path.suffix.lower() in _OWN:
        return True
    if path.suffix.lower() != ".json":
        return False
    try:
        with path.open("rb") as file:
            return b'"schema_version"' in file.read(_HEAD)
    except OSError:
        return False
