"""The share of the nearest rows in common, with an error for both draws: of the queries, and of the rows searched.

Each row that is searched is a neighbour of many queries, so a bootstrap of queries alone leaves out what another draw
of rows would change: with as many queries as rows, a third to a half of the variance. The variance of a mean over
queries is that of the queries among the rows that were searched, plus that of its expectation over the rows. The second
is the jackknife's: what the shares of all queries gain together where one row is taken away (the eleventh nearest moves
up). Of its square only products of two different queries are taken, for the square of one query's gain is noise of the
queries, which the first part holds already.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index, Score
from embedscope.tasks.means import mean_score


def in_common(near: Index, truth: Index, k: int) -> Floats:
    """Share (m,) of the ``k`` nearest of the truth that are among the ``k`` nearest of an answer.

    >>> in_common(np.array([[0, 1, 2]]), np.array([[1, 3, 0]]), 2).tolist()
    [0.5]
    """
    return np.asarray((near[:, :k, None] == truth[:, None, :k]).any(axis=2).mean(axis=1))


def gains_without(near: Index, truth: Index, k: int) -> tuple[Index, Floats]:
    """What the share of each query gains where one of its nearest rows is taken out of those that are searched.

    Parameters
    ----------
    near, truth : (m, k + 1) or wider, the nearest rows of an answer and of the truth, best first

    Returns
    -------
    rows, gains : (m, 2 k) rows, and the gains; a row of both lists has its gain once and a zero

    >>> rows, gains = gains_without(np.array([[0, 1, 2]]), np.array([[1, 3, 0]]), 2)  # without 3, 1 and 0 are in common
    >>> dict(zip(rows[0].tolist(), gains[0].tolist()))[3]
    0.5
    """
    t, a, next_t, next_a = truth[:, :k], near[:, :k], truth[:, k], near[:, k]
    both = t[:, :, None] == a[:, None, :]
    t_in_a, a_in_t = both.any(axis=2), both.any(axis=1)
    enters_a = (a == next_t[:, None]).any(axis=1)[:, None]  # the next of the truth is in the answer already
    enters_t = (t == next_a[:, None]).any(axis=1)[:, None]
    same = (next_t == next_a)[:, None]
    of_truth = np.where(t_in_a, enters_a.astype(int) + enters_t + same - 1, enters_a)
    of_answer = np.where(a_in_t, 0, enters_t)
    return np.concatenate([t, a], axis=1), np.concatenate([of_truth, of_answer], axis=1) / k


def overlap_score(
    near: Index,
    truth: Index,
    k: float,
    own: Index,
    units: Index,
    pool_units: Index | None,
    seed: int,
    more: Floats | None = None,
) -> Score:
    """The mean share of the ``k`` nearest in common, between two whole numbers by interpolation, with its draws.

    Draws of the queries are stretched around the mean, so that their variance is that of both draws.

    Parameters
    ----------
    near, truth : (m, 11) the nearest rows of an answer and of the truth
    own : (m,) row searched that a query is itself, -1 for none
    units : (m,) unit of evidence of each query
    pool_units : (n,) unit of each row searched; None to draw queries alone
    more : (m,) what is added to the share of each query
    """
    low, share = int(k), k - int(k)
    parts = [(1 - share, low)] + ([(share, low + 1)] if share else [])
    items = np.asarray(sum(w * in_common(near, truth, j) for w, j in parts))
    score = mean_score(items if more is None else np.asarray(items + more), seed, (), units)
    if pool_units is None or score.draws is None or score.value is None:
        return score
    added = sum(w * _variance_of_rows(near, truth, j, items, own, pool_units) for w, j in parts)
    queries = float(np.nanvar(score.draws))
    stretch = math.sqrt(1 + max(0.0, added) / queries) if queries > 0 else 1.0
    draws = score.value + stretch * (score.draws - score.value)
    return replace(score, draws=draws, facts={**score.facts, "stretch": stretch})


def as_share(score: Score) -> Score:
    """``score`` with its value and draws kept within 0 and 1, which stretching and carrying on can leave.

    >>> as_share(Score(1.02, 3, np.array([0.9, 1.02, 1.1]))).draws
    array([0.9, 1. , 1. ])
    """
    if score.value is None or score.draws is None:
        return score
    return replace(score, value=min(max(score.value, 0.0), 1.0), draws=np.clip(score.draws, 0.0, 1.0))


def _variance_of_rows(near: Index, truth: Index, k: int, items: Floats, own: Index, pool_units: Index) -> float:
    """What the draw of the rows searched adds to the variance of the mean share."""
    m, n = len(near), int(pool_units.max()) + 1
    rows, gains = gains_without(near, truth, k)
    place = pool_units[rows]
    gain = np.bincount(place.ravel(), gains.ravel(), n)
    noise = np.bincount(place.ravel(), (gains * gains).ravel(), n)
    effect = gain.mean() - gain
    added = float((effect * effect - noise).sum())
    asks = own >= 0
    mine = np.bincount(pool_units[own[asks]], (items - items.mean())[asks], n)  # a row that asks is drawn as both
    return (added + 2 * float((mine * effect).sum())) / m**2
