"""Scores of models on one's own texts without labels: published, and no proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedscope.core.arrays import unit_rows
from embedscope.core.document import Column, Finding, Table
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.geometry.measure import measure
from embedscope.metrics.spectra import alpha_req, matrix_entropy
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import Texts, encode, texts_of
from embedscope.stats.neighbours import match_ranks

METRICS: tuple[Any, ...] = (matrix_entropy, "effective_rank", alpha_req)

MOST = 2000
"""Texts that are read again with words left out."""

DROPPED = 10
"""One word of so many is left out."""

NO_PROOF = (
    "These scores need no labels and prove nothing: a randomly initialised model can lead by them, and the layer of "
    "MiniLM that alpha_req chooses loses 0.32 of rank correlation on STS-B. Judge on 50 queries with judgements: "
    "embedscope evaluate MODEL --queries Q --corpus D --qrels R."
)


def without_words(text: str) -> str:
    """``text`` with one word in ten left out, at least one where there are three or more; by the hash of the text.

    >>> without_words("one two")
    'one two'
    >>> len(without_words("the cat sat on the mat").split())
    5
    """
    words = text.split()
    if len(words) < _SHORT:
        return text
    out = max(1, len(words) // DROPPED)
    rng = np.random.default_rng(int(hash_texts([text])[0]))
    gone = set(rng.choice(len(words), out, replace=False).tolist())
    return " ".join(word for i, word in enumerate(words) if i not in gone)


_SHORT = 3


def label_free(
    models: Sequence[str],
    texts: Any,
    images: Any = None,
    *,
    seed: int = 0,
    progress: Progress,
    command: str = "",
    **model: Any,
) -> tuple[list[Record], dict[str, Any]]:
    """Records of every model and layer, and the provenance.

    ``matrix_entropy``, ``effective_rank`` (RankMe) and ``alpha_req`` of every layer that is named, and
    ``word_stability`` of the model's own vector: share of texts that are found first by themselves with one word in ten
    left out; of texts only.
    """
    read = {"texts": texts, "unit": "sentence"} if images is None else {"texts": texts, "images": images}
    read |= model
    measured = measure(models, metrics=METRICS, seed=seed, progress=progress, command=command, **read)
    records = list(measured.records)
    if images is not None:
        return records, dict(measured.provenance)
    opening = {k: v for k, v in model.items() if k not in ("layers", "pooling", "max_rows")}
    options = ModelOptions(seed=seed, **opening)
    provenance = Provenance(command, seed)
    given = texts_of(texts, options.data, provenance)
    distinct = tuple(dict.fromkeys(given.texts))
    rows = Texts(given.name, distinct, distinct).sample(MOST, seed)
    if len(rows.texts) < _FEWEST:
        raise InputError(f"comparing models takes at least {_FEWEST} different texts, got {len(rows.texts)}")
    changed = tuple(without_words(t) for t in rows.texts)
    for uri in models:
        space, (x, y) = encode(uri, (rows, Texts(given.name, changed, changed)), options, provenance, progress)
        records.append(_stability(uri, space, x, y, rows.texts, changed))
    return records, dict(measured.provenance)


_FEWEST = 50


def _stability(uri: str, space: str, x: Any, y: Any, texts: Sequence[str], changed: Sequence[str]) -> Record:
    other = np.flatnonzero([a != b for a, b in zip(texts, changed, strict=True)])
    if len(other) < _FEWEST:
        why = f"undefined: {len(other)} texts have three words or more, wanted {_FEWEST}"
        return Record(uri, "word_stability", None, space=space, note=why)
    documents, queries = unit_rows(np.asarray(x, np.float64))[0], unit_rows(np.asarray(y, np.float64))[0]
    ranks = match_ranks(queries[other], documents, np.arange(len(other)), other)
    hits = ranks == 1
    share, n = float(hits.mean()), len(hits)
    error = float(np.sqrt(max(share * (1 - share), 1 / n / 4) / n))
    z = 1.96
    middle, half = (
        (share + z * z / 2 / n) / (1 + z * z / n),
        z * np.sqrt(share * (1 - share) / n + z * z / 4 / n / n) / (1 + z * z / n),
    )
    return Record(
        uri, "word_stability", share, space=space, stderr=error, ci_low=float(middle - half),
        ci_high=float(middle + half), n=n, dim=int(x.shape[1]), rows="unit",
    )  # fmt: skip


SCORES = ("word_stability", "matrix_entropy", "effective_rank", "alpha_req")


def table(records: Sequence[Record]) -> Table:
    """One row for every model and layer."""
    spaces = list(dict.fromkeys((r.source, r.pooling, r.space) for r in records))
    value = {(r.source, r.pooling, r.space, r.metric): r.value for r in records}
    best: dict[str, Any] = {"word_stability": "high", "matrix_entropy": "high", "effective_rank": "high"}
    scores = [m for m in SCORES if any(r.metric == m for r in records)]
    columns = (
        Column("model"),
        Column("space"),
        *(Column(s, 3 if s != "effective_rank" else 1, best=best.get(s)) for s in scores),
    )
    rows = tuple((s, space or "", *(value.get((s, p, space, m)) for m in scores)) for s, p, space in spaces)
    caption = "matrix_entropy, effective_rank (RankMe) and alpha_req (1 is said to be best) are of the spectrum."
    if SCORES[0] in scores:
        caption = f"word_stability: share of texts found first by themselves with a word in ten left out. {caption}"
    return Table("label_free", "Scores without labels", columns, rows, caption)


def findings(records: Sequence[Record]) -> list[Finding]:
    """Which model leads by which score, and that this is no proof."""
    out = []
    for metric in SCORES[:3]:
        known = [r for r in records if r.metric == metric and r.value is not None]
        if len({r.source for r in known}) < 2:
            continue
        top = max(known, key=lambda r: r.value or 0.0)
        rest = [r for r in known if r.source != top.source]
        second = max(rest, key=lambda r: r.value or 0.0)
        sure = top.ci_low is not None and second.ci_high is not None and top.ci_low > second.ci_high
        text = f"By {metric}, {top.source} ({top.space}) leads with {top.value:.3g}, before {second.source} with "
        text += f"{second.value:.3g}." if sure else f"{second.value:.3g}; the intervals overlap."
        out.append(Finding(text, "info" if sure else "undecided"))
    return [*out, Finding(NO_PROOF, "info")]
