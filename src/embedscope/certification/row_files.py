"""Files of row numbers: pairs, and pairs with a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.short_repr import shorten
from embedscope.sources.retrieval_data import read_lines


def read_rows(source: Any, width: int, sizes: tuple[int, int] | None, what: str) -> Floats:
    """The numbers (p, width) of a file with one line per pair, by tabs, commas or spaces, or of an array.

    The first two are row numbers from 0; ``sizes`` bounds them.

    Raises
    ------
    InputError
        if a line has another form, or a row number is out of range.

    >>> read_rows([[0, 1, 4.5]], 3, None, "scored pairs").tolist()
    [[0.0, 1.0, 4.5]]
    """
    named = isinstance(source, str | Path)
    rows = _parse(source, width, what) if named else _numbers(source, width, what)
    if rows.ndim != 2 or rows.shape[1] != width or not len(rows):
        raise InputError(f"{what} must have shape (p, {width}), got {rows.shape}; one line per pair")
    numbers = rows[:, :2]
    if not np.isfinite(rows).all() or (numbers < 0).any() or (numbers != np.floor(numbers)).any():
        raise InputError(f"{what} must start with two row numbers, whole and from 0, and hold finite numbers")
    for column, size in enumerate(sizes or ()):
        if numbers[:, column].max() >= size:
            raise InputError(
                f"{what} name row {int(numbers[:, column].max())} of a side of {size} rows; number rows from 0"
            )
    return rows


def _numbers(source: Any, width: int, what: str) -> Floats:
    try:
        return np.asarray(source, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be (p, {width}) numbers, one row per pair, got {shorten(source)}") from error


def _parse(path: str | Path, width: int, what: str) -> Floats:
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            if number == 1:
                continue
            raise InputError(f"{path}, line {number}: '{line}' holds no numbers; wanted {width} per line") from error
        if len(words) != width:
            raise InputError(f"{path}, line {number}: {len(words)} numbers, wanted {width} of {what}")
    if not rows:
        raise InputError(f"{path} holds no {what}; wanted {width} numbers per line")
    return np.array(rows, dtype=np.float64)
