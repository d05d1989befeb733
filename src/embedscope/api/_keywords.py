"""Arguments that are unknown, or of a type that cannot be meant, as errors that say what is right."""

from __future__ import annotations

import difflib
import errno
import functools
import inspect
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any, ParamSpec, TypeVar, get_type_hints

from embedscope.api._types import in_words, is_of, wrong_item
from embedscope.core.errors import InputError, UnknownOptionError
from embedscope.core.progress import end_progress
from embedscope.core.short_repr import shorten

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
    """``function``, with unknown keyword arguments answered by the nearest known one, wrong types by the right ones.

    Its progress ends with it.
    """
    parameters = inspect.signature(function).parameters
    known = list(parameters)
    single = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    several = [name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL]
    declared = get_type_hints(function)

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                renamed = [new for new in _RENAMED.get(name, ()) if new in known]
                near = renamed or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'?" if near else f"its options are {', '.join(known)}"
                raise UnknownOptionError(f"{function.__name__}() has no option '{name}'; {hint}")
        places = chain(single, several and repeat(several[0]))
        named: list[tuple[str, Any]] = [*zip(places, args, strict=False), *kwargs.items()]
        for name, value in named:
            if not is_of(value, declared[name]):
                raise InputError(_wrong_type(function.__name__, name, value, declared[name]))
            if name == "seed" and value < 0:
                raise InputError(f"seed must be 0 or more, got {value}")
        try:
            return function(*args, **kwargs)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise InputError(
                f"{shorten(str(error.filename))} is too long to be the name of a file; pass a path"
            ) from error
        finally:
            end_progress()

    return wrapper


def _wrong_type(function: str, name: str, value: Any, declared: Any) -> str:
    """What was given for ``name`` and what is wanted; of a long list, its first item that is wrong."""
    item = wrong_item(value, declared)
    where = "" if item is None else f", whose item {item[0]} is {shorten(item[1])}"
    got = repr(value) if isinstance(value, float) else shorten(value)
    return f"{function}() takes {name} as {in_words(declared)}, got {got}{where}"
