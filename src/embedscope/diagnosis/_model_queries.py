"""Texts that are asked of texts, in one space of a model: what a diagnosis reads of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.ids import hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.diagnosis._query_metrics import query_records
from embedscope.diagnosis.pair_rows import query_rows
from embedscope.diagnosis.space_rows import Listed
from embedscope.geometry.measure import measure_stream
from embedscope.metrics import Metric
from embedscope.readers import ArrayStream, is_vectors
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import encode, texts_of

_OPTIONS = (
    *("layers", "pooling", "cache", "data", "device", "dtype", "trust_remote_code", "seed", "yes"),
    *("query_prompt", "document_prompt"),
)


def model_numbers(
    uri: str,
    queries: Any,
    metrics: Sequence[str | Metric],
    *,
    seed: int,
    progress: Progress,
    command: str,
    **model: Any,
) -> tuple[Result, dict[str, tuple[str, Listed]]]:
    """``metrics`` of the ``texts`` in one space of ``uri``, and numbers and rows of ``queries``, texts too, in it.

    Parameters
    ----------
    queries : a data set, a file with one text per line or ``.jsonl`` of BEIR, or a list
    model : as of ``measure``; the model's own sentence vector where no layer is named

    Raises
    ------
    InputError
        if there are no documents, tokens are asked for, or the queries are vectors.
    """
    how = _how(uri, queries, model)
    provenance, unit = Provenance(command, seed), model.get("unit") or "sentence"
    documents = texts_of(model["texts"], how.data, provenance).sample(model.get("max_rows"), seed)
    asked = texts_of(queries, how.data, provenance)
    with provenance.phase(f"vectors {uri}"):
        space, (x, q) = encode(uri, (documents, asked), how, provenance, progress, ("document", "query"))
    stream = ArrayStream({space: x}, hash_texts(documents.texts), hash_texts(documents.clusters))
    records = measure_stream(
        stream,
        source=uri,
        metrics=metrics,
        seed=seed,
        progress=progress,
        provenance=provenance,
        task=documents.name,
        subset=f"{len(x):,} {unit}s",
        pooling=None if how.poolings is None else ",".join(how.poolings),
        sketches=model.get("sketches"),
    )
    records += query_records(q, {"document": x}, asked.name)
    named = [metric if isinstance(metric, str) else metric.name for metric in metrics]
    read = {k: str(v) if isinstance(v, Path) else v for k, v in model.items() if isinstance(v, str | int | Path)}
    provenance.settings = {"metrics": named} | {k: v for k, v in read.items() if k != "data"}
    return Result(tuple(records), provenance.as_dict()), query_rows(q, {"document": x}, texts=documents.texts)


def _how(uri: str, queries: Any, model: Mapping[str, Any]) -> ModelOptions:
    """How the model reads texts; raises ``InputError`` where these are not there."""
    if model.get("texts") is None:
        raise InputError(f"{uri} is a model: name its documents with --texts DATASET or FILE (one text per line)")
    if model.get("images") is not None:
        raise InputError("queries are texts, and search texts: leave out --images")
    if model.get("groups") is not None:
        raise InputError(f"--groups is for vectors and {uri} is a model, whose texts say what belongs together")
    if model.get("unit") == "token":
        raise InputError("queries search whole texts, not tokens; leave out --unit, or use sentence or word")
    named = isinstance(queries, str | Path)
    if is_vectors(str(queries)) if named else not isinstance(queries, list | tuple):
        raise InputError(f"{uri} is a model, so --queries must be texts (one per line, or .jsonl), not vectors")
    return ModelOptions.of({name: model[name] for name in _OPTIONS if name in model})
