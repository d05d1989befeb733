"""Transforms one after the other, fitted from one pass over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.transforms import TRANSFORMS
from embedscope.transforms._steps import Steps
from embedscope.transforms.affine import DTYPES, Affine, Moments, invert, keeping_dtypes
from embedscope.transforms.storage import CHAIN, save_chain


class Chain(Steps, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Transforms in order, each fitted on the output of the ones before it; without any, the identity.

    All are affine, so the moments of the raw rows are enough: a step's moments follow from those before it in closed
    form. Parameters of steps are named by the step: ``chain.set_params(whiten__k=64)``; where a transform stands twice,
    ``center_1__...`` and ``center_2__...``.

    Parameters
    ----------
    steps : unfitted transforms

    Attributes
    ----------
    steps_ : the fitted transforms

    See Also
    --------
    parse_chain : the chain that a text describes

    Examples
    --------
    >>> from embedscope.transforms import parse_chain
    >>> chain = parse_chain("center,whiten:2").set_params(whiten__k=1)
    >>> chain.text, chain.get_params()["whiten__k"]
    ('center,whiten:1', 1)
    """

    n_features_in_: int
    steps_: list[Affine]

    def __init__(self, steps: Sequence[Affine] = ()) -> None:
        self.steps = steps

    @property
    def text(self) -> str:
        """The chain as text: ``center,abtt:1``."""
        return ",".join(step.text for step in self.steps)

    @property
    def n_features_out_(self) -> int:
        """Dimensions of the vectors that come out."""
        return self.steps_[-1].n_features_out_ if self.steps_ else self.n_features_in_

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def fit(self, X: Any, y: object = None) -> Self:
        """Fit every step on the rows of ``X`` (n, d) as the steps before it map them; ``y`` is ignored."""
        x = validate_data(self, X, dtype=np.float64)
        fitted: list[Affine] = []
        for step in self.steps:
            fitted.append(clone(step).fit(x))
            x = fitted[-1].apply(x)
        self.steps_ = fitted
        return self

    def fit_moments(self, moments: Moments) -> Self:
        """Fit every step from the moments of the raw rows."""
        self.n_features_in_ = len(moments.mean)
        fitted: list[Affine] = []
        for step in self.steps:
            fitted.append(clone(step).fit_moments(moments))
            moments = fitted[-1].push(moments)
        self.steps_ = fitted
        return self

    def transform(self, X: Any) -> Any:
        """Map the rows of ``X`` by all steps.

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

    def inverse_transform(self, X: Any) -> Any:
        """The rows (n, d) that the steps map to ``X`` (n, n_features_out_), or the nearest where directions were lost.

        Raises
        ------
        AttributeError
            if a step has no inverse: ``abtt`` removes what nothing brings back.
        """
        for step in self.steps:
            if not hasattr(step, "inverse_transform"):
                raise AttributeError(f"{step.text} has no inverse_transform: it removes directions for good")

        def back(rows: Floats) -> Floats:
            for step in reversed(self.steps_):
                rows = step.inverse_transform(rows)
            return rows

        return invert(self, X, back)

    def __sklearn_tags__(self) -> Tags:
        """The type of the rows is kept."""
        return keeping_dtypes(super().__sklearn_tags__())

    def apply(self, x: Floats) -> Floats:
        """``transform`` without its checks, for rows (n, d) known to be finite float64."""
        for step in self.steps_:
            x = step.apply(x)
        return x

    def save(self, path: str | Path) -> None:
        """Write the fitted chain: safetensors with a JSON header, atomically."""
        check_is_fitted(self)
        save_chain(self.steps_, self.n_features_in_, path)


def parse(text: str) -> Chain:
    """The chain that ``text`` describes; see :func:`embedscope.transforms.parse_chain`."""
    steps: list[Affine] = []
    for part in text.split(","):
        name, *words = (word.strip() for word in part.split(":"))
        if not name:
            raise InputError(f"'{text}' has an empty step; write transforms as center,abtt:1,whiten:128")
        steps.append(TRANSFORMS.get(name).from_words(tuple(words)))
    return Chain(tuple(steps))


def load(path: str | Path) -> Chain:
    """Read the fitted chain in ``path``; raises ``InputError`` where it holds none."""
    header, arrays = CHAIN.read(path)
    with CHAIN.building(path):
        steps = [_step(i, facts, arrays) for i, facts in enumerate(header["steps"])]
        named = {f"{i}.{name}" for i, step in enumerate(steps) for name in step.arrays}
        CHAIN.check_nothing_left(path, arrays, named)
        chain = Chain(tuple(type(step)(**step.get_params()) for step in steps))
        chain.steps_ = steps
        chain.n_features_in_ = int(header["width"])
    return chain


def _step(i: int, facts: dict[str, Any], arrays: dict[str, Any]) -> Affine:
    step = TRANSFORMS.get(facts["transform"])(**facts["parameters"])
    for name in step.arrays:
        setattr(step, name, arrays[f"{i}.{name}"])
    for name, value in facts["fitted"].items():
        if not name.endswith("_") or name.startswith("_") or not isinstance(value, int | float):
            raise InputError(f"its step {i} has the fitted value '{name}', which is none of a transform")
        setattr(step, name, value)
    return step
