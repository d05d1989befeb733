"""Centre and stretch the rows so that their covariance is the identity (PCA or ZCA whitening)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms.affine import Affine, Moments, Spread, check_count, invert, principal, whole

IDS = ("whiten",)

SHRINKAGES = ("none", "ledoit-wolf")
FORMS = ("pca", "zca")


class Whiten(ClassNamePrefixFeaturesOutMixin, Affine):
    """(x - mean) V_k diag(l_1..l_k)^(-1/2): PCA whitening, of the covariance with n - 1 (su2021).

    The rows it was fitted on come out with the identity as their covariance. ``shrinkage="ledoit-wolf"`` replaces the
    eigenvalues by (1 - a) l + a mean(l), a estimated from the fourth moments (ledoit2004); it lifts those near zero.

    Parameters
    ----------
    k : components kept, all where None
    shrinkage : ``none`` or ``ledoit-wolf``
    form : ``pca`` gives the k components as coordinates; ``zca`` turns them back, (x - mean) V_k diag(l)^(-1/2) V_k',
        which stays as near to the rows as a whitening can (kessy2018)

    Attributes
    ----------
    mean_ : (d,)
    components_ : (d, k) V_k diag(l)^(-1/2), or (d, d) of ``zca``
    shrinkage_ : a, 0 without shrinkage

    Raises
    ------
    InputError
        if k exceeds d, or the rank of the centred rows where nothing is shrunk.
    """

    name = "whiten"
    usage = "whiten, whiten:K, whiten:K:ledoit-wolf or whiten:K:zca"
    arrays = ("mean_", "components_")
    mean_: Floats
    components_: Floats
    shrinkage_: float

    def __init__(self, k: int | None = None, shrinkage: str = "none", form: str = "pca") -> None:
        self.k = k
        self.shrinkage = shrinkage
        self.form = form

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``whiten``, with k, ``zca`` and ``ledoit-wolf`` after it."""
        options = [word for word in words if word in {"zca", "ledoit-wolf"}]
        numbers = words[: len(words) - len(options)]
        if len(numbers) > 1 or len(set(options)) < len(options) or set(numbers) & set(options):
            raise InputError(
                f"'whiten:{':'.join(words)}' is not understood; write whiten, whiten:128, whiten:128:ledoit-wolf or "
                "whiten:128:zca"
            )
        k = whole(numbers[0], "whiten:128") if numbers else None
        return cls(k, "ledoit-wolf" if "ledoit-wolf" in options else "none", "zca" if "zca" in options else "pca")

    @property
    def text(self) -> str:
        """``whiten``, with k, ``zca`` and ``ledoit-wolf`` after it."""
        parts = ["whiten"] + ([] if self.k is None else [str(self.k)])
        parts += [] if self.form == "pca" else [self.form]
        return ":".join(parts + ([] if self.shrinkage == "none" else [self.shrinkage]))

    @property
    def n_features_out_(self) -> int:
        """Components kept."""
        return int(self.components_.shape[1])

    def _solve(self, moments: Moments) -> None:
        if self.shrinkage not in SHRINKAGES:
            raise InputError(f"whiten knows the shrinkages {', '.join(SHRINKAGES)}, got {self.shrinkage!r}")
        if self.form not in FORMS:
            raise InputError(f"whiten knows the forms {', '.join(FORMS)}, got {self.form!r}")
        d = len(moments.mean)
        k = d if self.k is None else check_count(self.k, "whiten")
        a = 0.0 if self.shrinkage == "none" else ledoit_wolf(moments, self.text)
        values, vectors, rank = principal(moments)
        values = (1 - a) * values + a * values.mean()
        reach = d if a and rank else rank
        if k > reach:
            raise InputError(
                f"{self.text} wants {k} components, but the {moments.n} centred rows of n_features = {d} have rank "
                f"{reach}; use whiten:{max(reach, 1)} or fewer, or more rows than dimensions, "
                f"or whiten:{min(k, d)}:ledoit-wolf"
            )
        self.mean_ = np.array(moments.mean, dtype=np.float64)
        self.components_ = vectors[:, :k] * np.sqrt((moments.n - 1) / values[:k])
        if self.form == "zca":
            self.components_ = self.components_ @ vectors[:, :k].T
        self.shrinkage_ = a

    def apply(self, x: Floats) -> Floats:
        """The map, unchecked."""
        return (x - self.mean_) @ self.components_

    def inverse_transform(self, X: Any) -> Any:
        """The rows (n, d) nearest to those that gave ``X`` (n, k), by the pseudo-inverse; equal at full rank."""
        return invert(self, X, lambda rows: rows @ np.linalg.pinv(self.components_) + self.mean_)

    def push(self, moments: Moments) -> Spread:
        """Moments of the mapped rows."""
        a = self.components_
        return Spread(moments.n, (moments.mean - self.mean_) @ a, a.T @ moments.scatter @ a)


def ledoit_wolf(moments: Moments, text: str) -> float:
    """Shrinkage a, 0 to 1, of the covariance (with n) towards its mean eigenvalue; needs the sum of |x - mean|^4."""
    quartic = getattr(moments, "quartic", None)
    if quartic is None:
        raise InputError(
            f"{text} estimates its shrinkage from fourth moments, which are not known after abtt or whiten, nor "
            "about a joint mean; leave out the shrinkage, or fit on an array in Python with fit(X)"
        )
    n, d = moments.n, len(moments.mean)
    covariance = np.asarray(moments.scatter) / n
    squares = float((covariance**2).sum())
    distance = squares - float(np.trace(covariance)) ** 2 / d
    error = min((quartic / n - squares) / n, distance)
    return error / distance if error > 0 else 0.0


ENTRIES = {"whiten": Whiten}
