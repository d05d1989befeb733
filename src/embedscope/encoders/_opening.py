"""The boundary of the models: whatever a library raises where a model is opened, outside come only typed errors."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from embedscope.core.boundary import reason, shown
from embedscope.core.errors import EmbedscopeError, InputError, is_failure

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def opening(uri: str) -> Generator[None, None, None]:
    """Turn every error that is not ours, but for a lack of memory, into an ``InputError`` about the model ``uri``."""
    try:
        yield
    except (EmbedscopeError, MemoryError):
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise InputError(
            f"the model {shown(uri)} could not be opened ({reason(error)}); get or save it again"
        ) from error


def opens(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose first argument names the model that it opens, with :func:`opening` around it."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        uri: Any = args[0] if args else kwargs.get("uri")
        with opening(str(uri)):
            return function(*args, **kwargs)

    return inner
