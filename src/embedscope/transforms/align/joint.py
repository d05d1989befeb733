"""One basis for both sides: PCA, whitening and removal of top components, fitted on both together."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np

from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian
from embedscope.transforms.abtt import RemoveTopComponents
from embedscope.transforms.affine import Affine
from embedscope.transforms.align._aligner import Aligner
from embedscope.transforms.align.sides import Side
from embedscope.transforms.pca import PCA
from embedscope.transforms.whiten import Whiten

IDS = ("pca", "whiten", "abtt")

SEPARATE = (
    "PCA and whitening fitted on each side separately turn the sides into unrelated bases, and a cosine between them "
    "means nothing (recall@1 of CLIP falls from .66 to .01); fit one joint basis: pca:K, whiten:K, or wprocrustes:K, "
    "which turns one side into the other afterwards"
)


class _Joint(Aligner):
    """A one-sided transform solved on the rows of both sides.

    Each side is centred on its own mean before (``mean="own"``), or both on the mean of the means (``"joint"``, where
    the gap between the sides stays, and counts as variance).
    """

    kind: type[Affine]
    mean: str
    basis: str

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """The words of the one-sided transform, and ``joint`` for a joint mean."""
        step = cls.kind.from_words(tuple(word for word in words if word != "joint"))
        return cls(**step.get_params(), mean="joint" if "joint" in words else "own")

    @property
    def text(self) -> str:
        """The text of the one-sided transform, with ``joint`` for a joint mean."""
        return self._step().text + (":joint" if self.mean == "joint" else "")

    @abstractmethod
    def _step(self) -> Affine:
        """The unfitted transform of one side."""

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        if self.basis != "joint":
            raise InputError(f"basis must be 'joint', got {self.basis!r}: {SEPARATE}")
        if self.mean not in {"own", "joint"}:
            raise InputError(f"mean must be 'own' or 'joint', got {self.mean!r}")
        pooled = cross.pool("joint" if self.mean == "joint" else "space")
        matrix = linear(self._step().fit_moments(pooled))
        means = (pooled.mean, pooled.mean) if self.mean == "joint" else (cross.mean_x, cross.mean_y)
        return Side(len(matrix), means[0], matrix), Side(len(matrix), means[1], matrix)


class JointPCA(_Joint):
    """Both sides on the k principal components of the rows of both; see :class:`embedscope.transforms.pca.PCA`.

    Parameters
    ----------
    k : components kept, all that have variance where None
    mean : ``own`` or ``joint``
    basis : ``joint``; anything else is an error that says why
    renormalise : divide the rows that come out by their norms
    """

    name = "pca"
    usage = "pca, pca:K or pca:K:joint"
    kind = PCA

    def __init__(
        self, k: int | None = None, mean: str = "own", basis: str = "joint", renormalise: bool = False
    ) -> None:
        self.k = k
        self.mean = mean
        self.basis = basis
        self.renormalise = renormalise

    def _step(self) -> Affine:
        return PCA(self.k)


class JointWhiten(_Joint):
    """Both sides whitened by the covariance of the rows of both; see :class:`embedscope.transforms.whiten.Whiten`.

    Parameters
    ----------
    k : components kept, all where None
    shrinkage : ``none`` or ``ledoit-wolf``, which needs ``mean="own"``
    form : ``pca`` or ``zca``
    mean : ``own`` or ``joint``
    basis : ``joint``; anything else is an error that says why
    renormalise : divide the rows that come out by their norms
    """

    name = "whiten"
    usage = "whiten, whiten:K, whiten:K:zca, whiten:K:ledoit-wolf or whiten:K:joint"
    kind = Whiten

    def __init__(
        self,
        k: int | None = None,
        shrinkage: str = "none",
        form: str = "pca",
        mean: str = "own",
        basis: str = "joint",
        renormalise: bool = False,
    ) -> None:
        self.k = k
        self.shrinkage = shrinkage
        self.form = form
        self.mean = mean
        self.basis = basis
        self.renormalise = renormalise

    def _step(self) -> Affine:
        return Whiten(self.k, self.shrinkage, self.form)


class JointRemoveTop(_Joint):
    """Both sides without the k top components of the rows of both; see ``embedscope.transforms.abtt``.

    Parameters
    ----------
    k : components to remove
    mean : ``own`` or ``joint``
    basis : ``joint``; anything else is an error that says why
    renormalise : divide the rows that come out by their norms
    """

    name = "abtt"
    usage = "abtt:K or abtt:K:joint"
    kind = RemoveTopComponents

    def __init__(self, k: int = 1, mean: str = "own", basis: str = "joint", renormalise: bool = False) -> None:
        self.k = k
        self.mean = mean
        self.basis = basis
        self.renormalise = renormalise

    def _step(self) -> Affine:
        return RemoveTopComponents(self.k)


def linear(fitted: Affine) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The matrix (d, k) of a fitted affine transform."""
    zero = fitted.apply(np.zeros((1, fitted.n_features_in_)))
    return np.asarray(fitted.apply(np.eye(fitted.n_features_in_)) - zero)


ENTRIES = {"pca": JointPCA, "whiten": JointWhiten, "abtt": JointRemoveTop}
