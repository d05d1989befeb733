"""ValNorm: does the direction from unpleasant to pleasant words order the words of a lexicon as people do?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Labels, Score
from embedscope.stats.correlation import FLAT
from embedscope.tasks.correlations import linear_score
from embedscope.tasks.cosines import check_rows, gaps, unit

IDS = ("valnorm", "valnorm_vader")
_BLOCK = 512


def effect_sizes(words: npt.NDArray[Any], pleasant: npt.NDArray[Any], unpleasant: npt.NDArray[Any]) -> Floats:
    """SC-WEAT effect size of each row of ``words`` (n, d) against ``pleasant`` (p, d) and ``unpleasant`` (q, d).

    (mean cosine to pleasant - mean cosine to unpleasant) / standard deviation of all p + q cosines (ddof 1).

    Returns
    -------
    (n,), nan for a word that is zero, not finite, or has the same cosine to all attribute words; Caliskan et al. 2017
    [caliskan2017]

    >>> effect_sizes(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])).round(12).tolist()
    [1.414213562373]
    """
    a, b = unit(pleasant), unit(unpleasant)
    a, b = a[np.isfinite(a).all(axis=1)], b[np.isfinite(b).all(axis=1)]
    out = np.full(len(words), np.nan)
    if not len(a) or not len(b):
        return out
    for lo in range(0, len(words), _BLOCK):
        cosines = unit(words[lo : lo + _BLOCK]) @ np.concatenate([a, b]).T
        varies = np.ptp(cosines, axis=1) >= FLAT
        known = cosines[varies]
        difference = known[:, : len(a)].mean(axis=1) - known[:, len(a) :].mean(axis=1)
        out[lo : lo + _BLOCK][varies] = difference / known.std(axis=1, ddof=1)
    return out


@dataclass(frozen=True)
class ValNorm:
    """Pearson correlation of SC-WEAT effect sizes with human valence; Toney-Wails & Caliskan 2021 [toney2021]."""

    id: str
    dataset: str
    about: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, ...] = ("words", "pleasant", "unpleasant")

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """The score by id; words without an effect size are left out and counted.

        Raises
        ------
        InputError
            if the vectors are not one row per text of each table.
        """
        labels = data.relations["valence"]
        if not isinstance(labels, Labels):
            raise InputError(f"task {self.id} wants labels, got {type(labels).__name__} {data.name}.valence")
        words, pleasant, unpleasant = (check_rows(vectors, data, table) for table in self.tables)
        effects = effect_sizes(words, pleasant, unpleasant)
        notes = []
        if left_out := int((~np.isfinite(effects)).sum()):
            causes = gaps(words, "word")
            constant = left_out - sum(int(cause.split()[0]) for cause in causes)
            causes += [f"{constant} without an effect size"] if constant else []
            notes.append(f"{left_out} words left out: {', '.join(causes)}")
        notes += [f"attributes left out: {gap}" for x in (pleasant, unpleasant) for gap in gaps(x, "word")]
        return {self.id: linear_score(effects, labels.gold, seed, "effect sizes", notes)}


def _task(name: str, dataset: str, cite: str) -> ValNorm:
    about = {
        "kind": "valence",
        "unit": "word",
        "measure": "Pearson correlation of SC-WEAT effect size and human valence",
        "cite": cite,
        "default": True,
    }
    return ValNorm(name, dataset, about)


ENTRIES = {
    "valnorm": _task("valnorm", "bellezza", "toney2021"),
    "valnorm_vader": _task("valnorm_vader", "vader", "hutto2014"),
}
