"""``embedscope.diagnose`` and ``embedscope.check``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.api._inputs import (
    comma,
    cost_options,
    labels_of,
    pair_ids_of,
    progress_of,
    refuse,
    sides_of,
    source_of,
    vectors_of,
)
from embedscope.api._keywords import public
from embedscope.core.choices import Dtype, Unit
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.diagnosis import Diagnosis
from embedscope.diagnosis import diagnose as diagnosed
from embedscope.diagnosis.drift import Drift, check_tolerances, drift
from embedscope.diagnosis.remeasure import remeasure
from embedscope.diagnosis.thresholds import thresholds_of
from embedscope.diagnosis.where import Where
from embedscope.execution.current import running_on


@public
def diagnose(  # noqa: PLR0913
    source: Any = None,
    *,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    modalities: tuple[str, str] | None = None,
    queries: Any = None,
    thresholds: str | Path | Mapping[str, Any] | None = None,
    groups: Any = None,
    row_texts: str | Path | Sequence[str] | None = None,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
    unit: Unit | None = None,
    layers: str | Iterable[str | int] | None = None,
    pooling: str | None = None,
    max_rows: int | None = None,
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
) -> Diagnosis:
    """What is wrong with a space or a pair, how severe it is, what harm it does, and the smallest repair to try.

    Parameters
    ----------
    source, pair, pair_ids, modalities, groups : as of :func:`embedscope.measure`
    queries : vectors of queries against these documents; texts for a model
    thresholds : a TOML file, or {rule: {"warning": x, "serious": y}}
    row_texts : of vectors, the text of each row: a list, or a file with one per line
    texts, images, unit, layers, pooling, max_rows : for models, as of ``measure``
    device, dtype, trust_remote_code, cache, yes, data : for models, as of ``measure``
    query_prompt, document_prompt : of a model with ``texts`` and ``queries``, as of :func:`embedscope.evaluate`
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    seed : of samples
    progress : True shows bars on standard error

    Returns
    -------
    Diagnosis : ``result`` with the findings, ``verdicts`` worst first, ``worst`` severity, ``rows()`` behind them

    Examples
    --------
    >>> import numpy as np
    >>> cone = np.random.default_rng(0).normal(size=(600, 8)) + 5
    >>> diagnose(cone).worst
    'warning'
    """
    model: dict[str, Any] = {
        "texts": texts,
        "images": images,
        "unit": unit,
        "layers": comma(layers),
        "pooling": pooling,
    }
    model |= {"max_rows": max_rows}
    named: dict[str, Any] = {
        k: v for k, v in (model | {"groups": labels_of(groups, "groups")}).items() if v is not None
    }
    if texts is not None or images is not None:
        named |= {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "data": data}
        named |= {"cache": cache} | cost_options(yes)
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    if texts is None or queries is None:
        refuse("is for a model that reads texts as documents of queries", **prompts)
    named |= {k: v for k, v in prompts.items() if v is not None}
    if modalities is not None:
        named["names"] = modalities
    return running_on(engine)(diagnosed)(
        source_of(source),
        pair=sides_of(pair),
        pair_ids=pair_ids_of(pair_ids),
        queries=_queries(queries),
        row_texts=row_texts,
        thresholds=None if thresholds is None else thresholds_of(thresholds),
        seed=seed,
        progress=progress_of(progress),
        **named,
    )


@public
def check(  # noqa: PLR0913
    source: Any = None,
    *,
    baseline: Result | str | Path,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    queries: Any = None,
    groups: Any = None,
    tolerance: Mapping[str, float] | None = None,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
    device: str = "auto",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    engine: str = "local",
    progress: bool | Progress = False,
) -> Drift:
    """Whether a space has drifted from a stored result of ``measure`` or ``diagnose``, beyond the error bars of both.

    Parameters
    ----------
    source, pair, pair_ids, queries, groups : what to measure now, as of ``measure`` and ``diagnose``
    baseline : a result, or its JSON file; metrics, seed, texts, layers and pooling are taken from it
    tolerance : {metric: difference that is not drift}
    texts, images : what the model reads now, in place of those of the baseline
    device, trust_remote_code, cache, yes, data : for models, as of ``measure``
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    progress : True shows bars on standard error

    Returns
    -------
    Drift : ``result`` of now, every ``changes``, and those that are ``drifted``

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(600, 8))
    >>> from embedscope.api.measure import measure
    >>> len(check(x, baseline=measure(x)).drifted)
    0
    """
    before = baseline if isinstance(baseline, Result) else Result.from_json(baseline)
    check_tolerances(before, tolerance or {})
    now = running_on(engine)(remeasure)(
        before,
        source_of(source),
        pair=sides_of(pair),
        pair_ids=pair_ids_of(pair_ids),
        queries=_queries(queries),
        groups=labels_of(groups, "groups"),
        texts=texts,
        images=images,
        progress=progress_of(progress),
        device=device,
        trust_remote_code=trust_remote_code,
        cache=cache,
        **cost_options(yes),
        data=data,
    )
    name = "the baseline" if isinstance(baseline, Result) else str(baseline)
    settings = now.provenance["settings"]
    where = Where.of(source, pair, pair_ids, settings, settings.get("pair"))
    return drift(before, now, tolerance, name=name, where=where)


def _queries(queries: Any) -> Any:
    """Vectors, or a list of texts as it is."""
    texts = isinstance(queries, list | tuple) and bool(queries) and isinstance(queries[0], str)
    return queries if texts else vectors_of(queries, "queries")
