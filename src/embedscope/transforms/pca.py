"""Centre and turn the rows onto their principal components."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.affine import Affine, Moments, Spread, check_count, invert, principal, whole

IDS = ("pca",)


class PCA(ClassNamePrefixFeaturesOutMixin, Affine):
    """(x - mean) V_k: the k principal components with the largest variance (pearson1901).

    Parameters
    ----------
    k : components kept, all that have variance where None

    Attributes
    ----------
    mean_ : (d,)
    components_ : (d, k), orthonormal columns

    Raises
    ------
    InputError
        if k exceeds the rank of the centred rows.

    >>> PCA(1).fit_transform([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]).round(9).tolist()
    [[-5.0], [0.0], [5.0]]
    """

    name = "pca"
    usage = "pca or pca:K"
    arrays = ("mean_", "components_")
    mean_: Floats
    components_: Floats

    def __init__(self, k: int | None = None) -> None:
        self.k = k

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``pca`` or ``pca:k``."""
        if len(words) > 1:
            raise InputError(f"'pca:{':'.join(words)}' is not understood; write pca or pca:128")
        return cls(whole(words[0], "pca:128") if words else None)

    @property
    def text(self) -> str:
        """``pca`` or ``pca:k``."""
        return "pca" if self.k is None else f"pca:{self.k}"

    @property
    def n_features_out_(self) -> int:
        """Components kept."""
        return int(self.components_.shape[1])

    def _solve(self, moments: Moments) -> None:
        _, vectors, rank = principal(moments)
        k = max(rank, 1) if self.k is None else check_count(self.k, "pca")
        if k > max(rank, 1):
            raise InputError(
                f"{self.text} wants {k} components, but the {moments.n} centred rows of n_features = "
                f"{len(moments.mean)} have rank {rank}; use pca:{max(rank, 1)} or fewer, or more rows"
            )
        self.mean_ = np.array(moments.mean, dtype=np.float64)
        self.components_ = np.ascontiguousarray(vectors[:, :k])

    def apply(self, x: Floats) -> Floats:
        """The map, unchecked."""
        return (x - self.mean_) @ self.components_

    def inverse_transform(self, X: Any) -> Any:
        """X V_k' + mean: the rows (n, d) nearest to those that gave ``X`` (n, k); equal where k is their rank."""
        return invert(self, X, lambda rows: rows @ self.components_.T + self.mean_)

    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows; turned by all components, they keep their fourth moments."""
        a = self.components_
        quartic = getattr(moments, "quartic", None) if a.shape[0] == a.shape[1] else None
        return Spread(moments.n, (moments.mean - self.mean_) @ a, a.T @ moments.scatter @ a, quartic)


ENTRIES = {"pca": PCA}
