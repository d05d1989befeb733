"""``embedscope.evaluate``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from embedscope.api._inputs import (
    collection_of,
    comma,
    corpus_ids_of,
    cost_options,
    labels_of,
    progress_of,
    refuse,
    source_of,
    strings,
)
from embedscope.api._keywords import public
from embedscope.core.choices import Dtype, Score
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result


@public
def evaluate(  # noqa: C901, PLR0913 (one refusal for each pair of options that do not go together)
    source: Any = None,
    *,
    tasks: str | Iterable[str] | None = None,
    queries: Any = None,
    corpus: Any = None,
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Any = None,
    corpus_modality: Any = None,
    score: Score | None = None,
    ignore_identical_ids: bool = False,
    allow_missing: bool = False,
    explain: str | None = None,
    repair: Any = None,
    groups: Any = None,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    layers: str | Iterable[str | int] | None = None,
    pooling: str | Iterable[str] | None = None,
    transform: str | None = None,
    names: str | Path | Sequence[str] | None = None,
    contexts: str | Path | Sequence[str] | None = None,
    items: str | Path | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Result:
    """Scores on tasks, or on your own queries, documents and relevance judgements, with bootstrap intervals.

    Parameters
    ----------
    source : model, or list of models: a name, an object with ``encode`` or ``embed_documents``, a function from texts
        to vectors; or a file of vectors with ``names``. None for retrieval with vectors
    tasks : names (``embedscope.list_tasks()``)
    queries, corpus : for retrieval: a file of vectors, BEIR JSON lines, {id: text}, {id: vector}, or an array with ids;
        for a mixed index a list of ``MODALITY=FILE``
    qrels : file in the format of TREC or BEIR, or {query id: {document id: grade}}
    query_ids, corpus_ids : one id per row of an array or file of vectors
    corpus_modality : modality of each document, where one corpus holds several
    score : how documents are ranked; as saved with the model, or cosine, where None
    query_prompt, document_prompt : put before every query or document, in place of those of the model
    ignore_identical_ids : a document with the id of the query is not a result of it, the rule of BEIR
    allow_missing : skip judgements of unknown queries and documents
    explain : id of a query: why it ranks its relevant documents where it does, in place of scores of all queries
    repair : with ``explain``, a repair or its file whose effect on this query is shown
    groups : what each query belongs to: the bootstrap draws whole groups
    layers, pooling : of a model; for tasks all that fit, for retrieval the model's own sentence vector
    transform : chain such as ``center,abtt:1``, fitted on the texts of the tasks or on the corpus
    names : text of each row of a file of vectors
    contexts : sentences for the pooling ``contexts:N``
    items : CSV file for the value of every scored item
    device, dtype, trust_remote_code, cache, yes, data : how models are run, and the folder of data sets
    seed : of the bootstrap
    progress : True shows bars on standard error

    Raises
    ------
    InputError, UnknownNameError, UnknownOptionError, DataUnavailableError, MissingExtraError

    Examples
    --------
    >>> result = evaluate(
    ...     queries={"q": [1.0, 0.0]}, corpus={"a": [0.9, 0.1], "b": [0.0, 1.0]}, qrels={"q": {"a": 1}}
    ... )
    >>> result["ndcg@10"].value
    1.0
    """
    model: dict[str, Any] = {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
    model |= cost_options(yes)
    shared: dict[str, Any] = {
        "transform": transform,
        "seed": seed,
        "cache": cache,
        "progress": progress_of(progress),
    }
    given = {"queries": queries, "corpus": corpus, "qrels": qrels}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        from embedscope.evaluation.evaluate import evaluate as evaluated

        if source is None:
            raise InputError("nothing to evaluate: pass a model with tasks, or queries, corpus and qrels")
        refuse(
            "is for retrieval with queries, corpus and qrels",
            query_ids=query_ids,
            corpus_ids=corpus_ids,
            corpus_modality=corpus_modality,
            score=score,
            ignore_identical_ids=ignore_identical_ids,
            allow_missing=allow_missing,
            explain=explain,
            repair=repair,
            groups=groups,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
        )
        chosen = source_of(source)
        if not isinstance(chosen, str | Path | list):
            raise InputError("tasks need texts: pass a model, a file of vectors with names, or a function of texts")
        return evaluated(
            [str(chosen)] if isinstance(chosen, str | Path) else [str(s) for s in chosen],
            tasks=strings(tasks) or [],
            pooling=comma(pooling),
            layers=comma(layers) or "all",
            names=names,
            contexts=contexts,
            items=items,
            data=data,
            **model,
            **shared,
        )
    if missing:
        raise InputError(f"retrieval needs queries, corpus and qrels; {' and '.join(missing)} is missing")
    if tasks:
        raise InputError("tasks and queries are two evaluations; run them one after the other")
    refuse("is for tasks, and this is retrieval", names=names, contexts=contexts, items=items)
    if explain is not None and (score is not None or groups is not None):
        raise InputError(
            "score and groups are for scores of all queries, and explain ranks one by cosine; leave them out"
        )
    from embedscope.evaluation.explanation import explain as explained
    from embedscope.evaluation.retrieval import retrieval

    several = isinstance(corpus, list | tuple) and bool(corpus) and isinstance(corpus[0], str)
    one = source_of(source) if source is not None else None
    if isinstance(one, list) and len(one) == 1:
        one = one[0]
    if one is not None and not isinstance(one, str | Path):
        raise InputError("retrieval takes one model; pass vectors as queries and corpus")
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    places = (
        collection_of(queries, "queries"),
        list(corpus) if several else collection_of(corpus, "corpus"),
        qrels,
    )
    asked: dict[str, Any] = dict(
        source=None if one is None else str(one),
        query_ids=labels_of(query_ids, "query_ids"),
        corpus_ids=corpus_ids_of(corpus_ids, several),
        corpus_modality=labels_of(corpus_modality, "corpus_modality"),
        ignore_identical_ids=ignore_identical_ids,
        allow_missing=allow_missing,
        layers=comma(layers),
        pooling=comma(pooling),
        model=model | {k: v for k, v in prompts.items() if v is not None},
        **shared,
    )
    if explain is None and repair is not None:
        raise InputError("repair is for explain: name the query whose ranking it changes, or apply it first")
    if explain is not None:
        return explained(*places, str(explain), repair=getattr(repair, "repair", repair), **asked)
    return retrieval(*places, score=score, groups=labels_of(groups, "groups"), **asked)
