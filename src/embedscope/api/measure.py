"""``embedscope.measure``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from embedscope.api._inputs import (
    comma,
    cost_options,
    labels_of,
    pair_ids_of,
    progress_of,
    refuse,
    source_of,
    strings,
    vectors_of,
)
from embedscope.api._keywords import public
from embedscope.core.arrays import Precision, Rows
from embedscope.core.choices import Dtype, FirstPosition, Search, Unit
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.execution.current import running_on
from embedscope.metrics import Metric


@public
def measure(  # noqa: PLR0913
    source: Any = None,
    *,
    metrics: str | Iterable[str | Metric] | None = None,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    modalities: tuple[str, str] = ("image", "text"),
    rows: Rows | None = None,
    transform: str | None = None,
    groups: Any = None,
    name: str = "array",
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
    unit: Unit | None = None,
    layers: str | Iterable[str | int] | None = None,
    pooling: str | None = None,
    max_rows: int | None = None,
    first_position: FirstPosition = "keep",
    device: str = "auto",
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    precision: Precision = "exact",
    neighbours: Search = "exact",
    memory: int | str | None = None,
    engine: str = "local",
    checkpoint: str | Path | None = None,
    skip_bad_shards: bool = False,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Result:
    """Geometry of vectors: isotropy, effective dimension, norms, dominant coordinates, with error bars.

    Parameters
    ----------
    source : vectors or a model, or a list of their names: a path, an (n, d) array, tensor, DataFrame of numbers, Series
        or Arrow column of arrays, {space: (n, d)}; the name of a model, an object with ``encode`` or
        ``embed_documents``, or a function from texts to vectors
    metrics : names (``embedscope.list_metrics()``) or metrics; ``metrics.DEFAULTS`` where None
    pair : two sides in place of ``source``: the gap between them, and retrieval in both directions
    pair_ids : ids of the rows of each side; rows of one id match. By position where None
    modalities : names of the two sides
    rows : take all metrics on ``raw`` or on L2-normalised (``unit``) rows
    transform : chain such as ``center,abtt:1,whiten:128``, fitted on the same rows
    groups : what each row belongs to (document of a chunk, image of a caption): rows of one group are not independent
    name : what the records call an array
    texts : for models: a data set, a file with one text per line, or a list of texts
    images : for models of images: a folder of images, flat or ``class/*.jpg``, in place of texts
    unit, layers, pooling, max_rows, first_position : for models: what a row is and how its vector is read
    device, dtype, trust_remote_code, cache, data : for models: how they are run, and the folder of data sets
    yes : for models behind an address: accept what a paid server asks for its work
    precision, neighbours : ``exact``, or ``fast`` arithmetic and hubs from an index of FAISS
    engine : who does the work: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``; arrays stay here
    memory, checkpoint, skip_bad_shards : limit of the process; for files states to resume from, and whether files that
        cannot be read are skipped
    seed : of samples
    progress : True shows bars on standard error

    Returns
    -------
    Result

    Raises
    ------
    InputError, UnknownNameError, UnknownOptionError, DataUnavailableError, MissingExtraError

    See Also
    --------
    diagnose : what the numbers mean, and what to try
    evaluate : scores on tasks and retrieval

    Examples
    --------
    >>> import numpy as np
    >>> round(measure(np.eye(3), metrics="effective_rank").value(), 12)
    3.0
    >>> measure(pair=(np.eye(3), np.eye(3)), metrics="paired_cosine")["paired_cosine"].value
    1.0
    """
    shared: dict[str, Any] = {"rows": rows, "seed": seed, "progress": progress_of(progress)}
    model: dict[str, Any] = {} if images is None else {"images": images}
    model |= {"texts": texts, "unit": unit, "layers": comma(layers), "pooling": pooling, "max_rows": max_rows}
    of_files = {"checkpoint": checkpoint, "skip_bad_shards": skip_bad_shards}
    of_tokens = {"first_position": None if first_position == "keep" else first_position}
    if pair is not None:
        if source is not None:
            raise InputError("measure takes a source or a pair, not both")
        refuse("does not go with a pair, which is two sets of vectors", **model, **of_tokens, transform=transform)
        refuse("is for one source, and this is a pair", memory=memory, **of_files)
        refuse(
            "is for one source, and a pair is always exact",
            precision=None if precision == "exact" else precision,
            neighbours=None if neighbours == "exact" else neighbours,
        )
        from embedscope.geometry.measure_pair import measure_pair

        names = [m.name if isinstance(m, Metric) else m for m in strings(metrics) or ()]  # type: ignore[arg-type]
        ids = pair_ids_of(pair_ids)
        a, b = (vectors_of(side, side_name) for side, side_name in zip(pair, modalities, strict=True))
        return running_on(engine)(measure_pair)(
            a, b, ids=ids, groups=labels_of(groups, "groups"), metrics=names or None, names=modalities, **shared
        )
    refuse("says which rows of a pair match, and there is none", pair_ids=pair_ids)
    sides = None if tuple(modalities) == ("image", "text") else modalities
    refuse("names the two sides of a pair, and there is none", modalities=sides)
    if source is None:
        raise InputError("nothing to measure: pass a source, or two sides as pair=(a, b)")
    from embedscope.geometry.measure import measure as measured

    vectors = source_of(source, name)
    named = isinstance(vectors, str | Path) or (isinstance(vectors, list) and vectors and isinstance(vectors[0], str))
    files: dict[str, Any] = {
        "engine": engine,
        "checkpoint": checkpoint,
        "skip_bad_shards": skip_bad_shards,
        "first_position": first_position,
        "device": device,
        "dtype": dtype,
        "trust_remote_code": trust_remote_code,
        "cache": cache,
        **cost_options(yes),
        "data": data,
    }
    if not named:
        refuse("is for files, and this is an array", **of_files)
        refuse("is for models, and this is an array", **of_tokens)
    return running_on("local" if named else engine)(measured)(
        vectors,
        metrics=strings(metrics),  # type: ignore[arg-type]
        transform=transform,
        precision=precision,
        neighbours=neighbours,
        memory=memory,
        groups=labels_of(groups, "groups"),
        name=name,
        **shared,
        **(files if named else {}),
        **(model if named else {k: v for k, v in model.items() if v is not None}),
    )
