"""Vectors for the evidence of repairs, and what a repair is worth on data that its decision never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _rows
from embedscope.certification.judges._pair_scores import Mapped, pair_scores
from embedscope.certification.pair_rows import PairRows
from embedscope.certification.split import connected_components
from embedscope.core.ids import hash_texts
from embedscope.core.tables import Data, Score
from embedscope.datasets import DATASETS, Finder
from embedscope.stats.bootstrap import Difference, paired_difference
from embedscope.tasks.correlations import rank_score
from embedscope.tasks.cosines import pair_cosines
from embedscope.transforms.repair import Repair

Matrix = Any
FOLDER: list[Path | None] = [_rows.FOLDER if _rows.FOLDER.is_dir() else None]


@dataclass(frozen=True, eq=False)
class Case:
    """One decision and its hidden test.

    Attributes
    ----------
    given : arguments of ``repair`` that hold the data
    effect : a repair -> its paired difference on the hidden test, None where there is none
    hidden : what the hidden test is
    """

    given: dict[str, Any]
    effect: Callable[[Repair], Difference] | None
    hidden: str


@lru_cache(maxsize=4)
def data(name: str) -> Data:
    """A data set, from the folder given on the command line or from installed packages."""
    return DATASETS.get(name).load(Finder(FOLDER[0]))


def pooled(model: str, texts: Sequence[str]) -> Matrix:
    """The sentence vectors that a model itself defines (n, d)."""
    from embedscope.core.cache import VectorCache
    from embedscope.encoders import open_model
    from embedscope.sources.text_vectors import extract

    encoder = open_model(model)
    distinct = list(dict.fromkeys(texts))
    return extract(encoder, distinct, [None], cache=VectorCache()).matrix(None, "pooled", list(texts))


def mean_states(model: str, texts: Sequence[str]) -> Matrix:
    """Mean over the tokens of each text of the final states, as mean pooling does (n, d)."""
    from embedscope.encoders import open_model
    from embedscope.sources.token_streams import token_stream

    encoder = open_model(model)
    distinct = list(dict.fromkeys(texts))
    stream = token_stream(encoder, distinct, sample=None, seed=0, pooling="plain")
    space = list(stream.dims)[-1]
    place = {int(h): i for i, h in enumerate(hash_texts(distinct))}
    sums, counts = np.zeros((len(distinct), stream.dims[space])), np.zeros(len(distinct))
    for shard in stream.shards():
        for batch in shard.batches():
            rows = np.array([place[int(c)] for c in batch.clusters])
            np.add.at(sums, rows, np.asarray(batch.spaces[space], dtype=np.float64))
            np.add.at(counts, rows, 1)
    of = {text: i for i, text in enumerate(distinct)}
    return (sums / counts[:, None])[[of[t] for t in texts]]


def pictures(model: str, images: Sequence[Any], space: str) -> Matrix:
    """Vectors of pictures (n, d)."""
    from embedscope.core.cache import VectorCache
    from embedscope.encoders import open_image_encoder
    from embedscope.sources.image_vectors import image_vectors

    return image_vectors(open_image_encoder(model), images, VectorCache()).matrix(space)


def pair_effect(x: Matrix, y: Matrix, left: Matrix, right: Matrix, main: str) -> Callable[[Repair], Difference]:
    """Gain of ``main`` on all pairs of the hidden rows."""
    of = connected_components(len(x) + len(y), left, right + len(x))
    rows = PairRows(x, y, left, right, of[: len(x)], of[len(x) :], np.arange(len(x)), np.arange(len(y)))

    def gain(repair: Repair) -> Difference:
        a, b = repair.kinds
        mapped = Mapped(repair.transform(np.float64(x), a), repair.transform(np.float64(y), b))
        after = pair_scores(mapped, rows, ("a", "b"), 0).scores[main]
        if x.shape[1] != y.shape[1]:
            return paired_difference(after, Score(0.0, after.n, np.zeros(1000)))
        return paired_difference(after, pair_scores(Mapped(x, y), rows, ("a", "b"), 0).scores[main])

    return gain


def scored_effect(x: Matrix, left: Matrix, right: Matrix, gold: Matrix) -> Callable[[Repair], Difference]:
    """Gain of the rank correlation on hidden scored pairs."""

    def score(rows: Matrix) -> Score:
        return rank_score(pair_cosines(rows, left, right), gold, 0, "cosines", ())

    return lambda repair: paired_difference(score(repair.transform(np.float64(x))), score(np.float64(x)))
