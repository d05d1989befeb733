"""``embedscope.calibrate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.api._inputs import (
    collection_of,
    comma,
    corpus_ids_of,
    cost_options,
    labels_of,
    pair_ids_of,
    progress_of,
    sides_of,
    source_of,
)
from embedscope.api._keywords import public
from embedscope.calibration.calibrate import calibrate as calibrated
from embedscope.calibration.scores import ScoreCalibration
from embedscope.core.choices import Dtype
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.execution.current import running_on


@short_repr
@dataclass(frozen=True)
class CalibrationOutcome:
    """What :func:`embedscope.calibrate` found.

    Attributes
    ----------
    calibration : what cosines mean: ``percentile``, ``z``, ``probability``, ``decide``, ``save``
    result : everything that was measured, the thresholds first

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 8))
    >>> calibrate(x).result["unrelated_cosine"].value < 0.05
    True
    """

    calibration: ScoreCalibration
    result: Result

    def _repr_html_(self) -> str:
        """The result, as a notebook shows it."""
        return self.result._repr_html_()


@public
def calibrate(  # noqa: PLR0913
    source: Any = None,
    *,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    pairs: Any = None,
    queries: Any = None,
    corpus: Any = None,
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Any = None,
    allow_missing: bool = False,
    labels: Any = None,
    judged: Any = None,
    groups: Any = None,
    precision: float | None = None,
    recall: float | None = None,
    max_false_merge: float | None = None,
    confidence: float = 0.95,
    dedup: bool = False,
    label_pairs: str | Path | None = None,
    k: int = 10,
    max_eval_rows: int = 10_000,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
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
) -> CalibrationOutcome:
    """What cosines mean: their place among unrelated pairs; with labels probabilities and certified thresholds.

    Parameters
    ----------
    source : vectors or a model, as of :func:`embedscope.measure`; with ``queries`` the documents
    pair, pair_ids, pairs : two sides in place of a source, as of :func:`embedscope.repair`; rows of the first side
        search among those of the second
    queries, corpus, qrels, query_ids, corpus_ids, allow_missing : as of :func:`embedscope.evaluate`
    labels : label of each row; rows of one label match (duplicates of one thing, captions of one image)
    judged : (p, 3) of two row numbers and 1 for a match or 0 for none, or a file with three columns
    groups : what each row belongs to: rows of one group are related, and one unit of evidence
    precision, recall, max_false_merge : rates that a threshold must keep, each by itself; the precision, and the share
        of false merges, are means over queries of the share of their pairs at or above the threshold
    confidence : with which each rate is kept
    dedup : look for duplicates among the nearest pairs of one space
    label_pairs : CSV file of pairs to be judged by hand; written where it does not exist, read back where it does
    k : rows that a search returns; nearest rows among which duplicates are looked for
    max_eval_rows : rows that search, whole units chosen by their hash
    texts, images, layers, pooling, device, dtype, trust_remote_code, cache, yes, data : for models, as of ``measure``
    query_prompt, document_prompt : as of :func:`embedscope.evaluate`
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    seed : of samples, the split and the bootstrap
    progress : True shows bars on standard error

    Returns
    -------
    CalibrationOutcome

    Raises
    ------
    InputError, UnknownNameError, UnknownOptionError, DataUnavailableError, MissingExtraError

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> images = rng.normal(size=(800, 32))
    >>> texts = images + rng.normal(size=(800, 32))
    >>> found = calibrate(pair=(images, texts), precision=0.9).calibration
    >>> found.decide([0.2, 0.9]).tolist()
    [False, True]
    """
    several = isinstance(corpus, list | tuple) and bool(corpus) and isinstance(corpus[0], str)
    documents = () if corpus is None else tuple(corpus) if several else (collection_of(corpus, "corpus"),)
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    chosen = (
        collection_of(source, "documents") if qrels is not None and isinstance(source, Mapping) else source_of(source)
    )
    calibration, result = running_on(engine)(calibrated)(
        chosen,
        pair=sides_of(pair),
        pair_ids=pair_ids_of(pair_ids),
        pairs=pairs,
        queries=collection_of(queries, "queries"),
        corpus=documents,
        qrels=qrels,
        query_ids=labels_of(query_ids, "query_ids"),
        corpus_ids=corpus_ids_of(corpus_ids, several),
        allow_missing=allow_missing,
        labels=labels_of(labels, "labels"),
        judged=judged,
        groups=labels_of(groups, "groups"),
        texts=texts,
        images=images,
        layers=comma(layers if layers is None else [layers]),
        pooling=pooling,
        precision=precision,
        recall=recall,
        max_false_merge=max_false_merge,
        confidence=confidence,
        dedup=dedup,
        label_pairs=label_pairs,
        k=k,
        max_eval_rows=max_eval_rows,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | cost_options(yes)
        | {k: v for k, v in prompts.items() if v is not None},
        data=data,
        cache=cache,
        progress=progress_of(progress),
    )
    return CalibrationOutcome(calibration, result)
