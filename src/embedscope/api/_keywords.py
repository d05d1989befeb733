"""Unknown keyword arguments as errors that suggest the right one."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from embedscope.core.errors import UnknownOptionError

P = ParamSpec("P")
R = TypeVar("R")


def public(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, with unknown keyword arguments answered by the nearest known one."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'? " if near else ""
                raise UnknownOptionError(
                    f"{function.__name__}() has no option '{name}'; {hint}its options are {', '.join(known)}"
                )
        return function(*args, **kwargs)

    return checked
