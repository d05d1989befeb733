"""What all transforms have in common: an affine map x -> (x - mean) A, known from a mean and a scatter matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.stats.spectra import single_thread_eigh

DTYPES = [np.float64, np.float32]
"""Types of rows that are kept; rows of other types become the first."""


def keeping_dtypes(tags: Tags) -> Tags:
    """``tags`` that say which types of rows ``transform`` keeps."""
    assert tags.transformer_tags is not None
    tags.transformer_tags.preserves_dtype = ["float64", "float32"]
    return tags


def invert(estimator: Any, X: Any, inverse: Callable[[Floats], Floats]) -> Any:
    """``inverse`` of the rows ``X`` (n, n_features_out_) of a fitted ``estimator``, checked, their type kept."""
    check_is_fitted(estimator)
    rows = check_array(X, dtype=DTYPES)
    if rows.shape[1] != estimator.n_features_out_:
        raise InputError(
            f"rows to map back have {rows.shape[1]} dimensions, {estimator.text} gives {estimator.n_features_out_}; "
            "pass rows that its transform returned"
        )
    return inverse(rows.astype(np.float64, copy=False)).astype(rows.dtype, copy=False)


class Moments(Protocol):
    """What a transform is fitted from: ``stats.moments.Gaussian``, or any object with these fields."""

    @property
    def n(self) -> int:
        """Number of rows."""

    @property
    def mean(self) -> Floats:
        """Mean of the rows (d,)."""

    @property
    def scatter(self) -> Floats:
        """Sum of (x - mean)'(x - mean) over the rows (d, d)."""


@dataclass(frozen=True)
class Spread:
    """Moments of rows, or of their image under a transform; ``quartic`` is the sum of |x - mean|^4 where known."""

    n: int
    mean: Floats
    scatter: Floats
    quartic: float | None = None

    @classmethod
    def of(cls, x: Floats) -> Spread:
        """Moments of the rows of ``x`` (n, d)."""
        mean = x.mean(axis=0)
        centred = x - mean
        squares = np.einsum("ij,ij->i", centred, centred)
        return cls(len(x), mean, centred.T @ centred, float(squares @ squares))


class Affine(TransformerMixin, BaseEstimator):
    """Base of the transforms; a subclass states how it is solved from moments and how it is applied."""

    name: ClassVar[str]
    usage: ClassVar[str]
    arrays: ClassVar[tuple[str, ...]]
    min_rows: ClassVar[int] = 2

    n_features_in_: int

    @classmethod
    @abstractmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """The transform that the ``words`` after its name in a chain describe (``abtt:1`` has one)."""

    @property
    @abstractmethod
    def text(self) -> str:
        """How a chain writes it."""

    @property
    def n_features_out_(self) -> int:
        """Width of the vectors that come out."""
        return self.n_features_in_

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def fit(self, X: Any, y: object = None) -> Self:
        """Fit on the rows of ``X`` (n, d); ``y`` is ignored."""
        x = validate_data(self, X, dtype=np.float64, ensure_min_samples=self.min_rows)
        return self.fit_moments(Spread.of(x))

    def fit_moments(self, moments: Moments) -> Self:
        """Fit from the number, mean and scatter of rows, the same as ``fit`` on these rows."""
        if moments.n < self.min_rows:
            raise InputError(f"{self.text} needs at least {self.min_rows} rows, got {moments.n}; pass more rows")
        self.n_features_in_ = len(moments.mean)
        self._solve(moments)
        return self

    def transform(self, X: Any) -> Any:
        """Map the rows of ``X``.

        Parameters
        ----------
        X : (n, d) array

        Returns
        -------
        (n, n_features_out_) array; float32 for float32 rows, else float64. Sums are float64 in either case
        """
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=DTYPES, reset=False)
        return self.apply(rows.astype(np.float64, copy=False)).astype(rows.dtype, copy=False)

    def __sklearn_tags__(self) -> Tags:
        """The type of the rows is kept."""
        return keeping_dtypes(super().__sklearn_tags__())

    def save(self, path: str | Path) -> None:
        """Write the fitted transform as a chain of one: safetensors with a JSON header."""
        from embedscope.transforms.storage import save_chain

        check_is_fitted(self)
        save_chain([self], self.n_features_in_, path)

    @abstractmethod
    def _solve(self, moments: Moments) -> None:
        """Set the fitted arrays."""

    @abstractmethod
    def apply(self, x: Floats) -> Floats:
        """``transform`` without its checks, for rows (n, d) known to be finite float64."""

    @abstractmethod
    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows, in closed form."""


def principal(moments: Moments) -> tuple[Floats, Floats, int]:
    """Eigenvalues (d,) of the scatter, falling; its eigenvectors (d, d) in columns; its numerical rank.

    A column's largest coordinate by absolute value is positive; eigenvalues up to d eps l_1 count as zero.
    """
    scatter = np.asarray(moments.scatter, dtype=np.float64)
    values, vectors = single_thread_eigh(scatter)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))])
    rank = int((values > values[0] * len(values) * np.finfo(np.float64).eps).sum())
    return values, np.ascontiguousarray(vectors * signs), rank


def whole(word: str, example: str) -> int:
    """The positive whole number that ``word`` of a chain is, else ``InputError`` with an ``example``."""
    if not word.isdecimal() or int(word) < 1:
        raise InputError(f"'{example.partition(':')[0]}:{word}' needs a whole number above 0, as in {example}")
    return int(word)


def check_count(k: object, what: str) -> int:
    """``k`` as an int above 0, else ``InputError``."""
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise InputError(f"{what} needs k, a whole number above 0, got {k!r}")
    return int(k)
