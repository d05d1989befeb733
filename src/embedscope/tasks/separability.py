"""Modality separability: can a linear classifier tell the two modalities apart on pairs it has not seen?"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.stats.equal_rows import equal_rows
from embedscope.stats.units import join
from embedscope.tasks.means import directions, mean_score, paired_directions

FOLDS = 5
LIMIT = 20_000
"""Pairs from which a seeded sample is taken."""

Change = Callable[[Floats], Any]
Fit = Callable[[Floats, Floats], tuple[Change, Change]]
"""Fits transforms on the training pairs (m, d), (m, d); gives what to do with either side."""


def modality_separability(
    a: Any,
    b: Any,
    *,
    fit: Fit | None = None,
    ids: npt.ArrayLike | None = None,
    folds: int = FOLDS,
    limit: int = LIMIT,
    seed: int = 0,
) -> dict[str, Score]:
    """Held-out accuracy of ``logistic`` regression and of a ``linear_svc`` that tell ``a`` from ``b``, .5 to 1.

    Pairs are dealt to folds by their id, both sides of a pair into the same one; a transform is fitted inside each fold
    on its training pairs and rows are brought to unit length after it. Centring over all rows first leaks: it gives
    accuracies below chance. 1 means that a plane parts the modalities: a mixed index then finds its own kind first.
    Pairs that share an equal row go into one fold. Replicates are stretched by sqrt(1 + f / (f - 1)), f folds, since
    the planes of the folds share training rows, which a bootstrap of the items does not see [nadeau2003].

    Parameters
    ----------
    a, b : (n, d), row i of one belongs to row i of the other; taken at unit length
    fit : called with the training pairs, gives two functions of rows; None compares them as they are
    ids : (n,) identity of each pair (image of several captions); rows stand for themselves where None
    folds : parts that are held out in turn
    limit : more pairs than this are sampled, and the note says so

    Returns
    -------
    Scores with the mean of right answers for the two rows of a pair as item; undefined where equal rows join all pairs
    into fewer units than folds

    Raises
    ------
    InputError
        if the shapes differ or there are fewer pairs than folds.
    """
    u, v = paired_directions(a, b)
    named = np.arange(len(u)) if ids is None else np.asarray(ids)
    if len(named) != len(u):
        raise InputError(f"{len(named)} ids for {len(u)} pairs; wanted one per pair")
    distinct = len(np.unique(named))
    if not 2 <= folds <= distinct:
        raise InputError(f"folds must be from 2 to the {distinct} distinct pairs, got {folds}; add pairs")
    group = join(len(u), [named, equal_rows(u), equal_rows(v)])
    notes: list[str] = []
    sampled = len(u) > limit
    if sampled:
        rows = np.sort(np.random.default_rng(seed).choice(len(u), limit, replace=False))
        notes.append(f"{limit:,} of {len(u):,} pairs, sampled")
        u, v = u[rows], v[rows]
        group = np.unique(group[rows], return_inverse=True)[1]
    n_groups = int(group.max()) + 1
    if n_groups < folds:
        why = f"undefined: equal rows join the pairs into {n_groups} units, fewer than the {folds} folds"
        return dict.fromkeys(("logistic", "linear_svc"), Score(None, 0, note=why))
    fold = (np.random.default_rng(seed).permutation(n_groups) % folds)[group]
    notes += _size_notes(int(2 * (fold != 0).sum()), u.shape[1])
    right = {name: np.empty(len(u)) for name in ("logistic", "linear_svc")}
    for part in range(folds):
        held = fold == part
        for name, items in _fold_items(u, v, held, fit, seed).items():
            right[name][held] = items
    groups = group if n_groups < len(u) else None
    scores = {name: _widen(mean_score(items, seed, notes, groups), folds) for name, items in right.items()}
    return {name: replace(score, exact=not sampled) for name, score in scores.items()}


def _widen(score: Score, folds: int) -> Score:
    """``score`` with its replicates stretched around it; a mean of right answers lies in 0 to 1."""
    if score.value is None or score.draws is None:
        return score
    wider = score.value + (1 + folds / (folds - 1)) ** 0.5 * (score.draws - score.value)
    return replace(score, draws=np.clip(wider, 0.0, 1.0))


def _fold_items(u: Floats, v: Floats, held: npt.NDArray[np.bool_], fit: Fit | None, seed: int) -> dict[str, Floats]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    left, right = fit(u[~held], v[~held]) if fit is not None else (np.asarray, np.asarray)
    train = directions(np.concatenate([left(u[~held]), right(v[~held])]))
    test = directions(np.concatenate([left(u[held]), right(v[held])]))
    label, wanted = _sides(len(train)), _sides(len(test))
    items = {}
    models = {"logistic": LogisticRegression(max_iter=1000), "linear_svc": LinearSVC(random_state=seed, max_iter=10000)}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(train, label)
        items[name] = (model.predict(test) == wanted).reshape(2, -1).mean(axis=0)
    return items


def _sides(n: int) -> Index:
    return np.repeat(np.arange(2, dtype=np.intp), n // 2)


def _size_notes(n: int, d: int) -> list[str]:
    """What the number of training rows means for ``d`` dimensions."""
    if n <= d + 1:
        return [f"{n} training rows in {d} dimensions can always be parted by a plane: only held-out accuracy counts"]
    return [f"{n} training rows in {d} dimensions are few: add pairs"] if n < 5 * d else []
