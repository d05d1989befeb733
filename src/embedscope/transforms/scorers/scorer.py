"""What scorers have in common: one number per row of the corpus, from the queries of a bank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from embedscope.core.arrays import Floats, as_matrix, to_float64, to_numpy
from embedscope.core.errors import InputError

_CELLS = 2**22


class Scorer(ABC):
    """Adjusts scores (m, n) of m queries and all n rows of a corpus.

    Attributes
    ----------
    transductive : whether the bank holds other test queries; such scores are never chosen by default
    corpus_ : (n,) what each row of the corpus was given from the bank
    """

    name: ClassVar[str]
    usage: ClassVar[str]

    transductive: bool = False
    corpus_: Floats

    @classmethod
    @abstractmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """The scorer that the ``words`` after its name describe."""

    @property
    @abstractmethod
    def text(self) -> str:
        """How a text writes it."""

    def fit(self, corpus: Any, bank: Any = None, *, transductive: bool = False) -> Self:
        """Estimate the number of each row of ``corpus`` (n, d) from the queries of ``bank`` (p, d).

        Rows are used as given, so unit rows make scores cosines. Without a bank the other rows of the corpus take its
        place. Say ``transductive=True`` where the bank holds the queries that are to be answered.
        """
        rows = np.asarray(to_numpy(to_float64(as_matrix(corpus, "corpus"))))
        others = rows if bank is None else np.asarray(to_numpy(to_float64(as_matrix(bank, "bank"))))
        if rows.shape[1] != others.shape[1]:
            raise InputError(
                f"corpus and bank must have equal dimensions, got {rows.shape[1]} and {others.shape[1]}; encode both "
                "with one model, or align them first"
            )
        self._check(len(others) - (bank is None), "rows of the bank")
        biases = []
        step = max(1, _CELLS // len(others))
        for start in range(0, len(rows), step):
            scores = rows[start : start + step] @ others.T
            if bank is None:
                here = np.arange(len(scores))
                scores[here, start + here] = -np.inf
            biases.append(self._of_bank(scores))
        self.corpus_ = np.concatenate(biases)
        self.transductive = transductive
        return self

    def adjust(self, scores: Any) -> Floats:
        """Adjusted scores (m, n) of ``scores`` (m, n): m queries against all rows of the corpus, in its order."""
        block = np.asarray(to_numpy(to_float64(as_matrix(scores, "scores"))))
        if not hasattr(self, "corpus_"):
            raise InputError(f"{self.text} is not fitted; call fit(corpus, bank) first")
        if block.shape[1] != len(self.corpus_):
            raise InputError(
                f"{self.text} was fitted on a corpus of {len(self.corpus_)} rows, got scores of {block.shape[1]}; "
                "pass the scores of a query with every row of the corpus"
            )
        return self._adjust(block)

    def _check(self, size: int, what: str) -> None:
        """Raise ``InputError`` where ``size`` rows are too few."""
        if size < 1:
            raise InputError(f"{self.text} needs at least 1 row, got {size} {what}")

    @abstractmethod
    def _of_bank(self, scores: Floats) -> Floats:
        """The number of each of b rows of the corpus from its ``scores`` (b, p) with the bank."""

    @abstractmethod
    def _adjust(self, scores: Floats) -> Floats:
        """Adjusted scores (m, n)."""


def largest(scores: Floats, k: int) -> Floats:
    """The k largest (b, k) of each row of ``scores`` (b, p), in no order but the first, which is the least of them."""
    p = scores.shape[1]
    return np.partition(scores, p - k, axis=1)[:, p - k :]


class Near(Scorer):
    """A scorer that looks at the k nearest.

    Parameters
    ----------
    k : neighbours
    """

    default: ClassVar[int]

    def __init__(self, k: int | None = None) -> None:
        self.k = self.default if k is None else k
        if not isinstance(self.k, int | np.integer) or isinstance(self.k, bool) or self.k < 1:
            raise InputError(f"{self.name} needs k, a whole number above 0, got {k!r}")

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """The name, with k after it."""
        if len(words) > 1 or not all(word.isdecimal() and int(word) for word in words):
            raise InputError(f"'{cls.name}:{':'.join(words)}' is not understood; write {cls.usage}")
        return cls(*(int(word) for word in words))

    @property
    def text(self) -> str:
        """The name, with k."""
        return f"{self.name}:{self.k}"

    def _check(self, size: int, what: str) -> None:
        if size < self.k:
            raise InputError(f"{self.text} needs {self.k} neighbours, got {size} {what}; lower k or pass more rows")

    def adjust(self, scores: Any) -> Floats:
        """Adjusted scores (m, n) of ``scores`` (m, n): m queries against all rows of the corpus, in its order."""
        if hasattr(self, "corpus_"):
            self._check(len(self.corpus_), "rows of the corpus")
        return super().adjust(scores)
