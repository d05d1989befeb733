"""Every coordinate at the same scale: subtract its mean, divide by its standard deviation."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.affine import Affine, Moments, Spread

IDS = ("standardize",)

_FLAT = 1e-12


class Standardize(OneToOneFeatureMixin, Affine):
    """(x - mean) / s, coordinate by coordinate, s with n: no coordinate outweighs the others (timkey2021).

    Coordinates without variance become 0.

    Attributes
    ----------
    mean_ : (d,)
    scale_ : (d,) 1 / s, 0 for coordinates without variance

    >>> Standardize().fit_transform([[1.0, 5.0], [3.0, 5.0]]).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    name = "standardize"
    usage = "standardize"
    arrays = ("mean_", "scale_")
    mean_: Floats
    scale_: Floats

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``standardize`` takes nothing."""
        if words:
            raise InputError(f"standardize takes no number, got 'standardize:{':'.join(words)}'; write standardize")
        return cls()

    @property
    def text(self) -> str:
        """``standardize``."""
        return "standardize"

    def _solve(self, moments: Moments) -> None:
        variance = np.maximum(np.diag(np.asarray(moments.scatter)) / moments.n, 0.0)
        self.mean_ = np.array(moments.mean, dtype=np.float64)
        known = variance > _FLAT * variance.max(initial=0.0)
        self.scale_ = np.divide(1.0, np.sqrt(variance), out=np.zeros_like(variance), where=known)

    def apply(self, x: Floats) -> Floats:
        """The map, unchecked."""
        return (x - self.mean_) * self.scale_

    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows."""
        s = self.scale_
        return Spread(moments.n, (moments.mean - self.mean_) * s, moments.scatter * np.outer(s, s))


ENTRIES = {"standardize": Standardize}
