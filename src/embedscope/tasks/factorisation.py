"""Ideal words: is the vector of "object with attribute" the sum of a part of the object and a part of the attribute?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Score
from embedscope.stats.bootstrap import N_DRAWS, item_counts

IDS: tuple[str, ...] = ()
ENTRIES: Mapping[str, Any] = {}


def factorisation(x: Floats, *, seed: int = 0) -> dict[str, Score]:
    """Share of what attributes change that a sum explains on left-out combinations, at most 1 [trager2023].

    x_oa = m + u_o + v_a is fitted by least squares without one combination and predicts it; the reference predicts
    by the object's other combinations alone: 1 - sum |x - additive|^2 / sum |x - object|^2, both in closed form from
    the residuals over 1 minus the leverage. 1: every combination is a sum of ideal words; 0 or below: an attribute
    does the same to no two objects. The control shuffles the attributes of every object.

    Parameters
    ----------
    x : (objects, attributes, d), every combination once

    Returns
    -------
    ``explained`` and ``shuffled``; items are objects, the draws resample objects

    Raises
    ------
    InputError
        if there are fewer than two attributes or three objects.

    >>> objects, attributes = np.eye(5)[:, None] * 3, np.eye(5)[None, :2]
    >>> round(factorisation(objects + attributes)["explained"].value, 6)
    1.0
    """
    if x.ndim != 3 or x.shape[0] < 3 or x.shape[1] < 2:
        raise InputError(f"x must be (objects, attributes, d), at least 3 and 2 of them, got {x.shape}")
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random(x.shape[:2]), axis=1)
    shuffled = np.take_along_axis(x, order[:, :, None], axis=1)
    return {"explained": _explained_share(x, seed), "shuffled": _explained_share(shuffled, seed)}


def _explained_share(x: Floats, seed: int) -> Score:
    n, k, _ = x.shape
    by_object, by_attribute = x.mean(axis=1, keepdims=True), x.mean(axis=0, keepdims=True)
    additive = (x - by_object - by_attribute + x.mean(axis=(0, 1), keepdims=True)) / (1 - 1 / n - 1 / k + 1 / (n * k))
    alone = (x - by_object) / (1 - 1 / k)
    left, all_ = (np.square(r).sum(axis=(1, 2)) for r in (additive, alone))
    if all_.sum() == 0:
        return Score(None, n, note="undefined: attributes change nothing")
    counts = item_counts(n, seed).astype(np.float64)
    below = all_ @ counts
    draws = 1 - np.divide(left @ counts, below, out=np.full(N_DRAWS, np.nan), where=below > 0)
    items = np.divide(left, all_, out=np.full(n, np.nan), where=all_ > 0)
    return Score(float(1 - left.sum() / all_.sum()), n, draws, 1 - items)
