"""Linear probe, and whether an alignment fitted on some classes carries over to others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, as_matrix, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.tasks.means import check_index
from embedscope.tasks.zeroshot import Classified, Measure, class_scores, classify, true_ranks

MAX_ITER = 1000
PENALTY = 0.316
"""Inverse strength C of the L2 penalty: that of CLIP's published probe script."""

Change = Callable[[Floats], Any]
Fit = Callable[[Floats, Floats], tuple[Change, Change]]
"""Fits an alignment on classes (m, d) and images (m, d), row by row; gives what to do with classes and with images."""


def linear_probe(
    train: Any,
    train_label: npt.ArrayLike,
    test: Any,
    test_label: npt.ArrayLike,
    *,
    c: float = PENALTY,
    max_iter: int = MAX_ITER,
    ks: Sequence[int] = (1, 5),
    seed: int = 0,
    groups: Index | None = None,
) -> Classified:
    """Accuracy on ``test`` (m, d) of a logistic regression fitted on ``train`` (n, d), 0 to 1.

    Multinomial logistic regression with an L2 penalty by scikit-learn's L-BFGS, rows as given; Radford et al. 2021
    [radford2021] take C = 0.316 and 1,000 iterations, Tyshchuk et al. 2023 [tyshchuk2023] name the iterations alone.

    Parameters
    ----------
    train_label, test_label : (n,), (m,) class numbers; a test class that was never trained counts as wrong
    c : inverse strength of the penalty
    max_iter : iterations; the note says where they did not suffice
    groups : (m,) numbers what a test row belongs to (the concept of a drawing), which the bootstrap draws whole

    Raises
    ------
    InputError
        if widths or lengths differ, or only one class is trained.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    x, y = _check_labelled(train, train_label, "train")
    xt, yt = _check_labelled(test, test_label, "test")
    if x.shape[1] != xt.shape[1]:
        raise InputError(f"train has {x.shape[1]} dimensions and test {xt.shape[1]}; read both in one space")
    names = np.unique(y)
    if len(names) < 2:
        raise InputError(f"a probe needs at least two classes in train, got {len(names)}; add rows of other classes")
    model = LogisticRegression(C=c, max_iter=max_iter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    scores = np.asarray(model.decision_function(xt), dtype=np.float64)
    scores = np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
    n_classes = int(max(y.max(), yt.max())) + 1
    seen = np.isin(yt, names)
    ranks = np.full(len(yt), n_classes + max(ks), dtype=np.intp)
    ranks[seen] = true_ranks(scores[seen], np.searchsorted(names, yt[seen]).astype(np.intp))
    notes = [f"logistic regression, L-BFGS, C {c:g}, {int(model.n_iter_.max())} iterations"]
    if int(model.n_iter_.max()) >= max_iter:
        notes.append(f"not converged after {max_iter} iterations")
    if not seen.all():
        notes.append(f"{int((~seen).sum())} test rows of classes that were not trained count as wrong")
    return classify(ranks, yt, n_classes, ks, seed, notes, groups)


@dataclass(frozen=True, eq=False)
class SeenUnseen:
    """Zero-shot accuracy on the classes an alignment was fitted on, and on the others.

    Attributes
    ----------
    seen, unseen : top-1 accuracy of test images of these classes, all classes standing to choice
    seen_classes, unseen_classes : their numbers
    per_class : accuracy of every class
    """

    seen: Score
    unseen: Score
    seen_classes: Index
    unseen_classes: Index
    per_class: tuple[float | None, ...]


def seen_unseen(
    fit: Fit | None,
    train: tuple[Any, npt.ArrayLike],
    test: tuple[Any, npt.ArrayLike],
    classes: Any,
    *,
    seen: npt.ArrayLike | None = None,
    measure: Measure = "cosine",
    own_side_only: bool = False,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> SeenUnseen:
    """Fit an alignment on half of the classes and classify test images of both halves; [tyshchuk2023] Table 4.

    The published mean of seen and unseen for CLIP, (66.40 + 59.78) / 2, is its 100-way accuracy 63.09, so an image has
    all classes to choose from.

    Parameters
    ----------
    fit : called with (class vector of each image, images), rows of seen train classes only; None leaves all as it is
    train, test : (images (n, d), class numbers (n,)) of either part
    classes : (c, d) class vectors
    seen : numbers of the seen classes; a seeded random half where None
    own_side_only : an image chooses among the classes of its own side alone
    groups : (m,) numbers what a test image belongs to, which the bootstrap draws whole; where None, the class if no
        class has more than a few images (a concept and its drawings), else the image

    Raises
    ------
    InputError
        if there are fewer than two classes, or no class is left for a side.
    """
    x, y = _check_labelled(*train, "train")
    xt, yt = _check_labelled(*test, "test")
    vectors = np.asarray(to_numpy(as_matrix(classes, "classes")), dtype=np.float64)
    n = len(vectors)
    y, yt = check_index(y, n, "train_label"), check_index(yt, n, "test_label")
    mine, others = _split(n, seen, seed)
    kept = np.isin(y, mine)
    if fit is not None and not kept.any():
        raise InputError("train holds no image of a seen class; add images or name other seen classes")
    of_classes, of_images = fit(vectors[y[kept]], x[kept]) if fit is not None else (np.asarray, np.asarray)
    scores = class_scores(of_images(xt), of_classes(vectors), measure)
    if own_side_only:
        same = np.isin(np.arange(n), mine)[None, :] == np.isin(yt, mine)[:, None]
        scores = np.where(same, scores, scores.min() - 1.0)
    ranks = true_ranks(scores, yt)
    whole = classify(ranks, yt, n, [1], seed)
    drawn = _units_of(yt, n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    sides = []
    for numbers, name in ((mine, "seen"), (others, "unseen")):
        rows = np.isin(yt, numbers)
        choice = len(numbers) if own_side_only else n
        note = f"{len(numbers)} {name} classes of {n}, {choice} to choose from; fitted on {int(kept.sum())} images"
        mine_drawn = None if drawn is None else np.unique(drawn[rows], return_inverse=True)[1]
        sides.append(classify(ranks[rows], yt[rows], n, [1], seed, [note], mine_drawn).top[1])
    return SeenUnseen(sides[0], sides[1], mine, others, whole.per_class)


_FEW = 4


def _units_of(label: Index, n: int) -> Index | None:
    """Classes as units where each has a few images, which show one concept; None where images are units."""
    counts = np.bincount(label, minlength=n)
    return label if 1 < counts.max(initial=0) <= _FEW else None


def _split(n: int, seen: npt.ArrayLike | None, seed: int) -> tuple[Index, Index]:
    if seen is None:
        mine = np.sort(np.random.default_rng(seed).permutation(n)[: n // 2])
    else:
        mine = np.unique(check_index(seen, n, "seen"))
    others = np.setdiff1d(np.arange(n), mine)
    if not len(mine) or not len(others):
        raise InputError(f"{len(mine)} seen and {len(others)} unseen classes; both sides need at least one")
    return mine, others


def _check_labelled(x: Any, label: npt.ArrayLike, name: str) -> tuple[Floats, Index]:
    rows = np.asarray(to_numpy(as_matrix(x, name)), dtype=np.float64)
    y = check_index(label, np.iinfo(np.intp).max, f"{name}_label")
    if len(y) != len(rows):
        raise InputError(f"{len(y)} labels for {len(rows)} rows of {name}; wanted one per row")
    return rows, y
