"""What all alignments have in common: fitted from pairs or from their moments, a map for each side."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian, CrossMoments
from embedscope.transforms.affine import DTYPES, keeping_dtypes
from embedscope.transforms.align.sides import Side, unit


class Aligner(TransformerMixin, BaseEstimator):
    """Base of the alignments; a subclass states how it is solved from cross moments.

    Attributes
    ----------
    left_, right_ : the map of each side
    n_pairs_ : pairs it was fitted on
    notes_ : what a reader must know of this fit, as sentences
    """

    name: ClassVar[str]
    usage: ClassVar[str]
    needs_rows: ClassVar[bool] = False
    min_pairs: ClassVar[int] = 2

    renormalise: bool
    left_: Side
    right_: Side
    n_pairs_: int
    notes_: tuple[str, ...]
    n_features_in_: int

    @classmethod
    @abstractmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """The alignment that the ``words`` after its name describe (``cca:256`` has one)."""

    @property
    @abstractmethod
    def text(self) -> str:
        """How a text writes it."""

    @property
    def n_features_out_(self) -> int:
        """Dimensions of the vectors that come out of the left side."""
        return self.left_.width_out

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers that the fit found (rank, cutoff, scale), for records and headers."""
        facts = {k.rstrip("_"): v for k, v in vars(self).items() if k.endswith("_") and not k.startswith("n_")}
        return {k: v for k, v in facts.items() if isinstance(v, int | float | str)}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit on the pairs of rows of ``X`` (n, dx), left, and ``y`` (n, dy), right."""
        x, right = self._pairs(X, y)
        if self.needs_rows:
            return self._start(len(x), x.shape[1])._finish(*self._solve_rows(x, right))
        return self.fit_cross(CrossMoments().update(x, right).result())

    def fit_cross(self, cross: CrossGaussian) -> Self:
        """Fit from the cross moments of pairs, the same as ``fit`` on these pairs."""
        if self.needs_rows:
            raise InputError(f"{self.text} is trained on rows, moments do not suffice; call fit(X, Y)")
        self._start(cross.n, cross.widths[0])
        return self._finish(*self._solve(cross))

    def transform(self, X: Any) -> Any:
        """Map the rows of the left side.

        Parameters
        ----------
        X : (n, dx) array

        Returns
        -------
        (n, n_features_out_) array; float32 for float32 rows, else float64
        """
        check_is_fitted(self)
        return self._out(self.left_, validate_data(self, X, dtype=DTYPES, reset=False))

    def transform_right(self, Y: Any) -> Any:
        """Map the rows of the right side.

        Parameters
        ----------
        Y : (n, dy) array

        Returns
        -------
        (n, k) array; float32 for float32 rows, else float64

        Raises
        ------
        InputError
            if the rows have other dimensions than the right side of the fit.
        """
        check_is_fitted(self)
        y = check_array(Y, dtype=DTYPES)
        if y.shape[1] != self.right_.width:
            raise InputError(
                f"{self.text} was fitted with a right side of {self.right_.width} dimensions, got {y.shape[1]}; "
                "pass vectors of the model it was fitted on"
            )
        return self._out(self.right_, y)

    def score(self, X: Any, y: Any) -> float:
        """Mean of recall@1 in both directions among the pairs of rows of ``X`` (n, dx) and ``y`` (n, dy), by cosine.

        0 to 1, higher is better; of k equally good answers each counts 1 / k. Chance is 1 / n, so compare scores of
        equally many pairs only.

        Raises
        ------
        InputError
            if the two sides come out with different dimensions, so that they have no cosines.

        >>> from embedscope.transforms.align import CenterSides
        >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
        >>> CenterSides().fit(x, x + 5).score(x, x + 5)
        1.0
        """
        right = np.asarray(y)
        a, b = unit(self.transform(X)), unit(self.transform_right(right[:, None] if right.ndim == 1 else right))
        if a.shape != b.shape:
            raise InputError(f"{self.text} gives sides of shapes {a.shape} and {b.shape}; a score needs equal ones")
        cosines = np.round(a.astype(np.float64) @ b.astype(np.float64).T, 12)
        own = np.diag(cosines)
        there = (own >= cosines.max(axis=1)) / (cosines == own[:, None]).sum(axis=1)
        back = (own >= cosines.max(axis=0)) / (cosines == own).sum(axis=0)
        return float((there.mean() + back.mean()) / 2)

    def _out(self, side: Side, rows: Any) -> Any:
        mapped = side.apply(rows.astype(np.float64, copy=False))
        return (unit(mapped) if self.renormalise else mapped).astype(rows.dtype, copy=False)

    def _start(self, n: int, width: int) -> Self:
        if n < self.min_pairs:
            raise InputError(f"{self.text} needs at least {self.min_pairs} pairs, got {n}; pass more pairs")
        self.n_pairs_, self.n_features_in_, self.notes_ = n, width, ()
        return self

    def _finish(self, left: Side, right: Side) -> Self:
        self.left_, self.right_ = left, right
        return self

    def _note(self, sentence: str) -> None:
        self.notes_ = (*self.notes_, sentence)

    def _pairs(self, X: Any, y: Any) -> tuple[Any, Any]:
        x, right = validate_data(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=self.min_pairs,
        )
        return x, right[:, None] if right.ndim == 1 else right

    @abstractmethod
    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        """The maps of both sides from moments."""

    def _solve_rows(self, x: Any, y: Any) -> tuple[Side, Side]:
        """The maps of both sides from rows, where moments do not suffice."""
        return self._solve(CrossMoments().update(x, y).result())

    def __sklearn_tags__(self) -> Tags:
        """Two sides are needed."""
        tags = keeping_dtypes(super().__sklearn_tags__())
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def no_words(name: str, words: tuple[str, ...]) -> None:
    """Raise ``InputError`` where ``words`` follow a ``name`` that takes none."""
    if words:
        raise InputError(f"{name} takes no number, got '{name}:{':'.join(words)}'; write {name}")
