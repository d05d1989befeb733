"""Retrieval with your own queries, documents and judgements: nDCG@10, recall, MRR, a mixed index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.tables import Index
from embedscope.evaluation.scoring import parse_transform
from embedscope.evaluation.summary import score_document
from embedscope.sources.grouped_stream import read_groups
from embedscope.sources.options import ModelOptions
from embedscope.sources.paired_vectors import hash_groups
from embedscope.sources.retrieval_data import (
    Collection,
    JudgedRows,
    RetrievalSpace,
    judged_rows,
    judgements_of,
    own_documents,
    read_collection,
    read_corpus,
    retrieval_spaces,
)
from embedscope.stats.bootstrap import N_DRAWS
from embedscope.stats.score_records import score_record

KS = (1, 10, 100)


def retrieval(  # noqa: PLR0913
    queries: Any,
    corpus: Any,
    qrels: Any,
    *,
    source: str | None = None,
    query_ids: Any = None,
    corpus_ids: Sequence[Any] = (),
    corpus_modality: Any = None,
    layers: str | None = None,
    pooling: str | None = None,
    transform: str | None = None,
    score: str | None = None,
    ignore_identical_ids: bool = False,
    allow_missing: bool = False,
    groups: Any = None,
    seed: int = 0,
    cache: bool = True,
    model: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Rank ``corpus`` for every query and score the rankings against ``qrels``, as trec_eval does.

    Parameters
    ----------
    queries : file of vectors, BEIR ``queries.jsonl``, {id: text}, {id: vector}, or (m, d) vectors with ``query_ids``
    corpus : the same for documents; several ``MODALITY=FILE`` make a mixed index
    qrels : judgements in the format of TREC or BEIR, or {query id: {document id: grade}}
    source : model that encodes texts; None for vectors
    query_ids, corpus_ids : one id per row, from a text file or an array, one for each corpus; ``STEM.ids.txt`` beside
        a file of vectors by default
    corpus_modality : modality of each document, one per row, where one corpus holds several
    layers, pooling : of a model; its own text vector by default (see :mod:`embedscope.sources.models`)
    transform : chain such as ``center``, fitted on the corpus and applied to both sides
    score : ``cosine``, ``dot``, ``euclidean`` or ``manhattan``; that saved with the model, or cosine, where None
    ignore_identical_ids : a document with the id of the query is no result of it, the rule of BEIR
    allow_missing : leave out judgements of unknown queries and documents, and say how many
    groups : what each query belongs to, one per row; the bootstrap draws whole groups
    model : other fields of ``ModelOptions``: device, dtype, trust_remote_code, prompts

    Returns
    -------
    Result with ``ndcg@10``, ``recall@1``, ``@10``, ``@100`` and ``mrr``; of a mixed index also the scores of
    ``tasks.mixed.mixed_scores``, each with the bootstrap over queries

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError
    """
    from embedscope.encoders import source_name

    source = source_name(source)
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    with provenance.phase("data"):
        asked = read_collection(queries, query_ids, provenance, "queries")
        named = list(corpus) if isinstance(corpus, list | tuple) else [corpus]
        pool = read_corpus(named, corpus_ids, corpus_modality, provenance)
        judged = judged_rows(judgements_of(qrels, provenance), asked, pool, allow_missing=allow_missing)
        same = own_documents(asked, pool)
        belongs = None if groups is None else _query_groups(groups, len(asked), queries)
    how = _Ranking(transform, same if ignore_identical_ids and (same >= 0).any() else None, belongs, seed)
    provenance.settings = {
        "queries": asked.name,
        "corpus": pool.name,
        "qrels": str(qrels) if isinstance(qrels, str | Path) else "qrels",
        "layers": layers,
        "pooling": pooling,
        "transform": transform,
        "score": score,
        "ignore_identical_ids": ignore_identical_ids,
        "bootstrap_draws": N_DRAWS,
    }
    judged = replace(judged, notes=(*judged.notes, *_identical_notes(same, ignore_identical_ids)))
    name = Path(qrels).stem if isinstance(qrels, str | Path) else "qrels"
    given = {**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "seed": seed}
    given |= {} if score is None else {"score": score}
    options = ModelOptions.of(given)
    records: list[Record] = []
    for space in retrieval_spaces(asked, pool, source, options, provenance, progress):
        with provenance.phase(f"scores {space.space}"):
            records += _records(space, pool, judged, how, name)
    return Result(tuple(records), provenance.as_dict(), score_document(records))


@dataclass(frozen=True, eq=False)
class _Ranking:
    """How documents are ranked: row ``skip`` (m,) is no result of a query, ``groups`` (m,) are drawn whole."""

    transform: str | None
    skip: Index | None
    groups: Index | None
    seed: int


def _query_groups(groups: Any, n: int, queries: Any) -> Index:
    """Number of the group of each of the ``n`` queries, from 0."""
    labels = read_groups(groups, str(queries) if isinstance(queries, str | Path) else "the queries")
    return np.unique(hash_groups(labels, n, "query"), return_inverse=True)[1].astype(np.intp)


def _identical_notes(same: Index, ignored: bool) -> list[str]:
    count = int((same >= 0).sum())
    if not count:
        return []
    if ignored:
        return [f"the document with the id of the query is no result, for {count:,} of {len(same):,} queries"]
    return [
        f"{count:,} of {len(same):,} queries have the id of a document, which counts as a result; "
        "--ignore-identical-ids leaves it out, as BEIR does"
    ]


def _records(
    space: RetrievalSpace, corpus: Collection, judged: JudgedRows, how: _Ranking, name: str
) -> Iterator[Record]:
    from embedscope.tasks.mixed import mixed_scores
    from embedscope.tasks.retrieval import judged_scores

    if corpus.modalities and space.score != "cosine":
        raise InputError(
            f"a mixed index is scored by cosine, and {space.source} compares by {space.score}; add --score cosine"
        )
    queries, documents, chain = space.queries, space.corpus, parse_transform(how.transform)
    if chain is not None:
        chain.fit(np.asarray(documents, dtype=np.float64))
        queries, documents = (chain.transform(np.asarray(x, dtype=np.float64)) for x in (queries, documents))
    pairs = judged.query, judged.document, judged.grade
    shared: dict[str, Any] = {"seed": how.seed, "document_ids": corpus.ids}
    shared |= {"skip": how.skip, "groups": how.groups}
    scores = judged_scores(queries, documents, pairs, ks=KS, score=space.score, **shared)
    if corpus.modalities:
        scores |= mixed_scores(queries, documents, pairs, corpus.modalities, **shared)
    notes = [*([space.note] if space.note else []), *judged.notes]
    for metric, score in scores.items():
        yield score_record(
            score,
            note="; ".join(notes),
            source=space.source,
            pooling=space.pooling,
            space=space.space,
            task=name,
            metric=metric,
            dim=space.corpus.shape[1],
            rows="unit" if space.score == "cosine" else "raw",
            transform=how.transform,
            fitted_on=None if how.transform is None else f"the {len(corpus)} documents",
        )
