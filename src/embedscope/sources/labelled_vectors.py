"""Vectors of a file, looked up by the names of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.datasets.tables import read_text
from embedscope.datasets.text import lines
from embedscope.sources.vector_files import read_matrix


class NamedVectors:
    """Rows of one space looked up by name; a text that is not a name of a row gives a row of nan.

    >>> vectors = NamedVectors("vectors", np.eye(2), ["cat", "dog"])
    >>> vectors.matrix(None, "vectors", ["dog", "cow"]).tolist()
    [[0.0, 1.0], [nan, nan]]
    """

    def __init__(self, space: str, x: npt.NDArray[Any], names: Sequence[str]) -> None:
        if len(names) != len(x):
            raise InputError(f"{len(names):,} names for {len(x):,} vectors; wanted one name per row, in the same order")
        self.space = space
        self.names = tuple(names)
        self._x = x
        self._rows = {name: i for i, name in reversed(list(enumerate(names)))}

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) float64 rows aligned with ``texts``."""
        return look_up(self._x, self._rows, texts)


def look_up(x: npt.NDArray[Any], rows: Mapping[str, int], texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Rows of ``x`` (n, d) that belong to ``texts`` by ``rows``, nan for the others: (m, d) float64."""
    out = np.full((len(texts), x.shape[1]), np.nan)
    known = [(i, rows[t]) for i, t in enumerate(texts) if t in rows]
    if known:
        target, row = np.array(known).T
        out[target] = x[row]
    return out


def read_named_vectors(
    source: str, names: str | Path | Sequence[str] | None, note: Callable[[str], None] | None = None
) -> NamedVectors:
    """Vectors of a file with the names of its rows: a list, a text file with one name per line, or its column of texts.

    ``note`` is called with the column that was found.

    Raises
    ------
    InputError
        if there are no names, not as many as rows, or the file cannot be read.
    """
    from embedscope.readers import open_vectors, texts_of

    stream = open_vectors(source)
    if names is None and (texts := texts_of(stream)) is not None:
        if note is not None:
            note(f"{source}: texts from {texts.source}")
        names = texts.values()
    if names is None:
        raise InputError(
            f"{source} has vectors without names; pass a text file with one name per line (--names FILE), or "
            "evaluate a model"
        )
    space, x = read_matrix(stream, source)
    return NamedVectors(space, x, read_names(names))


def read_names(names: str | Path | Sequence[str]) -> Sequence[str]:
    """Names of rows: a list as it is, or the lines of a text file; raises ``InputError`` where it cannot be read."""
    if not isinstance(names, str | Path):
        return names
    return lines(read_text(names, "UTF-8 text, one name per line"))
