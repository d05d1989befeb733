"""Retrieval with the user's own queries, documents and judgements: nDCG@10, recall, MRR, a mixed index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.tables import Index, Score
from embedscope.datasets._qrels import Judgements, read_qrels
from embedscope.pipeline.collections import Collection, Place, both_sides, joined, read_collection, read_lines
from embedscope.pipeline.evaluate import parsed_chain
from embedscope.pipeline.reading import file_facts
from embedscope.stats.bootstrap import interval

KS = (1, 10, 100)


@dataclass(frozen=True)
class Judged:
    """``grade`` (p,) of row ``document`` (p,) for row ``query`` (p,); ``notes`` say what is missing."""

    query: Index
    document: Index
    grade: npt.NDArray[np.float64]
    notes: tuple[str, ...] = ()


def retrieval(  # noqa: PLR0913
    queries: str,
    corpus: str | Sequence[str],
    qrels: str | Path,
    *,
    source: str | None = None,
    query_ids: str | Path | None = None,
    corpus_ids: Sequence[str | Path] = (),
    kinds: str | Path | None = None,
    layers: str | None = None,
    setting: str | None = None,
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
    source : model that encodes texts; None for vectors
    query_ids, corpus_ids : text files with one id a row; ``STEM.ids.txt`` beside the vectors by default
    kinds : text file with the kind of each document, one a row, where one file holds a mixed corpus
    layers, setting : of a model; its own sentence vector by default
    transform : chain such as ``center``, fitted on the corpus and applied to both sides
    allow_missing : leave out judgements of queries and documents that are not there, and say how many
    model : options of ``open_model``: device, dtype, trust_remote_code

    Returns
    -------
    Result with ``ndcg@10``, ``recall@1``, ``@10``, ``@100`` and ``mrr``; of a mixed index also the scores of
    ``tasks.mixed.mixed_scores``, each with the bootstrap over queries

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError
    """
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
        "setting": setting,
        "transform": transform,
        "bootstrap_draws": 1000,
    }
    records: list[Record] = []
    for place in both_sides(asked, pool, source, (layers, setting), cache, dict(model or {}), provenance, progress):
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


def judged_rows(found: Judgements, queries: Collection, corpus: Collection, *, allow_missing: bool = False) -> Judged:
    """Judgements by row number.

    Raises
    ------
    InputError
        if they name ids that are not there, unless ``allow_missing``; if nothing is left.
    """
    notes = []
    rows = []
    for ids, collection, name in ((found.query, queries, "queries"), (found.document, corpus, "documents")):
        of = {i: row for row, i in enumerate(collection.ids)}
        missing = list(dict.fromkeys(i for i in ids if i not in of))
        rows.append(np.array([of.get(i, -1) for i in ids], dtype=np.intp))
        if not missing:
            continue
        if not allow_missing:
            raise InputError(
                f"the judgements name {len(missing)} {name} that {collection.name} does not hold, first "
                f"'{missing[0]}'; its ids look like '{collection.ids[0]}'. Add them, or leave them out with "
                "--allow-missing"
            )
        notes.append(f"judgements of {len(missing)} {name} that are not there left out")
    query, document = rows
    kept = (query >= 0) & (document >= 0)
    if not kept.any():
        raise InputError(f"none of the {len(found)} judgements fits the queries and the corpus; check the ids")
    return Judged(query[kept], document[kept], np.array(found.grade, dtype=np.float64)[kept], tuple(notes))


def _corpus(
    named: Sequence[str], ids: Sequence[str | Path], kinds: str | Path | None, provenance: Provenance
) -> Collection:
    """All documents; the kind of each from ``KIND=FILE`` or from the file ``kinds``."""
    if ids and len(ids) != len(named):
        raise InputError(f"{len(ids)} files of ids for {len(named)} corpora; name one for each, in the same order")
    split = [_kind_and_file(name) for name in named]
    if len(named) > 1 and not all(kind for kind, _ in split):
        raise InputError(
            "several corpora make a mixed index; name the kind of each, as in --corpus text=T --corpus image=I"
        )
    parts = []
    for i, (kind, file) in enumerate(split):
        part = read_collection(file, ids[i] if ids else None, provenance)
        parts.append(replace(part, kinds=(kind,) * len(part)) if kind else part)
    whole = joined(parts)
    if kinds is None:
        return whole
    if whole.kinds:
        raise InputError(f"the kinds are named twice: by --corpus KIND=FILE and by {kinds}; leave one out")
    provenance.data[str(kinds)] = file_facts(Path(kinds)) if Path(kinds).is_file() else {}
    return replace(whole, kinds=_one_a_row(read_lines(kinds), whole, kinds))


def _one_a_row(lines: tuple[str, ...], corpus: Collection, kinds: str | Path) -> tuple[str, ...]:
    if len(lines) != len(corpus) or not all(lines):
        raise InputError(f"{kinds} holds {len(lines)} kinds for {len(corpus)} documents; wanted one a row, none empty")
    return lines


def _kind_and_file(named: str) -> tuple[str, str]:
    """``KIND=FILE`` taken apart; the kind is empty where there is none, or where a file has such a name.

    >>> _kind_and_file("image=photos.npy"), _kind_and_file("photos.npy")
    (('image', 'photos.npy'), ('', 'photos.npy'))
    """
    kind, sign, file = named.partition("=")
    plain = not sign or "/" in kind or "\\" in kind or Path(named).exists()
    return ("", named) if plain else (kind.strip(), file)


def _records(
    place: Place, corpus: Collection, judged: Judged, transform: str | None, seed: int, name: str
) -> Iterator[Record]:
    from embedscope.tasks.mixed import mixed_scores
    from embedscope.tasks.retrieval import judged_scores

    queries, documents, chain = place.queries, place.corpus, parsed_chain(transform)
    if chain is not None:
        chain.fit(np.asarray(documents, dtype=np.float64))
        queries, documents = (chain.transform(np.asarray(x, dtype=np.float64)) for x in (queries, documents))
    pairs = judged.query, judged.document, judged.grade
    scores = judged_scores(queries, documents, pairs, ks=KS, seed=seed, document_ids=corpus.ids)
    if corpus.kinds:
        scores |= mixed_scores(queries, documents, pairs, corpus.kinds, seed=seed, document_ids=corpus.ids)
    record = Record(
        source=place.source,
        setting=place.setting,
        space=place.space,
        task=name,
        metric="",
        value=None,
        dim=place.corpus.shape[1],
        rows="unit",
        transform=transform,
        fitted_on=None if transform is None else f"the {len(corpus)} documents",
    )
    for metric, score in scores.items():
        yield _filled(record, metric, score, judged.notes)


def _filled(record: Record, metric: str, score: Score, notes: Sequence[str]) -> Record:
    stderr = low = high = None
    if score.value is not None and score.draws is not None:
        stderr, low, high = interval(score.value, score.draws)
    said = "; ".join([*filter(None, [score.note]), *notes]) or None
    return replace(
        record, metric=metric, value=score.value, n=score.n, stderr=stderr, ci_low=low, ci_high=high, note=said
    )
