"""The fits of a score calibration: pool adjacent violators, and logistic regression by Newton's method."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats

_STEPS = 100
_TOLERANCE = 1e-12


def pool_adjacent_violators(x: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Corners of the rising function with the least sum w (f(x) - y)^2: pool adjacent violators (ayer1955).

    Equal ``x`` are one point. Of each run of equal values the first and last point are kept.

    >>> [v.tolist() for v in pool_adjacent_violators(np.arange(4.0), np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4))]
    [[0.0, 1.0, 2.0, 3.0], [0.0, 0.5, 0.5, 1.0]]
    """
    points, place = np.unique(x, return_inverse=True)
    weight = np.bincount(place, w)
    means = np.bincount(place, w * y) / weight
    levels: list[float] = []
    weights: list[float] = []
    counts: list[int] = []
    for value, mass in zip(means.tolist(), weight.tolist(), strict=True):
        count = 1
        while levels and levels[-1] >= value:
            total = weights[-1] + mass
            value = (levels.pop() * weights.pop() + value * mass) / total
            mass, count = total, count + counts.pop()
        levels.append(value)
        weights.append(mass)
        counts.append(count)
    ends = np.cumsum(counts)
    firsts = ends - counts
    corners = np.unique(np.concatenate([firsts, ends - 1]))
    return points[corners], np.repeat(levels, counts)[corners]


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)))


def sigmoid_fit(x: Floats, targets: Floats, w: Floats) -> tuple[float, float]:
    """Slope and intercept with the least weighted cross entropy, by Newton's method with step halving (lin2007)."""
    slopes, intercept = logistic_fit(x[None], targets, w)
    return float(slopes[0]), intercept


def logistic_fit(features: Floats, targets: Floats, w: Floats) -> tuple[Floats, float]:
    """Slopes (k,) and intercept of logistic regression on ``features`` (k, n): the least weighted cross entropy."""
    centre, scale = features.mean(axis=1), features.std(axis=1)
    scale[scale == 0] = 1.0
    k = len(features)
    z = np.vstack([(features - centre[:, None]) / scale[:, None], np.ones((1, features.shape[1]))])
    share = float(w @ targets / w.sum())
    ab = np.append(np.zeros(k), np.log(share / (1 - share)))
    loss = _loss(z, targets, w, ab)
    for _ in range(_STEPS):
        p = sigmoid(ab @ z)
        gradient = z @ (w * (p - targets))
        hessian = (z * (w * p * (1 - p))) @ z.T + 1e-12 * w.sum() * np.eye(k + 1)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (tried := _loss(z, targets, w, ab - size * step)) > loss and size > _TOLERANCE:
            size /= 2
        ab, done = ab - size * step, bool(np.abs(size * step).max() < _TOLERANCE)
        loss = min(tried, loss)
        if done:
            break
    slopes = ab[:-1] / scale
    return slopes, float(ab[-1] - slopes @ centre)


def _loss(z: Floats, targets: Floats, w: Floats, ab: Floats) -> float:
    logits = ab @ z
    return float(w @ (np.logaddexp(0.0, logits) - targets * logits))
