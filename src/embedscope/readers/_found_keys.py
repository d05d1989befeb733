"""Arrays by name in a container: which is meant, and which beside it hold ids and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from embedscope.readers._column_names import ID_NAMES, TEXT_NAMES


def beside(key: str, lengths: Mapping[str, int], n: int) -> tuple[str | None, str | None]:
    """Names of the ids and texts of array ``key``, None where there are none.

    They are the arrays next to it that are called so and have ``n`` values; ``lengths`` are those of all of one
    dimension, by name.

    >>> beside("a/emb", {"a/ids": 3, "a/text": 3, "b/id": 3}, 3)
    ('a/ids', 'a/text')
    """
    folder = PurePosixPath(key).parent
    near = {
        PurePosixPath(name).name.lower(): name
        for name, length in lengths.items()
        if length == n and PurePosixPath(name).parent == folder
    }
    return _first(ID_NAMES, near), _first(TEXT_NAMES, near)


def _first(names: Iterable[str], near: Mapping[str, str]) -> str | None:
    return next((near[name] for name in names if name in near), None)


def as_strings(values: Iterable[object]) -> list[str]:
    """Values as strings; bytes are UTF-8."""
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]
