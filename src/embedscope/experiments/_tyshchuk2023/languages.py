"""Parallel texts in other languages: distance ratio, and what Procrustes makes of cross-language search (item 11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Scatter
from embedscope.core.records import Record
from embedscope.core.tables import Index
from embedscope.experiments._tyshchuk2023.maps import umap
from embedscope.experiments._tyshchuk2023.pairs import KeptScores, Place
from embedscope.experiments._tyshchuk2023.plots import map_scatter
from embedscope.experiments._tyshchuk2023.study_data import Parallel, order_of
from embedscope.experiments._tyshchuk2023.vectors import Vectors, unit
from embedscope.experiments._tyshchuk2023.views import Pairing

TEST_SHARE = 0.1
ISOTROPY = ("i1", "i2", "self_similarity")
SHOWN = 400


def split(parallel: Parallel, seed: int) -> tuple[Index, Index]:
    """Pairs to fit on and pairs to test on, by a hash of the English text: one text is never in both."""
    order = order_of(parallel.english, seed)
    test = np.zeros(len(parallel.english), dtype=bool)
    test[order[: max(1, round(TEST_SHARE * len(order)))]] = True
    held = test[parallel.right]
    return np.flatnonzero(~held), np.flatnonzero(held)


def language_records(vectors: Vectors, parallel: Parallel, seed: int, kept: KeptScores) -> Iterator[Record]:
    """Distance ratio on raw vectors, isotropy of both languages, recall@1 held out before and after Procrustes."""
    from embedscope.geometry.measure import measure
    from embedscope.tasks.parallel import parallel_distance_ratio, parallel_retrieval

    code, task = parallel.language, parallel.data
    x, y = vectors.languages[code][parallel.left], vectors.english[code][parallel.right]
    plain = Place(vectors.source, task, dim=x.shape[1])
    for name, score in parallel_distance_ratio(x, y, seed=seed).items():
        metric = "parallel_distance_ratio" + ("" if name == "ratio" else f".{name}")
        yield replace(plain.record(metric, score, subset=code), rows="raw", space="text")
    for side, rows in ((code, vectors.languages[code]), ("en", vectors.english[code])):
        for record in measure({"text": rows}, metrics=ISOTROPY, rows="unit", name=vectors.source):
            yield replace(record, task=f"{task}.{code}", subset=side)
    fit, test = split(parallel, seed)
    u, v = unit(x), unit(y)
    for transform in (None, "procrustes"):
        view = Pairing(u[fit], v[fit], seed).view(transform)
        left, right = view(u[test], v[test])
        place = Place(vectors.source, task, transform, "other names" if transform else None, x.shape[1])
        for metric, score in parallel_retrieval(left, right, names=(code, "en"), seed=seed).items():
            yield replace(place.record(metric, score, subset="unseen names"), space="text")
            if score.items is not None:
                kept.add(metric, "unseen names", transform, score, np.arange(len(score.items)))


ARTICLE = ("fr", "ru", "de")
"""Languages of the article's figures, drawn where they are available; else the first three."""


def language_map(vectors: Vectors, parallel: Sequence[Parallel], seed: int) -> Scatter:
    """UMAP of texts in English and three other languages, the raw vectors (Figures 14 and 15)."""
    shown = [p for p in parallel if p.language in ARTICLE] or list(parallel[:3])
    blocks: list[Floats] = []
    names: dict[str, list[str]] = {}
    for one in shown:
        _, test = split(one, seed)
        rows = test[: SHOWN // len(shown)]
        blocks.append(vectors.languages[one.language][one.left[rows]])
        names[one.language] = [one.texts[i] for i in one.left[rows]]
        blocks.append(vectors.english[one.language][one.right[rows]])
        names[f"en ({one.language})"] = [one.english[i] for i in one.right[rows]]
    ends = np.cumsum([len(block) for block in blocks])
    places = {name: slice(int(end - len(b)), int(end)) for name, end, b in zip(names, ends, blocks, strict=True)}
    codes = ", ".join(one.language for one in shown)
    return map_scatter(
        "umap-languages",
        f"{vectors.label}: texts in {codes} and English",
        umap(np.concatenate(blocks), seed),
        places,
        {},
        names,
        f"UMAP of {ends[-1]} texts, raw vectors; each language with the English texts that it translates. Separate "
        "clusters per language: search across languages fails.",
    )
