"""Retrieval with the user's own queries, documents and judgements: nDCG@10, recall, MRR, a mixed index."""

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
from embedscope.evaluation.scoring import parsed_chain
from embedscope.sources.retrieval_data import (
    Collection,
    Judged,
    Place,
    _corpus,
    both_sides,
    judged_rows,
    read_collection,
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
    kinds: str | Path | None = None,
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
    corpus : the same for documents; several ``KIND=FILE`` make a mixed index
    qrels : judgements in the format of TREC or BEIR
    source : model that encodes texts, by name or as an object; None for vectors
    query_ids, corpus_ids : text files with one id a row; ``STEM.ids.txt`` beside the vectors by default
    kinds : text file with the kind of each document, one a row, where one file holds a mixed corpus
    layers, pooling : of a model; its own sentence vector by default
    transform : chain such as ``center``, fitted on the corpus and applied to both sides
    allow_missing : leave out judgements of queries and documents that are not there, and say how many
    model : options of ``open_model``: device, dtype, trust_remote_code, query_prompt, document_prompt, score, yes

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
        asked = read_collection(queries, query_ids, provenance)
        pool = _corpus([corpus] if isinstance(corpus, str) else corpus, corpus_ids, kinds, provenance)
        provenance.data[str(qrels)] = file_facts(Path(qrels)) if Path(qrels).is_file() else {}
        judged = judged_rows(read_qrels(qrels), asked, pool, allow_missing=allow_missing)
    provenance.settings = {
        "queries": queries,
        "corpus": pool.name,
        "qrels": str(qrels),
        "layers": layers,
        "pooling": pooling,
        "transform": transform,
        "bootstrap_draws": N_DRAWS,
    }
    records: list[Record] = []
    for place in both_sides(asked, pool, source, (layers, pooling), cache, dict(model or {}), provenance, progress):
        with provenance.phase(f"scores {place.space}"):
            records += _records(place, pool, judged, transform, seed, Path(qrels).stem)
    return Result(tuple(records), provenance.as_dict())


def named_retrieval(
    sources: Sequence[str], queries: str | None, corpus: Sequence[str], qrels: str | Path | None, **options: Any
) -> Result:
    """``retrieval`` as the command line names it; raises ``InputError`` for what is missing or does not fit."""
    if not queries or not corpus or not qrels:
        named = {"--queries": queries, "--corpus": corpus, "--qrels": qrels}
        missing = ", ".join(name for name, value in named.items() if not value)
        raise InputError(f"retrieval needs --queries, --corpus and --qrels; {missing} is missing")
    if options.pop("tasks", None):
        raise InputError("--tasks and --queries ask for two things; run them one after the other")
    if len(sources) > 1:
        raise InputError(f"retrieval takes one model, got {', '.join(sources)}; run them one after the other")
    return retrieval(queries, corpus, qrels, source=sources[0] if sources else None, **options)


def _records(
    place: Place, corpus: Collection, judged: Judged, transform: str | None, seed: int, name: str
) -> Iterator[Record]:
    from embedscope.tasks.mixed import mixed_scores
    from embedscope.tasks.retrieval import judged_scores

    if corpus.kinds and place.score != "cosine":
        raise InputError(
            f"a mixed index is scored by cosine, and {place.source} compares by {place.score}; add --score cosine"
        )
    queries, documents, chain = place.queries, place.corpus, parsed_chain(transform)
    if chain is not None:
        chain.fit(np.asarray(documents, dtype=np.float64))
        queries, documents = (chain.transform(np.asarray(x, dtype=np.float64)) for x in (queries, documents))
    pairs = judged.query, judged.document, judged.grade
    scores = judged_scores(queries, documents, pairs, ks=KS, seed=seed, document_ids=corpus.ids, score=place.score)
    if corpus.kinds:
        scores |= mixed_scores(queries, documents, pairs, corpus.kinds, seed=seed, document_ids=corpus.ids)
    notes = [*([place.note] if place.note else []), *judged.notes]
    for metric, score in scores.items():
        yield score_record(
            score,
            note="; ".join(notes),
            source=place.source,
            pooling=place.pooling,
            space=place.space,
            task=name,
            metric=metric,
            dim=place.corpus.shape[1],
            rows="unit" if place.score == "cosine" else "raw",
            transform=transform,
            fitted_on=None if transform is None else f"the {len(corpus)} documents",
        )
