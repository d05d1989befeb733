"""The gap of every pair of clouds, before and after centring, and the geometry of class names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.records import Record
from embedscope.stats.score_records import score_record

GAP = ("modality_gap", "relative_modality_gap", "paired_cosine", "unpaired_cosine", "modality_separability")
GEOMETRY = ("self_similarity", "top5_share", "i1", "i2")
CENTRED = "center"


def pair_records(name: str, x: Floats, y: Floats, sides: tuple[str, str], seed: int) -> list[Record]:
    """Gap, cosines and held-out separability of two clouds; the last two again with either side centred.

    What remains without the means is the gap of the distributions: their spread and shape. The means are those of the
    training pairs of each fold, so that nothing leaks.
    """
    from embedscope.geometry.measure_pair import measure_pair
    from embedscope.tasks.separability import modality_separability

    records = list(measure_pair(x, y, metrics=[*GAP, *GEOMETRY], names=sides, seed=seed, labels=(name, name)).records)
    for classifier, score in modality_separability(x, y, fit=_centring, seed=seed).items():
        records.append(
            score_record(
                score,
                source=name,
                metric=f"modality_separability.{classifier}",
                space="|".join(sides),
                dim=x.shape[1],
                rows="unit",
                transform=CENTRED,
                fitted_on="the other folds",
            )
        )
    u, v = x - x.mean(axis=0), y - y.mean(axis=0)
    centred = measure_pair(u, v, metrics=["relative_modality_gap"], names=sides, seed=seed, labels=(name, name)).records
    records += [replace(r, transform=CENTRED, fitted_on="the same rows") for r in centred]
    return [replace(r, source=name) for r in records]


def _centring(u: Floats, v: Floats) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    left: Floats = u.mean(axis=0)
    right: Floats = v.mean(axis=0)
    return (lambda rows: rows - left), (lambda rows: rows - right)


def name_records(label: str, x: Floats, seed: int) -> list[Record]:
    """Geometry of the vectors of class names, unit rows."""
    from embedscope.geometry.measure import measure

    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return [replace(r, source=label) for r in measure(unit, metrics=list(GEOMETRY), name=label, seed=seed).records]


def comparison_records(named: Mapping[str, Floats], one: str, other: str) -> list[Record]:
    """How alike two views of the same names are, without nulls; cosines where both are of one width."""
    from embedscope.metrics.pairs import PAIR_METRICS, Paired

    paired = replace(Paired.of(named[one], named[other]), values_only=True)
    same = paired.x.shape == paired.y.shape
    metrics = ("linear_cka", "knn_overlap", *(("paired_cosine", "unpaired_cosine") if same else ()))
    label = f"{one} against {other}"
    return [
        Record(label, m.metric, m.value, space="a|b", n=m.n, rows=m.rows, exact=m.exact, note=m.note)
        for name in metrics
        for m in PAIR_METRICS.get(name).measure(paired)
    ]
