"""One vector per concept: the mean over its images or contexts, with their number and spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.tables import Classes, Data, Index, Matches


@dataclass(frozen=True, eq=False)
class Concepts:
    """Mean vectors of concepts.

    Attributes
    ----------
    x : (n, d) mean over the images (or contexts) of each concept, nan for a concept without one
    count : (n,) images of each concept
    spread : (n,) mean of 1 - cosine between the images of a concept and their mean, 0 for a single image
    averaged, of : what is averaged, and for what; they name the counts in notes and facts
    source : where the images or contexts come from; None where the data set says it
    """

    x: Floats
    count: Index
    spread: Floats
    averaged: str = "images"
    of: str = "concept"
    source: str | None = None

    @property
    def note(self) -> str:
        """Counts and spread in words, for the records."""
        some = self.count > 0
        counts = self.count[some]
        span = str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
        mean = f"mean over {span} {self.averaged} per {self.of}"
        spread = f"spread {self.spread[some].mean():.3f} (1 - cosine to the mean)"
        missing = int((~some).sum())
        lost = f"{missing:,} of {len(some):,} {self.of}s without {self.averaged}" if missing else None
        return "; ".join(filter(None, [f"{mean}, {spread}", lost, self.source]))

    @property
    def cosine(self) -> float:
        """Mean cosine between an image and the mean of its concept."""
        some = self.count > 0
        return 1.0 - float(self.spread[some] @ self.count[some] / self.count.sum())

    def facts(self, names: Sequence[str]) -> dict[str, Any]:
        """Counts and spreads for the provenance: over all concepts, and of each concept by its name (n,)."""
        some = self.count > 0
        each = zip(names, self.count.tolist(), self.spread.tolist(), strict=True)
        return {
            self.averaged: int(self.count.sum()),
            f"{self.averaged}_per_{self.of}": np.unique(self.count).tolist(),
            f"{self.of}s_without": int((~some).sum()),
            "mean_spread": round(float(self.spread[some].mean()), 6),
            "count_and_spread": {name: [n, round(spread, 6) if n else None] for name, n, spread in each},
        }


def concept_means(x: npt.NDArray[Any], concept: Index, n: int) -> Concepts:
    """Mean of the rows ``x`` (m, d) of each of ``n`` concepts; ``concept`` (m,) numbers the concept of each row.

    >>> means = concept_means(np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 3.0]]), np.array([0, 0, 1]), 3)
    >>> means.x.tolist(), means.count.tolist(), means.spread.round(3).tolist()
    ([[1.0, 1.0], [0.0, 3.0], [nan, nan]], [2, 1, 0], [0.293, 0.0, nan])
    """
    x = np.asarray(x, dtype=np.float64)
    count = np.bincount(concept, minlength=n).astype(np.intp)
    sums = np.zeros((n, x.shape[1]))
    np.add.at(sums, concept, x)
    mean = np.divide(sums, count[:, None], out=np.full(sums.shape, np.nan), where=count[:, None] > 0)
    cosines = np.zeros(len(x))
    directed = np.isfinite(mean[concept]).all(axis=1) & mean[concept].any(axis=1) & x.any(axis=1)
    u, v = unit_rows(x[directed])[0], unit_rows(mean[concept][directed])[0]
    cosines[directed] = np.einsum("ij,ij->i", u, v)
    total = np.bincount(concept, 1 - cosines, minlength=n)
    spread = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    return Concepts(mean, count, np.where(count == 1, 0.0, spread))


def images_of(data: Data, table: str) -> tuple[tuple[Image, ...], Index]:
    """The images that show rows of ``table`` (m,), and the row that each shows (m,).

    Raises
    ------
    InputError
        if no relation of the data set says which images show which rows.
    """
    names = data.tables[table].texts
    for relation in data.relations.values():
        if isinstance(relation, Matches) and relation.left_table in data.images and relation.right_table == table:
            images = data.images[relation.left_table].images
            return tuple(images[i] for i in relation.left), relation.right
        if isinstance(relation, Classes) and relation.table in data.images and relation.names == names:
            return data.images[relation.table].images, relation.label
    raise InputError(f"data set {data.name} has no images of its table {table}; name a model of texts, or emoji")
