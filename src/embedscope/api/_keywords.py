"""Arguments that are unknown, or of a type that cannot be meant, as errors that say what is right."""

from __future__ import annotations

import difflib
import errno
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any, Literal, ParamSpec, TypeVar, get_origin

import numpy as np

from embedscope.core.errors import InputError, UnknownOptionError
from embedscope.core.progress import end_progress
from embedscope.core.short_repr import shown

_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool, np.bool_),
    "int": (int, np.integer),
    "float": (float, int, np.floating, np.integer),
    "Path": (PathLike,),
    "None": (type(None),),
    "Literal": (str,),
    "Sequence": (Iterable,),
    "tuple": (Iterable,),
    "Mapping": (Mapping,),
}
"""Types that an annotation may name, and what is taken as such."""

_TWO = ("pair", "pair_ids")
"""Options of two sides."""

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


def _types(annotation: str, names: Mapping[str, Any]) -> tuple[type, ...]:
    """The types of ``str | None`` and the like; empty where an annotation names any other.

    >>> _types("Sequence[str | int] | None", {}), _types("str | Array", {})
    ((<class 'collections.abc.Iterable'>, <class 'NoneType'>), ())
    """
    while (shorter := re.sub(r"\[[^][]*\]", "", annotation)) != annotation:
        annotation = shorter
    parts = [part.strip() for part in annotation.split("|")]
    parts = ["Literal" if get_origin(names.get(part)) is Literal else part for part in parts]
    return tuple(t for part in parts for t in _PLAIN[part]) if all(part in _PLAIN for part in parts) else ()


def public(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, with unknown keyword arguments answered by the nearest known one, wrong types by the right ones.

    Its progress ends with it.
    """
    signature = inspect.signature(function)
    known = list(signature.parameters)
    names = getattr(function, "__globals__", {})
    taken = {name: types for name, p in signature.parameters.items() if (types := _types(str(p.annotation), names))}

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                renamed = [new for new in _RENAMED.get(name, ()) if new in known]
                near = renamed or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'?" if near else f"its options are {', '.join(known)}"
                raise UnknownOptionError(f"{function.__name__}() has no option '{name}'; {hint}")
        named: list[tuple[str, Any]] = [*zip(known, args, strict=False), *kwargs.items()]
        for name, value in named:
            if name in taken and not isinstance(value, taken[name]):
                wanted = str(signature.parameters[name].annotation).replace(" | ", " or ")
                raise InputError(f"{function.__name__}() takes {name} as {wanted}, got {shown(value)}")
            if name in _TWO and value is not None and (isinstance(value, Mapping) or len(value) != 2):
                raise InputError(f"{function.__name__}() takes {name} as two sides, (A, B), got {shown(value)}")
            if name == "seed" and value < 0:
                raise InputError(f"seed must be 0 or more, got {value}")
        try:
            return function(*args, **kwargs)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise InputError(
                f"{shown(str(error.filename))} is too long to be the name of a file; pass a path"
            ) from error
        finally:
            end_progress()

    return checked
