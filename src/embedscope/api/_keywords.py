"""Unknown keyword arguments as errors that suggest the right one."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from embedscope.core.errors import UnknownOptionError
from embedscope.core.progress import end_progress

P = ParamSpec("P")
R = TypeVar("R")


_RENAMED = {
    "kinds": ("modalities", "kind"),
    "on": ("texts",),
    "scored": ("scores",),
    "setting": ("pooling",),
    "settings": ("pooling",),
    "similarity_scores": ("scores",),
    "tries": ("candidates",),
    "try_": ("candidates",),
    "prior": ("positive_rate",),
    "held_out": ("max_eval_rows",),
    "judgements": ("qrels",),
    "documents": ("corpus",),
}
"""Names of version 0.1 and of other libraries, with the options that they are now."""


def public(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, with unknown keyword arguments answered by the nearest known one; its progress ends with it."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                renamed = [new for new in _RENAMED.get(name, ()) if new in known]
                near = renamed or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'?" if near else f"its options are {', '.join(known)}"
                raise UnknownOptionError(f"{function.__name__}() has no option '{name}'; {hint}")
        try:
            return function(*args, **kwargs)
        finally:
            end_progress()

    return checked
