"""Centre, and set the coordinates that outweigh all others to zero."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.affine import Affine, Moments, Spread, check_count, whole

IDS = ("drop",)


class DropCoordinates(OneToOneFeatureMixin, Affine):
    """x - mean, the k coordinates of the largest mean square set to 0: "rogue" ones decide every cosine (timkey2021).

    Parameters
    ----------
    k : coordinates to drop

    Attributes
    ----------
    mean_ : (d,)
    kept_ : (d,) 1 for coordinates that stay, 0 for those that are dropped

    Raises
    ------
    InputError
        if no coordinate would be left.

    >>> DropCoordinates(1).fit_transform([[9.0, 1.0], [8.0, 2.0]])[:, 1].tolist()
    [-0.5, 0.5]
    """

    name = "drop"
    usage = "drop:K"
    arrays = ("mean_", "kept_")
    min_rows = 1
    mean_: Floats
    kept_: Floats

    def __init__(self, k: int = 1) -> None:
        self.k = k

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``drop:k``."""
        if len(words) != 1:
            raise InputError("drop needs the number of coordinates to set to 0, as in drop:1")
        return cls(whole(words[0], "drop:1"))

    @property
    def text(self) -> str:
        """``drop:k``."""
        return f"drop:{self.k}"

    def _solve(self, moments: Moments) -> None:
        k, d = check_count(self.k, "drop"), len(moments.mean)
        if k >= d:
            raise InputError(f"drop:{k} would leave none of n_features = {d} coordinates; drop fewer")
        square = np.diag(np.asarray(moments.scatter)) / moments.n + np.asarray(moments.mean) ** 2
        self.mean_ = np.array(moments.mean, dtype=np.float64)
        self.kept_ = np.ones(d)
        self.kept_[np.argsort(-square, kind="stable")[:k]] = 0.0

    def apply(self, x: Floats) -> Floats:
        """The map, unchecked."""
        return (x - self.mean_) * self.kept_

    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows."""
        kept = self.kept_
        return Spread(moments.n, (moments.mean - self.mean_) * kept, moments.scatter * np.outer(kept, kept))


ENTRIES = {"drop": DropCoordinates}
