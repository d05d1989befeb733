"""Inverted softmax: how likely is the query, given the row?"""

from __future__ import annotations

from typing import Self

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.scorers.scorer import Scorer

IDS = ("inverted-softmax",)


class InvertedSoftmax(Scorer):
    """s(q, c) - log(mean over b of exp(beta s(b, c))) / beta, b the queries of the bank (smith2017).

    The logarithm of the published quotient, over beta: the order is the same, and a row that all queries like equally
    keeps a score of 0.

    Parameters
    ----------
    beta : inverse temperature, above 0

    >>> InvertedSoftmax(1.0).fit([[1.0]], [[0.5], [0.5]]).adjust([[0.75]]).tolist()
    [[0.25]]
    """

    name = "inverted-softmax"
    usage = "inverted-softmax or inverted-softmax:BETA"

    def __init__(self, beta: float = 30.0) -> None:
        if not 0 < beta < np.inf:
            raise InputError(f"inverted-softmax needs a beta above 0, got {beta!r}")
        self.beta = beta

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``inverted-softmax``, with beta after it."""
        try:
            return cls(*(float(word) for word in words[:2]))
        except (TypeError, ValueError):
            raise InputError(
                f"'inverted-softmax:{':'.join(words)}' is not understood; write inverted-softmax:30, a number above 0"
            ) from None

    @property
    def text(self) -> str:
        """``inverted-softmax`` with beta."""
        return f"inverted-softmax:{self.beta:g}"

    def _of_bank(self, scores: Floats) -> Floats:
        top = scores.max(axis=1)
        with np.errstate(under="ignore"):
            sums = np.exp(self.beta * (scores - top[:, None])).sum(axis=1)
        return np.asarray(top + np.log(sums / np.isfinite(scores).sum(axis=1)) / self.beta)

    def _adjust(self, scores: Floats) -> Floats:
        return scores - self.corpus_


ENTRIES = {"inverted-softmax": InvertedSoftmax}
