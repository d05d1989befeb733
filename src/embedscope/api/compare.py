"""``embedscope.compare``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from embedscope.api._inputs import (
    comma,
    cost_options,
    is_model_object,
    pair_ids_of,
    progress_of,
    source_of,
    vectors_of,
)
from embedscope.api._keywords import public
from embedscope.comparison import Comparison
from embedscope.comparison import compare as compared
from embedscope.core.choices import Dtype
from embedscope.core.progress import Progress
from embedscope.execution.current import running_on


@public
def compare(  # noqa: PLR0913
    *sources: Any,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    layers: str | Iterable[str | int] | None = None,
    pooling: str | None = None,
    max_rows: int | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    engine: str = "local",
    seed: int = 0,
    progress: bool | Progress = False,
) -> Comparison:
    """How two spaces over the same rows are related; or scores of models on your own texts or images, without labels.

    Parameters
    ----------
    sources : two sets of vectors (n, d), (n, e): files, arrays, columns, ``{id: vector}`` whose rows match by id; or
        models, with ``texts`` or ``images``
    texts : what models read: a data set, a file with one text per line, or a list
    images : for models of images: a folder of images, flat or ``class/*.jpg``, in place of texts
    pair_ids : ids of the rows of either side; rows match by position where None
    layers, pooling, max_rows, device, dtype, trust_remote_code, cache, yes, data : for models, as of ``measure``
    engine : who reads files of vectors: ``local``, ``local:N``, ``dask``, ``dask:N`` or ``dask:ADDRESS``
    seed : of samples
    progress : True shows bars on standard error

    Returns
    -------
    Comparison : ``relation`` with its ``name`` and numbers, ``parity``, and ``result``

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 8))
    >>> compare(x, x @ np.linalg.qr(x[:8])[0]).relation.name
    'rotated'
    """
    model: dict[str, Any] = {"layers": comma(layers), "pooling": pooling, "max_rows": max_rows}
    named = {k: v for k, v in model.items() if v is not None}
    if texts is not None or images is not None:
        named |= {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "data": data}
        named |= {"cache": cache} | cost_options(yes)
    of_models = texts is not None or images is not None or any(is_model_object(s) for s in sources)
    return running_on(engine)(compared)(
        *(source_of(s) if of_models else vectors_of(s) for s in sources),
        texts=texts,
        images=images,
        ids=pair_ids_of(pair_ids),
        seed=seed,
        progress=progress_of(progress),
        **named,
    )
