"""Which of several arrays in a file is meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from embedscope.core.errors import InputError, UnknownNameError

_SHOWN = 12
ALL = "*"


class EmptyFileError(InputError):
    """A file has no rows; among many files it is passed over."""


class NoVectorsError(InputError):
    """A table has no column of vectors; it may be one of texts."""


def select_keys(path: str, kind: str, key: str | None, present: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """The names meant by ``key``: one, several separated by commas, ``*`` for all; where None, the only one.

    ``others`` are what else the file holds, for the message where none is there.

    Raises
    ------
    InputError, UnknownNameError
        if there is none, several are present and none is named, or one is not there; the message lists them.
    """
    if not present:
        there = f" (two dimensions of real numbers); it holds {join_first(others)}" if others else ""
        raise InputError(f"{path} holds no {kind} of vectors{there}; pass a file that does")
    if key is None:
        if len(present) == 1:
            return [present[0]]
        raise InputError(
            f"{path} holds {len(present)} {kind}s: {join_first(present)}; say which: {path}::{present[0]}, "
            f"or {path}::{ALL} for all at once"
        )
    if key in present:
        return [key]
    names = list(present) if key == ALL else [name.strip() for name in key.split(",")]
    if len(set(names)) < len(names):
        raise InputError(f"{path}::{key} names a {kind} twice; name each once")
    return [check_key(path, kind, name, present) for name in names]


def check_key(path: str, kind: str, key: str, present: Sequence[str]) -> str:
    """``key``, which must be one of ``present``; the error offers the nearest and lists them."""
    if key in present:
        return key
    near = difflib.get_close_matches(key, present, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownNameError(f"{path} has no {kind} '{key}'; {hint}it holds {join_first(present) or 'none'}")


def join_first(present: Sequence[str]) -> str:
    """Names separated by commas, at most twelve, with the count of the others."""
    more = f" and {len(present) - _SHOWN} more" if len(present) > _SHOWN else ""
    return ", ".join(present[:_SHOWN]) + more
