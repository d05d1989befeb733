"""One-line ``repr`` of results: what they are and how much they hold, not all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

C = TypeVar("C", bound=type)

LONGEST = 200
"""Characters that a ``repr`` stays below."""

_TEXT, _LIST = 60, 30


def short_repr(cls: C) -> C:
    r"""Give a data class a ``repr`` of one line below 200 characters; fields with their defaults are left out.

    >>> @short_repr
    ... @dataclasses.dataclass
    ... class Found:
    ...     name: str
    ...     rows: tuple[int, ...] = ()
    ...     note: str | None = None
    >>> Found("a\\nb", tuple(range(1000)))
    Found(name='a\\nb', rows=1,000 of int)
    """

    def __repr__(self: Any) -> str:  # noqa: N807
        name = type(self).__name__
        return f"{name}({_join_parts(_fields(self), LONGEST - len(name) - 3)})"

    cls.__repr__ = __repr__  # type: ignore[assignment]
    return cls


def _fields(thing: Any) -> list[str]:
    """``name=value`` of the fields that have another value than by default."""
    said = []
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        default = field.default_factory() if callable(field.default_factory) else field.default
        if field.repr and value is not None and not (type(value) is type(default) and value == default):
            said.append(f"{field.name}={shorten(value)}")
    return said


def _join_parts(parts: list[str], most: int) -> str:
    """As many of ``parts`` as fit, and three dots for the others."""
    text = ", ".join(parts)
    while parts and len(text) > most:
        parts = parts[:-1]
        text = ", ".join([*parts, "..."])
    return text


def shorten(value: Any) -> str:
    """A value in a few characters: numbers with six digits, arrays by their shape, collections by their number.

    >>> import numpy as np
    >>> shorten(0.123456789), shorten(np.zeros((3, 4))), shorten({"a": 1}), shorten("x" * 100)[:8]
    ('0.123457', 'float64 (3, 4)', '{1: a}', "'xxxxxxx")
    """
    if isinstance(value, str):
        text = repr(value if len(value) <= _TEXT else f"{value[: _TEXT - 3]}...")
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        text = f"{value.dtype} {tuple(value.shape)}"
    elif isinstance(value, Mapping):
        names = ", ".join(map(str, value))
        text = f"{{{len(value):,}: {names if len(names) <= _LIST else names[: _LIST - 3] + '...'}}}" if value else "{}"
    elif isinstance(value, list | tuple | set | frozenset) and not _is_plain(value):
        text = f"{len(value):,} of {' and '.join(sorted({type(v).__name__ for v in value})[:2])}"
    elif dataclasses.is_dataclass(value):
        text = type(value).__name__
    else:
        text = repr(value)
    return type(value).__name__ if len(text) > 2 * _TEXT or "\n" in text else text


def _is_plain(value: Collection[Any]) -> bool:
    """Whether a collection is a few numbers or words, which are shown as they are."""
    return all(isinstance(v, str | bool | int | float) for v in value) and len(repr(value)) <= _LIST
