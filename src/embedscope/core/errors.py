"""Errors that users meet: each says what came, what was wanted and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from embedscope.core.printable import printable

_LONGEST, _END = 400, 160


def brief(message: str) -> str:
    r"""``message`` as one line below 400 characters, with its beginning and its end; what cannot be printed is escaped.

    >>> brief("a\nb"), len(brief("x" * 1000)), brief("x" * 1000 + "; pass a file")[-16:]
    ('a b', 399, 'xxx; pass a file')
    """
    line = printable(" ".join(part.strip() for part in message.splitlines()))
    if len(line) < _LONGEST:
        return line
    dots = " ... "
    return f"{line[: _LONGEST - _END - len(dots) - 1]}{dots}{line[-_END:]}"


class EmbedscopeError(Exception):
    """Base of every error raised on purpose; the command line prints it and exits with ``exit_code``.

    Its message is one line below 400 characters: of a longer one (with a whole matrix) the middle is left out.
    """

    exit_code = 2

    def __init__(self, message: str = "", *rest: object) -> None:
        super().__init__(brief(str(message)), *rest)


def is_failure(error: BaseException) -> bool:
    """Whether ``error`` tells of something that failed, and not of the end of the program.

    What libraries in Rust raise where they give up, ``PanicException``, is no ``Exception`` of Python.

    >>> is_failure(ValueError("x")), is_failure(KeyboardInterrupt())
    (True, False)
    """
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


class InputError(EmbedscopeError, ValueError):
    """The input is not what was wanted (shape, dtype, nan, unreadable file)."""


class OutputError(EmbedscopeError):
    """What was to be written could not be (full disk, no permission); what was there before is unchanged."""


class CacheUnusableError(EmbedscopeError):
    """The cache cannot be read or written (no permission, full disk, a file in its place)."""


class EmbedscopeWarning(UserWarning):
    """Something that a user must know and that has no place in a result; the command line prints it as a note."""


class UnknownNameError(EmbedscopeError, LookupError):
    """A name is not registered; the message offers the nearest ones.

    >>> str(UnknownNameError.for_name("metric", "isoscor", ["isoscore", "i1"]))
    "unknown metric 'isoscor'; did you mean 'isoscore'? `embedscope list metrics` shows all 2"
    """

    @classmethod
    def for_name(cls, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """Build the error for ``name`` of ``kind`` among the ``known`` names."""
        names = sorted(known)
        return cls(f"unknown {kind} '{name}'; {_near(name, names)}`embedscope list {kind}s` shows all {len(names)}")

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """The same for a few names that `embedscope list` does not show: the message holds them all.

        >>> str(UnknownNameError.among("direction", "query", ["queries", "documents"]))
        "unknown direction 'query'; did you mean 'queries'? take one of queries, documents"
        """
        names = list(known)
        return cls(f"unknown {kind} '{name}'; {_near(name, names)}take one of {', '.join(names)}")


def _near(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'? " if near else ""


class UnknownOptionError(EmbedscopeError, TypeError):
    """A keyword argument is unknown; the message offers the nearest one."""


class MissingExtraError(EmbedscopeError, ImportError):
    """An optional library is not installed; the message is the exact install line."""

    exit_code = 3

    @classmethod
    def for_extra(cls, extra: str, what: str) -> MissingExtraError:
        """Build the error for ``what`` (a feature in words) that needs the ``extra``."""
        return cls(f'{what} needs an optional extra that is not installed: pip install "embedscope[{extra}]"')


class PluginError(EmbedscopeError, ImportError):
    """A plug-in of another package cannot be loaded; the message names it, and the line where its error is."""


class DataUnavailableError(EmbedscopeError):
    """A data set or a model is not on this machine and could not be fetched; the message says where to get it."""

    exit_code = 4


class ChecksumError(EmbedscopeError):
    """A file does not have the bytes that its registry entry promises."""

    exit_code = 5
