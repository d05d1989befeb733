"""``embedscope.compress``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedscope.api._inputs import (
    collection_of,
    comma,
    corpus_ids_of,
    cost_options,
    labels_of,
    progress_of,
    source_of,
    vectors_of,
)
from embedscope.api._keywords import public
from embedscope.api.repair import RepairOutcome
from embedscope.compression.compress import compress as compressed
from embedscope.core.choices import Dtype
from embedscope.core.progress import Progress
from embedscope.execution.current import running_on


@public
def compress(  # noqa: PLR0913
    source: Any = None,
    *,
    queries: Any = None,
    corpus: Any = None,
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Any = None,
    allow_missing: bool = False,
    groups: Any = None,
    candidates: str | Iterable[str] = "auto",
    tolerance: float = 0.01,
    pca_on: Any = "documents",
    max_eval_rows: int = 2_000,
    layers: str | int | None = None,
    pooling: str | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    engine: str = "local",
    seed: int = 0,
    progress: bool | Progress = False,
) -> RepairOutcome:
    """Cut and quantise an index in many ways; accept the smallest that is certified to lose at most ``tolerance``.

    Parameters
    ----------
    source : vectors of the index, as of :func:`embedscope.measure`; with ``corpus`` a model
    queries, corpus, qrels, query_ids, corpus_ids, allow_missing : as of :func:`embedscope.evaluate`. Without ``qrels``
        the ten nearest rows of the full index are what is to stay, of ``queries`` or of rows of the index
    groups : what each query (without queries: each row) belongs to
    candidates : forms to try, such as ``["int8", "first:128+int8", "pca:64+binary+rescore", "pq:48", "rabitq"]``;
        ``auto`` for all sizes in all codes (``pq`` and ``rabitq`` where FAISS is installed)
    tolerance : loss of the main score that is accepted, between 0 and 1
    pca_on : ``documents``, ``queries``, or vectors (of prompts), whose principal components ``pca:K`` keeps
    max_eval_rows : queries that certify at most; ten times as many rows are searched
    layers, pooling, device, dtype, trust_remote_code, cache, yes, data, query_prompt, document_prompt : for models
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    seed : of the split, the samples and the bootstrap
    progress : True shows bars on standard error

    Returns
    -------
    RepairOutcome, whose ``repair`` :func:`embedscope.apply` takes: documents are coded, queries are not

    Raises
    ------
    InputError, UnknownNameError, UnknownOptionError, DataUnavailableError, MissingExtraError

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(400, 32))
    >>> outcome = compress(x, candidates="int8", tolerance=0.1)
    >>> outcome.accepted, outcome.repair.kind("document").code.n_bytes
    (True, 32)
    """
    several = isinstance(corpus, list | tuple) and bool(corpus) and isinstance(corpus[0], str)
    documents = () if corpus is None else tuple(corpus) if several else (collection_of(corpus, "corpus"),)
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    chosen = collection_of(source, "documents") if isinstance(source, Mapping) else source_of(source)
    if qrels is not None and corpus is None and not isinstance(chosen, str | Path | None):
        chosen, documents = None, (chosen,)
    compressed_form, result = running_on(engine)(compressed)(
        chosen,
        queries=collection_of(queries, "queries"),
        corpus=documents,
        qrels=qrels,
        query_ids=labels_of(query_ids, "query_ids"),
        corpus_ids=corpus_ids_of(corpus_ids, several),
        allow_missing=allow_missing,
        groups=labels_of(groups, "groups"),
        candidates=candidates,
        tolerance=tolerance,
        pca_on=pca_on if isinstance(pca_on, str) else vectors_of(pca_on),
        max_eval_rows=max_eval_rows,
        layers=comma(layers if layers is None else [layers]),
        pooling=pooling,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | cost_options(yes)
        | {k: v for k, v in prompts.items() if v is not None},
        data=data,
        cache=cache,
        progress=progress_of(progress),
    )
    return RepairOutcome(compressed_form, result, bool(result.provenance["settings"]["accepted"]))
