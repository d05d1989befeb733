"""Subtract the mean."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import validate_data

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.affine import Affine, Moments, Spread, invert

IDS = ("center",)


class Center(OneToOneFeatureMixin, Affine):
    """x - mean: moves the rows so that their mean is zero.

    Attributes
    ----------
    mean_ : (d,) mean of the rows it was fitted on

    >>> Center().fit_transform([[1.0, 2.0], [3.0, 6.0]]).tolist()
    [[-1.0, -2.0], [1.0, 2.0]]
    """

    name = "center"
    usage = "center"
    arrays = ("mean_",)
    min_rows = 1
    mean_: Floats

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``center`` takes nothing."""
        if words:
            raise InputError(f"center takes no number, got 'center:{':'.join(words)}'; write center")
        return cls()

    @property
    def text(self) -> str:
        """``center``."""
        return "center"

    def fit(self, X: Any, y: object = None) -> Self:
        """Fit on the rows of ``X`` (n, d), in O(nd); ``y`` is ignored."""
        self.mean_ = np.asarray(validate_data(self, X, dtype=np.float64).mean(axis=0))
        return self

    def _solve(self, moments: Moments) -> None:
        self.mean_ = np.array(moments.mean, dtype=np.float64)

    def apply(self, x: Floats) -> Floats:
        """X - mean, unchecked."""
        return x - self.mean_

    def inverse_transform(self, X: Any) -> Any:
        """X + mean: the rows that ``transform`` maps to ``X`` (n, d)."""
        return invert(self, X, lambda rows: rows + self.mean_)

    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows."""
        quartic = getattr(moments, "quartic", None)
        return Spread(moments.n, moments.mean - self.mean_, np.asarray(moments.scatter), quartic)


ENTRIES = {"center": Center}
