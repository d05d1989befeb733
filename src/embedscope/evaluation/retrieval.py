"""Retrieval with your own queries, documents and judgements: nDCG@10, recall, MRR, a mixed index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.datasets._qrels import read_qrels
from embedscope.evaluation.scoring import parse_transform
from embedscope.sources.options import ModelOptions
from embedscope.sources.retrieval_data import (
    Collection,
    JudgedRows,
    RetrievalSpace,
    judged_rows,
    read_collection,
    read_corpus,
    retrieval_spaces,
)
from embedscope.stats.bootstrap import N_DRAWS
from embedscope.stats.score_records import score_record

KS = (1, 10, 100)


def retrieval(  # noqa: PLR0913
    queries: str,
    corpus: str | Sequence[str],
    qrels: str | Path,
    *,
    source: Any = None,
    query_ids: str | Path | None = None,
    corpus_ids: Sequence[str | Path] = (),
    corpus_modality: str | Path | None = None,
    layers: str | None = None,
    pooling: str | None = None,
    transform: str | None = None,
    allow_missing: bool = False,
    seed: int = 0,
    cache: bool = True,
    model: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Rank ``corpus`` by cosine for every query and score the rankings against ``qrels``, as trec_eval does.

    Parameters
    ----------
    queries : file of vectors, or BEIR ``queries.jsonl``
    corpus : the same for documents; several ``MODALITY=FILE`` make a mixed index
    qrels : judgements in the format of TREC or BEIR
    source : model that encodes texts, by name or as an object; None for vectors
    query_ids, corpus_ids : text files with one id per line; ``STEM.ids.txt`` beside the vectors by default
    corpus_modality : text file with the modality of each document, one per line, where one file is a mixed corpus
    layers, pooling : of a model; its own text vector by default (see :mod:`embedscope.sources.models`)
    transform : chain such as ``center``, fitted on the corpus and applied to queries and documents
    allow_missing : drop judgements of missing queries and documents, and report how many
    model : other fields of ``ModelOptions``: device, dtype, trust_remote_code, query_prompt, document_prompt,
        score, yes

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
        query_set = read_collection(queries, query_ids, provenance)
        sources = [corpus] if isinstance(corpus, str) else corpus
        documents = read_corpus(sources, corpus_ids, corpus_modality, provenance)
        provenance.data[str(qrels)] = file_facts(Path(qrels)) if Path(qrels).is_file() else {}
        judged = judged_rows(read_qrels(qrels), query_set, documents, allow_missing=allow_missing)
    provenance.settings = {
        "queries": queries,
        "corpus": documents.name,
        "qrels": str(qrels),
        "layers": layers,
        "pooling": pooling,
        "transform": transform,
        "bootstrap_draws": N_DRAWS,
    }
    given = {**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "seed": seed}
    options = ModelOptions.of(given)
    records: list[Record] = []
    for space in retrieval_spaces(query_set, documents, source, options, provenance, progress):
        with provenance.phase(f"scores {space.space}"):
            records += _records(space, documents, judged, transform, seed, Path(qrels).stem)
    return Result(tuple(records), provenance.as_dict())


def named_retrieval(
    sources: Sequence[str], queries: str | None, corpus: Sequence[str], qrels: str | Path | None, **options: Any
) -> Result:
    """:func:`retrieval` with the options of the command line; raises ``InputError`` for missing or conflicting ones."""
    if not queries or not corpus or not qrels:
        named = {"--queries": queries, "--corpus": corpus, "--qrels": qrels}
        missing = ", ".join(name for name, value in named.items() if not value)
        raise InputError(f"retrieval needs --queries, --corpus and --qrels, got no {missing}; add it")
    if options.pop("tasks", None):
        raise InputError("--tasks and --queries cannot be combined; run the command once for each")
    if len(sources) > 1:
        raise InputError(f"retrieval takes one model, got {', '.join(sources)}; run the command once for each")
    return retrieval(queries, corpus, qrels, source=sources[0] if sources else None, **options)


def _records(
    space: RetrievalSpace, corpus: Collection, judged: JudgedRows, transform: str | None, seed: int, name: str
) -> Iterator[Record]:
    from embedscope.tasks.mixed import mixed_scores
    from embedscope.tasks.retrieval import judged_scores

    if corpus.modalities and space.score != "cosine":
        raise InputError(
            f"a mixed index is scored by cosine, and {space.source} compares by {space.score}; add --score cosine"
        )
    queries, documents, chain = space.queries, space.corpus, parse_transform(transform)
    if chain is not None:
        chain.fit(np.asarray(documents, dtype=np.float64))
        queries, documents = (chain.transform(np.asarray(x, dtype=np.float64)) for x in (queries, documents))
    pairs = judged.query, judged.document, judged.grade
    scores = judged_scores(queries, documents, pairs, ks=KS, seed=seed, document_ids=corpus.ids, score=space.score)
    if corpus.modalities:
        scores |= mixed_scores(queries, documents, pairs, corpus.modalities, seed=seed, document_ids=corpus.ids)
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
            transform=transform,
            fitted_on=None if transform is None else f"the {len(corpus)} documents",
        )
