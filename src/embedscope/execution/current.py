"""The engine of a run: named once by the verb, used by everything below it that reads rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from embedscope.execution import Engine, local_engine, open_engine

_named: ContextVar[Engine | None] = ContextVar("embedscope_engine", default=None)


@contextmanager
def running_on(engine: str) -> Iterator[None]:
    """In the block rows are read, and their statistics taken, by the engine called ``engine``; closed with the block.

    ``local`` leaves the choice to each source, see :func:`embedscope.execution.local_engine`; blocks may be nested, the
    innermost engine counts.

    Raises
    ------
    InputError
        if there is no such engine.

    >>> with running_on("local:2"):
    ...     named_engine()
    Local(workers=2)
    >>> named_engine() is None
    True
    """
    opened = open_engine(engine)
    if opened is None:
        yield
        return
    token = _named.set(opened)
    try:
        yield
    finally:
        _named.reset(token)
        close = getattr(opened, "close", None)
        if close is not None:
            close()


def named_engine() -> Engine | None:
    """The engine that the run was given by name; None where the choice is left to each source."""
    return _named.get()


def engine_for(dims: Iterator[int] | tuple[int, ...], *, in_memory: bool = False) -> Engine:
    """The engine for rows of ``dims`` dimensions; rows that lie in this process' memory are worked on here."""
    from embedscope.execution.local import Local

    named = named_engine()
    if named is None or (in_memory and not isinstance(named, Local)):
        return local_engine(dims)
    return named
