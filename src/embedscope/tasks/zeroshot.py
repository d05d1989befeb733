"""Zero-shot classification: an image belongs to the class whose prompts lie nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.correlation import DECIMALS
from embedscope.tasks.means import check_index, directions, mean_score

Measure = Literal["cosine", "dot", "negative_distance"]
MEASURES: tuple[Measure, ...] = ("cosine", "dot", "negative_distance")
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Classified:
    """What a classifier got right.

    Attributes
    ----------
    top : accuracy by k, with 1 or 0 an item
    per_class : share of each class's items that are right at the smallest k; None for a class without items
    """

    top: dict[int, Score]
    per_class: tuple[float | None, ...]


def class_vectors(prompts: Sequence[Any], *, normalise: bool = True) -> Floats:
    """Mean of a class's prompt vectors, each at unit length; the mean is brought to unit length again [radford2021].

    Parameters
    ----------
    prompts : for each class (t, d), its name in t templates; templates may differ in number
    normalise : False leaves the mean as it is, which matters for ``dot`` and ``negative_distance`` alone

    Returns
    -------
    (c, d)

    >>> class_vectors([np.array([[2.0, 0.0], [0.0, 1.0]])]).round(4).tolist()
    [[0.7071, 0.7071]]
    """
    means = np.stack([directions(rows, "prompts").mean(axis=0) for rows in prompts])
    return directions(means, "prompts") if normalise else means


def class_scores(images: Any, classes: Any, measure: Measure = "cosine") -> Floats:
    """Score (n, c) of each of ``images`` (n, d) for each of ``classes`` (c, d); higher is nearer.

    ``cosine``; ``dot`` <x, y>; ``negative_distance`` 1 - |x - y|^2 / 2, which is the cosine for unit rows. The
    last two take rows as given: the study of tyshchuk2023 takes them on transformed vectors as they are.

    >>> class_scores([[3.0, 4.0]], [[1.0, 0.0]], "dot").tolist()
    [[3.0]]
    """
    if measure not in MEASURES:
        raise InputError(f"measure must be one of {', '.join(MEASURES)}, got '{measure}'")
    if measure == "cosine":
        x, y = directions(images, "images"), directions(classes, "classes")
    else:
        x, y = (np.asarray(to_numpy(as_matrix(v)), dtype=np.float64) for v in (images, classes))
    if x.shape[1] != y.shape[1]:
        raise InputError(f"images have {x.shape[1]} dimensions and classes {y.shape[1]}; encode both into one space")
    scores = x @ y.T
    if measure == "negative_distance":
        squares = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
        scores = 1.0 - (squares - 2.0 * scores) / 2.0
    return np.asarray(scores)


def zero_shot(
    images: Any,
    classes: Any,
    label: npt.ArrayLike,
    *,
    measure: Measure = "cosine",
    ks: Sequence[int] = (1, 5),
    seed: int = 0,
    groups: Index | None = None,
) -> Classified:
    """Share of ``images`` (n, d) whose class is among the k best of ``classes`` (c, d), 0 to 1.

    Classes of the same score (to 12 significant decimals) stand before the right one.

    Parameters
    ----------
    label : (n,) row of the right class
    measure : see ``class_scores``
    groups : (n,) numbers what an image belongs to (the concept of a drawing), which the bootstrap draws whole

    >>> zero_shot(np.eye(3), np.eye(3), [0, 1, 0], ks=[1]).top[1].value
    0.6666666666666666
    """
    label = check_index(label, len(classes), "label")
    if len(label) != len(images):
        raise InputError(f"{len(label)} labels for {len(images)} images; wanted one per row")
    ranks = np.concatenate(
        [
            true_ranks(class_scores(images[lo : lo + _BLOCK], classes, measure), label[lo : lo + _BLOCK])
            for lo in range(0, len(label), _BLOCK)
        ]
    )
    return classify(ranks, label, len(classes), ks, seed, [f"{len(classes)} classes ranked by {measure}"], groups)


def true_ranks(scores: Floats, label: Index) -> Index:
    """Rank from 1 (n,) of the right class in each row of ``scores`` (n, c), after all that score the same.

    >>> true_ranks(np.array([[0.2, 0.2, 0.1]]), np.array([0])).tolist()
    [2]
    """
    largest = np.abs(scores).max(axis=1, keepdims=True, initial=0.0)
    rounded = np.round(np.divide(scores, largest, out=np.zeros_like(scores), where=largest > 0), DECIMALS)
    own = np.take_along_axis(rounded, label[:, None], axis=1)
    return np.asarray((rounded >= own).sum(axis=1), dtype=np.intp)


def classify(
    ranks: Index,
    label: Index,
    n_classes: int,
    ks: Sequence[int],
    seed: int,
    notes: Sequence[str] = (),
    groups: Index | None = None,
) -> Classified:
    """Accuracies from the rank (n,) of the right class of each item, at each of ``ks`` and by class at the smallest.

    ``groups`` (n,) numbers what an item belongs to (the concept of a drawing): groups are resampled then, whole.
    """
    top = {
        k: mean_score((ranks <= k).astype(np.float64), seed, [*notes, f"chance {min(1.0, k / n_classes):.4g}"], groups)
        for k in ks
    }
    items = (ranks <= min(ks)).astype(np.float64)
    return Classified(top, per_class(items, label, n_classes))


def per_class(items: Floats, label: Index, n_classes: int) -> tuple[float | None, ...]:
    """Mean of ``items`` (n,) over the rows of each class; None for a class without rows."""
    counts = np.bincount(label, minlength=n_classes)
    sums = np.bincount(label, weights=items, minlength=n_classes)
    return tuple(float(s / c) if c else None for s, c in zip(sums, counts, strict=True))
