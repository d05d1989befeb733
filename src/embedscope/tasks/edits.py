"""Changing an image by the difference of two words: is the nearest other image the one that was asked for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Classes, Data, Edits, Index, Score
from embedscope.tasks._matches import any_rows
from embedscope.tasks.cosines import unit
from embedscope.tasks.means import mean_score

IDS = ("simat",)
_BLOCK = 1024


@dataclass(frozen=True)
class EditTask:
    """Weighted share of changes whose nearest other image has the wanted subject, relation and object.

    The query is x_image + lambda (w_new - w_old), unit vectors; the image itself is no answer; a change of a frequent
    kind counts less, as in [couairon2022]. There a network (OSCAR) judges the image that was found; here it is right
    where its annotated triplet is the wanted one, which is stricter, so that the numbers are not those of the article.
    """

    id: str
    dataset: str
    lambdas: tuple[float, ...] = (1.0, 0.0, 0.5, 2.0)
    about: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, str] = ("photos", "words")

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """``ID`` at lambda 1 on the test split, ``ID.lambda:L`` for other lambdas and ``ID.gain``, 1 less 0.

        Lambda 0 is the control: the nearest other image without any arithmetic. Draws resample images.

        Raises
        ------
        InputError
            if the vectors are not one row per image and word, or the data set has no changes.
        """
        edits, classes = data.relations.get("transformations"), data.relations.get("triplets")
        if not isinstance(edits, Edits) or not isinstance(classes, Classes):
            raise InputError(f"task {self.id} wants 'transformations' and 'triplets', which {data.name} lacks")
        x, w = (any_rows(vectors, data, table) for table in (edits.images, edits.words))
        if x.shape[1] != w.shape[1]:
            note = f"undefined: images have {x.shape[1]} dimensions and words {w.shape[1]}; fit an alignment first"
            return {self.id: Score(None, 0, note=note)}
        asked = np.flatnonzero(np.array(edits.section) == "test")
        weight = edits.weight[asked] * (len(asked) / edits.weight[asked].sum())
        groups = np.unique(edits.image[asked], return_inverse=True)[1]
        right = {step: edit_hits(x, w, edits, classes.label, asked, step) for step in self.lambdas}
        scores = {
            self.id if step == 1 else f"{self.id}.lambda:{step:g}": mean_score(weight * hits, seed, (), groups)
            for step, hits in right.items()
        }
        if {0.0, 1.0} <= set(right):
            scores[f"{self.id}.gain"] = mean_score(weight * (right[1.0] - right[0.0]), seed, (), groups)
        return scores


def edit_hits(x: Any, w: Any, edits: Edits, label: Index, asked: Sequence[int] | Index, step: float) -> Floats:
    """1 where the image nearest to x_image + step (w_new - w_old), but itself, has the wanted label, else 0: (q,).

    Rows of ``x`` (n, d) and ``w`` (m, d) are scaled to unit length; the first of equally near images is taken; nan
    where a row has no vector.
    """
    u, v = unit(np.asarray(x, dtype=np.float64)), unit(np.asarray(w, dtype=np.float64))
    known = np.asarray(np.isfinite(u).all(axis=1))
    gallery = np.where(known[:, None], u, 0.0)
    out = np.empty(len(asked))
    for lo in range(0, len(asked), _BLOCK):
        rows = np.asarray(asked)[lo : lo + _BLOCK]
        image = edits.image[rows]
        query = u[image] + step * (v[edits.new[rows]] - v[edits.old[rows]])
        defined = np.asarray(np.isfinite(query).all(axis=1))
        near = np.where(defined[:, None], query, 0.0) @ gallery.T
        near[:, ~known] = -np.inf
        near[np.arange(len(rows)), image] = -np.inf
        hits = (label[near.argmax(axis=1)] == edits.wanted[rows]).astype(np.float64)
        out[lo : lo + _BLOCK] = np.where(defined, hits, np.nan)
    return out


ENTRIES = {
    "simat": EditTask(
        "simat",
        "simat",
        about={
            "kind": "image arithmetic",
            "unit": "image and text",
            "measure": "weighted share of 9,063 changes of an image by the difference of two words whose nearest other "
            "image has the wanted triplet; lambda 0 is the control",
            "cite": "couairon2022",
            "default": False,
        },
    )
}
