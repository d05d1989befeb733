"""Word vectors in a table with a vocabulary: looked up by exact string, unknown words never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors ``x`` (n, d) of the words ``vocabulary`` (n,), in the order of their file; a model of kind ``Lookup``.

    Attributes
    ----------
    facts : what identifies the file, as JSON types
    """

    vocabulary: tuple[str, ...]
    x: npt.NDArray[Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spaces(self) -> Mapping[str, str]:
        """The one space."""
        return {"vectors": f"{len(self.vocabulary):,} word vectors as in the file"}

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Row of each word; the first one where a word stands twice."""
        return {word: i for i, word in reversed(list(enumerate(self.vocabulary)))}

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; a word that is not in the file is a row of nan.

        The first words of the file, in their order, are read where they lie, without a copy.
        """
        if space not in self.spaces or pooling is not None:
            raise InputError(f"word vectors have the space 'vectors' and no pooling, got '{space}' and {pooling!r}")
        if self.vocabulary[: len(texts)] == tuple(texts):
            return self.x[: len(texts)]
        index = np.array([self.rows.get(text, -1) for text in texts], dtype=np.intp)
        out = np.full((len(texts), self.x.shape[1]), np.nan, dtype=np.float32)
        out[index >= 0] = self.x[index[index >= 0]]
        return out
