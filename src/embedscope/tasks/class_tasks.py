"""Scoring of rows that have a class: by a linear probe, or by the prompts that lie nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.tables import Classes, Data, Index, Score
from embedscope.core.wording import count
from embedscope.tasks._matches import any_rows
from embedscope.tasks.probe import linear_probe
from embedscope.tasks.zeroshot import Classified, class_vectors, zero_shot

_TEST_SHARE = 0.25


@dataclass(frozen=True)
class ProbeTask:
    """Accuracy of a linear probe on rows of unit length; beside it top-5 and the mean over classes.

    ``train`` and ``test`` are relations of two tables; where they are one, a quarter of its clusters (concepts), chosen
    by the hash of their names, is held out, the same for every space and model.
    """

    id: str
    dataset: str
    train: str
    test: str
    tables: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """Scores by id, the main one first; rows without a direction are left out and counted."""
        train, test = (_classes(data, name, self.id) for name in (self.train, self.test))
        rows, label, lost = _labelled_rows(any_rows(vectors, data, train.table), train)
        if self.train == self.test:
            clusters = _clusters(data, train.table)
            held = hold_out(clusters)[lost.kept]
            groups = np.unique(np.array(clusters)[lost.kept][held], return_inverse=True)[1]
            fit, other = (rows[~held], label[~held]), (rows[held], label[held])
            notes = [f"{count(int(held.sum()), 'row')} of held-out clusters, {int((~held).sum())} to fit", *lost.notes]
        else:
            fit = rows, label
            *other_rows, elsewhere = _labelled_rows(any_rows(vectors, data, test.table), test)
            other, notes = (other_rows[0], other_rows[1]), [*lost.notes, *elsewhere.notes]
            groups = None
        return _scores(self.id, linear_probe(*fit, *other, seed=seed, groups=groups), notes)


@dataclass(frozen=True)
class ZeroShotTask:
    """Accuracy of the class whose text lies nearest; top-5 beside it.

    ``prompts`` is a relation of texts (several templates a class), or a table with one text per class.
    """

    id: str
    dataset: str
    images: str
    prompts: str
    tables: tuple[str, str]
    about: Mapping[str, Any] = field(default_factory=dict)

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """Scores by id, the main one first; rows without a direction are left out and counted."""
        images = _classes(data, self.images, self.id)
        if self.prompts in data.relations:
            prompts = _classes(data, self.prompts, self.id)
        else:
            prompts = Classes(self.prompts, np.arange(len(images.names)), images.names)
        x, y = any_rows(vectors, data, images.table), any_rows(vectors, data, prompts.table)
        if x.shape[1] != y.shape[1]:
            reason = f"undefined: images have {x.shape[1]} dimensions and prompts {y.shape[1]}; fit an alignment first"
            return {self.id: Score(None, 0, note=reason)}
        rows, label, lost = _labelled_rows(x, images)
        if not np.isfinite(y).all():
            return {self.id: Score(None, 0, note="undefined: some prompts have no vector")}
        classes = class_vectors([y[prompts.label == k] for k in range(len(prompts.names))])
        return _scores(self.id, zero_shot(rows, classes, label, seed=seed), lost.notes)


def hold_out(clusters: Sequence[str], share: float = _TEST_SHARE) -> npt.NDArray[np.bool_]:
    """Which rows belong to the ``share`` of ``clusters`` (n,) with the smallest hashes of their names."""
    names = sorted(set(clusters))
    order = np.argsort(combine(hash_texts(names), 0), kind="stable")[: max(1, round(share * len(names)))]
    chosen = {names[i] for i in order}
    return np.array([c in chosen for c in clusters])


@dataclass(frozen=True, eq=False)
class _Lost:
    kept: npt.NDArray[np.bool_]
    notes: list[str]


def _labelled_rows(x: npt.NDArray[Any], classes: Classes) -> tuple[npt.NDArray[Any], Index, _Lost]:
    """Rows at unit length that have a direction, with their classes."""
    norms = np.linalg.norm(np.asarray(x, dtype=np.float64), axis=1)
    kept = np.isfinite(norms) & (norms > 0)
    notes = [f"{count(int((~kept).sum()), 'row')} without a direction left out"] if not kept.all() else []
    return np.asarray(x[kept], dtype=np.float64) / norms[kept, None], classes.label[kept], _Lost(kept, notes)


def _classes(data: Data, relation: str, task: str) -> Classes:
    classes = data.relations[relation]
    if not isinstance(classes, Classes):
        raise InputError(f"task {task} wants classes, got {type(classes).__name__} {data.name}.{relation}")
    return classes


def _clusters(data: Data, table: str) -> tuple[str, ...]:
    named_rows = data.images[table] if table in data.images else data.tables[table]
    return named_rows.clusters or tuple(str(i) for i in range(len(named_rows)))


def _scores(name: str, classified: Classified, notes: Sequence[str]) -> Mapping[str, Score]:
    """Top-1 under the id of the task, others after it; of k classes the right one is always among the k best."""
    scores = {}
    n_classes = len(classified.per_class)
    idle = [k for k in classified.top if 1 < k >= n_classes]
    left_out = [f"top-{k} of {n_classes} classes is always 1, and left out" for k in idle]
    for k, score in classified.top.items():
        if k not in idle:
            said = "; ".join([*filter(None, [score.note]), *notes, *(left_out if k == 1 else ())]) or None
            scores[name if k == 1 else f"{name}.top{k}"] = replace(score, note=said)
    return scores
