"""Retrieval by class: the prompt of a class asks, and the rows of that class are relevant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.tables import Classes, Data, Score
from embedscope.core.wording import count
from embedscope.tasks._matches import any_rows
from embedscope.tasks.retrieval import judged_scores


@dataclass(frozen=True)
class ClassRetrievalTask:
    """nDCG@10 of the rows of a class for its prompt, and recall and MRR beside it; rows are ranked by cosine.

    ``items`` is the relation of the classes, ``prompts`` a table with one text per class.
    """

    id: str
    dataset: str
    items: str
    prompts: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[str, str]:
        """Table of what is found, and of what asks."""
        return self.items, self.prompts

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """Scores by id, the main one first; rows without a direction are left out and counted."""
        classes = data.relations[self.items]
        assert isinstance(classes, Classes)
        x, asked = any_rows(vectors, data, classes.table), any_rows(vectors, data, self.prompts)
        if x.shape[1] != asked.shape[1]:
            reason = (
                f"undefined: images have {x.shape[1]} dimensions and prompts {asked.shape[1]}; fit an alignment first"
            )
            return {self.id: Score(None, 0, note=reason)}
        norms = np.linalg.norm(np.asarray(x, dtype=np.float64), axis=1)
        kept = np.flatnonzero(np.isfinite(norms) & (norms > 0))
        label = classes.label[kept]
        judged = label, np.arange(len(kept)), np.ones(len(kept))
        scores = judged_scores(asked, x[kept], judged, seed=seed)
        lost = f"{count(len(x) - len(kept), 'row')} without a direction left out" if len(kept) < len(x) else ""
        first = scores.pop("ndcg@10")
        named = {self.id: first} | {f"{self.id}.{name}": score for name, score in scores.items()}
        return {
            name: replace(score, note="; ".join(filter(None, (score.note, lost)))) if lost else score
            for name, score in named.items()
        }
