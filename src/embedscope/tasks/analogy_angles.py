"""How near b - a + c is to d, without candidates: their angle, and the rank correlation of their coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.tasks.analogy_questions import Questions
from embedscope.tasks.analogy_rows import CandidateRows
from embedscope.tasks.cosines import unit

_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Closeness:
    """Of each question (m,): the angle between b - a + c and d in degrees, 0 to 180, and Spearman over coordinates.

    Of several answers it is the one at the smallest angle. nan where a vector is missing or has no direction, and for
    Spearman where the coordinates of one are all equal.
    """

    angle: Floats
    spearman: Floats


def closeness(rows: CandidateRows, questions: Questions, *, spearman: bool = True) -> Closeness:
    """Angle and Spearman of b - a + c and d for every question [shimangaud2024]; without ``spearman`` angles alone.

    >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 1.0]])
    >>> one = np.array([[0, 1, 2]]), np.array([[3]]), np.array([0]), np.array([0]), ("s",)
    >>> closeness(CandidateRows.of(x, "raw"), Questions("words", *one)).angle.round(9).tolist()
    [45.0]
    """
    m = len(questions)
    known = np.unique(questions.answers[questions.lists])
    ranks = coordinate_ranks(unit(rows.take(known))) if spearman else np.empty((0, 0))
    angles, correlations = np.full(m, np.nan), np.full(m, np.nan)
    for lo in range(0, m, _BLOCK):
        part = questions[np.arange(lo, min(lo + _BLOCK, m))]
        a, b, c = (rows.take(part.words[:, i]) for i in range(3))
        y = unit(b - a + c)
        for k in range(part.answers.shape[1]):
            place = np.flatnonzero(part.answers[part.lists, k] >= 0)
            if not len(place):
                break
            index = part.answers[part.lists[place], k]
            d = unit(rows.take(index))
            in_degrees = angles_between(y[place], d)
            at = lo + place
            nearer = np.isfinite(in_degrees) & ~(angles[at] <= in_degrees)
            angles[at[nearer]] = in_degrees[nearer]
            if spearman and nearer.any():
                own = ranks[np.searchsorted(known, index[nearer])]
                correlations[at[nearer]] = rank_correlations(coordinate_ranks(y[place[nearer]]), own)
    return Closeness(angles, correlations)


def angles_between(x: Floats, y: Floats) -> Floats:
    """Angles (m,) in degrees between unit rows, exact for small ones too: 2 atan2(|x - y|, |x + y|)."""
    apart, together = (np.sqrt(np.einsum("ij,ij->i", z, z)) for z in (x - y, x + y))
    return np.asarray(np.degrees(2 * np.arctan2(apart, together)))


def coordinate_ranks(x: Floats) -> Floats:
    """Average ranks of the coordinates of each row of ``x`` (m, d), less their mean."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(x, axis=1) - (x.shape[1] + 1) / 2)


def rank_correlations(p: Floats, q: Floats) -> Floats:
    """Correlation (m,) of aligned rows of centred ranks (m, d): Spearman's; nan where one row is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        product = np.einsum("ij,ij->i", p, q)
        return np.asarray(product / np.sqrt(np.einsum("ij,ij->i", p, p) * np.einsum("ij,ij->i", q, q)))
