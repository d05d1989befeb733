"""Options that are set although they mean nothing for what was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedscope.core.errors import InputError


def is_set(value: Any) -> bool:
    """Whether an option has a value: not None, False, or an empty text or list.

    >>> [is_set(v) for v in (None, False, (), "", 0, [1])]
    [False, False, False, False, True, True]
    """
    return value is not None and value is not False and not (isinstance(value, str | list | tuple) and not value)


def refuse_unused(why: str, *, spelled: Callable[[str], str] | None = None, **options: Any) -> None:
    """Raise ``InputError`` for the first of ``options`` that is set: it would be ignored, and ``why`` says the reason.

    Options are called as on the command line, or as ``spelled`` gives their names.

    >>> refuse_unused("is for models", layers=None)
    """
    for name, value in options.items():
        if is_set(value):
            called = f"--{name.replace('_', '-')}" if spelled is None else spelled(name)
            raise InputError(f"{called} {why}; leave it out")
