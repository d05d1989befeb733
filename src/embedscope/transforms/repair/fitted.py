"""Fitted chains as one affine map."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from embedscope.transforms._chain import Chain
from embedscope.transforms.affine import Affine
from embedscope.transforms.align.joint import linear
from embedscope.transforms.align.sides import Side


def side_of(chain: Chain) -> Side:
    """All steps of a fitted ``chain`` as one map: one mean, one matrix."""
    check_is_fitted(chain, "steps_")
    side = Side(chain.n_features_in_)
    for step in chain.steps_:
        side = side.then(_side(step))
    return side


def _side(step: Affine) -> Side:
    """A fitted step; a step that only centres has no matrix."""
    width = step.n_features_in_
    zero = step.apply(np.zeros((1, width)))[0]
    if step.name == "center":
        return Side(width, -zero)
    mean = getattr(step, "mean_", None)
    return Side(width, None, linear(step), zero) if mean is None else Side(width, mean, linear(step))
