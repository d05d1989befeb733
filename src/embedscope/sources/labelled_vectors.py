"""Vectors of a file, looked up by the names of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import to_numpy
from embedscope.core.errors import InputError


class NamedVectors:
    """Rows of one space looked up by their text; a text that is not there is a row of nan."""

    def __init__(self, space: str, x: npt.NDArray[Any], names: Sequence[str]) -> None:
        if len(names) != len(x):
            raise InputError(f"{len(names)} names for {len(x)} vectors; wanted one name a row, in the same order")
        self.space = space
        self._x = x
        self._rows = {name: i for i, name in reversed(list(enumerate(names)))}

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) float64 rows aligned with ``texts``."""
        return self.of(self._x, self._rows, texts)

    @staticmethod
    def of(x: npt.NDArray[Any], rows: Mapping[str, int], texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Rows of ``x`` (n, d) that ``texts`` have in ``rows``, nan for the others."""
        out = np.full((len(texts), x.shape[1]), np.nan)
        known = [(i, rows[t]) for i, t in enumerate(texts) if t in rows]
        if known:
            to, of = np.array(known).T
            out[to] = x[of]
        return out


def named_vectors(source: str, names: str | Path | Sequence[str] | None) -> NamedVectors:
    """Vectors of a file, to be looked up by the names of its rows."""
    from embedscope.readers import open_vectors

    if names is None:
        raise InputError(
            f"{source} holds vectors without names; pass a text file with one name a row (--names FILE), "
            "or evaluate a model"
        )
    stream = open_vectors(source)
    space = next(iter(stream.dims))
    x = np.concatenate([to_numpy(b.spaces[space]) for shard in stream.shards() for b in shard.batches()])
    if isinstance(names, str | Path):
        try:
            names = Path(names).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read names from {names} ({error}); wanted UTF-8 text, one name a line") from error
    return NamedVectors(space, x, names)
