"""Remove the mean and the top principal components ("all but the top")."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.affine import Affine, Moments, Spread, check_count, principal, whole

IDS = ("abtt",)

_TIE = 1e-9


class RemoveTopComponents(OneToOneFeatureMixin, Affine):
    """x - mean - sum_{i<=k} <x - mean, v_i> v_i with v_i the top principal components (mu2018).

    Parameters
    ----------
    k : components to remove; the paper suggests about d / 100

    Attributes
    ----------
    mean_ : (d,)
    components_ : (k, d), orthonormal rows

    Raises
    ------
    InputError
        if k exceeds the rank of the centred rows, or components k and k + 1 cannot be distinguished.

    >>> x = [[0.0, 1.0], [4.0, -1.0], [8.0, 1.0], [12.0, -1.0]]
    >>> RemoveTopComponents(1).fit_transform(x).shape
    (4, 2)
    """

    name = "abtt"
    usage = "abtt:K"
    arrays = ("mean_", "components_")
    mean_: Floats
    components_: Floats

    def __init__(self, k: int = 1) -> None:
        self.k = k

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``abtt:k``."""
        if len(words) != 1:
            raise InputError("abtt needs the number of components to remove, as in abtt:1")
        return cls(whole(words[0], "abtt:1"))

    @property
    def text(self) -> str:
        """``abtt:k``."""
        return f"abtt:{self.k}"

    def _solve(self, moments: Moments) -> None:
        k = check_count(self.k, "abtt")
        values, vectors, rank = principal(moments)
        if rank == 0:
            raise InputError(
                f"abtt:{k} has nothing to remove: the {moments.n} rows are all equal; leave this space out"
            )
        if k > rank:
            raise InputError(
                f"abtt:{k} would remove {k} components, but the {moments.n} centred rows of n_features = "
                f"{self.n_features_in_} have rank {rank}; use abtt:{max(rank - 1, 1)} or fewer, or more rows"
            )
        if k < len(values) and values[k - 1] - values[k] < _TIE * values[0]:
            raise InputError(
                f"abtt:{k} is undetermined: components {k} and {k + 1} have equal variance, as all have after whiten; "
                "put abtt before whiten, or choose another k"
            )
        self.mean_ = np.array(moments.mean, dtype=np.float64)
        self.components_ = np.ascontiguousarray(vectors[:, :k].T)

    def apply(self, x: Floats) -> Floats:
        """The map, unchecked."""
        centred = x - self.mean_
        centred -= (centred @ self.components_.T) @ self.components_
        return centred

    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows."""
        keep = np.eye(self.n_features_in_) - self.components_.T @ self.components_
        return Spread(moments.n, (moments.mean - self.mean_) @ keep, keep @ moments.scatter @ keep)


ENTRIES = {"abtt": RemoveTopComponents}
