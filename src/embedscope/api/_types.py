"""Whether a value is of the type that a parameter declares, and that type in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from embedscope.core.wording import join_names

_ALSO: dict[Any, tuple[Any, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (float, int, np.floating, np.integer),
    Path: (PathLike,),
}
"""What is taken as a type besides its own values; a truth value is no number."""


def is_of(value: Any, declared: Any) -> bool:
    """Whether ``value`` is of the type ``declared``, a resolved one as of ``typing.get_type_hints``.

    Items are looked at in lists, tuples and mappings alone: what can be read only once is not read here.

    Raises
    ------
    TypeError
        for a type that this does not know.

    >>> is_of(np.int64(3), int | None), is_of(True, int), is_of(["a", 1], Sequence[str])
    (True, False, False)
    """
    origin, args = get_origin(declared), get_args(declared)
    if declared is Any or origin in (UnionType, Union):
        return declared is Any or any(is_of(value, one) for one in args)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin is tuple and Ellipsis not in args:
        return _is_series(value) and len(value) == len(args) and all(map(is_of, value, args))
    if origin in (Sequence, Iterable):
        several = _is_series(value) if origin is Sequence else _is_several(value)
        return several and all(is_of(item, args[0]) for item in _items(value))
    if origin is Mapping:
        return isinstance(value, Mapping) and all(is_of(k, args[0]) and is_of(v, args[1]) for k, v in value.items())
    if origin is None and isinstance(declared, type):
        return isinstance(value, _ALSO.get(declared, declared)) and not (
            isinstance(value, bool) and declared in (int, float)
        )
    raise TypeError(f"values of the type {declared} cannot be checked")


def in_words(declared: Any) -> str:
    """The type as an error names it.

    >>> in_words(str | Sequence[str | int] | None), in_words(Literal["raw", "unit"]), in_words(tuple[Any, Any])
    ('str, Sequence[str or int] or None', "'raw' or 'unit'", 'two sides, (A, B)')
    """
    origin, args = get_origin(declared), get_args(declared)
    if declared is NoneType:
        return "None"
    if origin in (UnionType, Union):
        return join_names(list(_alternatives(declared)), "or")
    if origin is Literal:
        return join_names(list(map(repr, args)), "or")
    if origin is tuple and len(args) == 2:
        return f"two sides, ({'A, B' if args == (Any, Any) else ', '.join(map(in_words, args))})"
    name = getattr(declared, "__name__", str(declared))
    return f"{name}[{', '.join(map(in_words, args))}]" if args else name


def wrong_item(value: Any, declared: Any) -> tuple[int, Any] | None:
    """Place and value of the first item of a list that keeps it from being ``declared``; None where no item does.

    >>> wrong_item(["a", 1.5], str | Sequence[str] | None), wrong_item(3, Sequence[str])
    ((1, 1.5), None)
    """
    types = get_args(declared) if get_origin(declared) in (UnionType, Union) else (declared,)
    items = [get_args(t)[0] for t in types if get_origin(t) in (Sequence, Iterable)]
    if not items:
        return None
    return next(((i, v) for i, v in enumerate(_items(value)) if not any(is_of(v, t) for t in items)), None)


def _alternatives(declared: Any) -> Iterator[str]:
    for one in get_args(declared):
        if get_origin(one) is Literal:
            yield from map(repr, get_args(one))
        else:
            yield in_words(one)


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple | Set) or getattr(value, "ndim", 0) > 0 else ()


def _is_several(value: Any) -> bool:
    return (
        isinstance(value, Iterable)
        and not isinstance(value, str | bytes | Mapping)
        and getattr(value, "ndim", 1) > 0
        and not hasattr(value, "columns")
    )


def _is_series(value: Any) -> bool:
    """Whether items have an order and a number: a list, a tuple, an array, a tensor or a column."""
    return _is_several(value) and hasattr(value, "__len__") and hasattr(value, "__getitem__")
