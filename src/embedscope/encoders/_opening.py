"""The boundary of what reads files, where a model is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from embedscope.core.boundary import sentences

P = ParamSpec("P")
R = TypeVar("R")


def opening(uri: str) -> AbstractContextManager[None]:
    """Errors of other libraries as an ``InputError`` of one sentence about the model ``uri``."""
    return sentences(f"the model {uri}", "get or save it again", "opened")


def opens(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose first argument names the model that it opens, with :func:`opening` around it."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        uri: Any = args[0] if args else kwargs.get("uri")
        with opening(str(uri)):
            return function(*args, **kwargs)

    return inner
