"""The boundary of what reads files and models: whatever a library raises inside, outside come only typed errors."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from embedscope.core.errors import EmbedscopeError, InputError, PluginError, is_failure
from embedscope.core.printable import printable

_REASON = 160

T = TypeVar("T")


@contextmanager
def sentences(
    what: str, advice: str = "get or write the file again", done: str = "read"
) -> Generator[None, None, None]:
    """Turn every error that is not ours into an ``InputError`` of one sentence: ``what`` could not be ``done``.

    ``KeyboardInterrupt`` and the like pass; so do typed errors.
    """
    try:
        yield
    except EmbedscopeError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{shorten_name(what)} needs more memory than there is: it is too large for this machine, or its sizes are "
            f"damaged; {advice}"
        ) from error
    except BaseException as error:
        if not is_failure(error):
            raise
        if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
            raise PluginError(
                f"{shorten_name(what)} could not be {done}, since the code that does it has an error: "
                f"{place_of_error(error)} ({reason(error)}); correct it there"
            ) from error
        raise InputError(f"{shorten_name(what)} could not be {done} ({reason(error)}); {advice}") from error


def reason(error: BaseException) -> str:
    """What an error of another library says, on one line, without where in its source it was raised."""
    text = printable(str(error))
    text = " ".join(text.split())
    text = re.sub(r"^Error in .*? at \S+:\d+: ", "", text)
    text = text or type(error).__name__
    return text if len(text) <= _REASON else f"{text[:_REASON]} ..."


def place_of_error(error: BaseException) -> str:
    """The file and the line where ``error`` was raised, or which is no Python.

    >>> place_of_error(SyntaxError("invalid syntax", ("plugin.py", 3, 1, "def")))
    'plugin.py, line 3'
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shorten_name(error.filename)}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{shorten_name(frames[-1].filename)}, line {frames[-1].lineno}" if frames else "an unknown place"


def shorten_name(name: str) -> str:
    """A name short enough for a sentence."""
    name = printable(name)
    return name if len(name) <= 120 else f"{name[:40]} ... {name[-70:]}"


def guard_batches(batches: Callable[[Any], Iterator[T]]) -> Callable[[Any], Iterator[T]]:
    """A shard's ``batches`` whose errors are sentences about the ``label`` of the shard."""

    @wraps(batches)
    def inner(shard: Any) -> Iterator[T]:
        with sentences(shard.label):
            yield from batches(shard)

    return inner
