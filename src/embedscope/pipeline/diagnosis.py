"""The numbers that a diagnosis reads: of every space, of a pair, of queries against them; few passes, no verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from embedscope.core.arrays import Array
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.metrics import Metric
from embedscope.metrics._copies import copy_share
from embedscope.pipeline._pair_files import id_hashes, side
from embedscope.pipeline._query_numbers import query_records
from embedscope.pipeline.measure import measure, measure_stream
from embedscope.pipeline.pairs import IdSource, measure_pair
from embedscope.readers import ArrayStream

SPACE_METRICS: tuple[str | Metric, ...] = (
    "self_similarity",
    "rogue_contribution",
    "participation_ratio_unbiased",
    "norm_cv",
    "zero_rows",
    "hub_share",
    "antihub_share",
    "float16_ties",
    "int8_overlap",
    copy_share,
)
"""What is measured of every space: two sums in one pass, the rows held, and their neighbours."""

PAIR_METRICS = ("modality_gap", "paired_cosine", "unpaired_cosine", "same_modality_share", "recall")
"""What is measured across the two sides."""

Source = Array | str | Path


def numbers(
    source: Source | Sequence[str] | Mapping[str, Array] | None = None,
    *,
    pair: tuple[Source, Source] | None = None,
    pair_ids: tuple[IdSource, IdSource] | None = None,
    queries: Source | None = None,
    names: tuple[str, str] = ("image", "text"),
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
    **model: Any,
) -> Result:
    """Records of everything a diagnosis reads, without a verdict.

    Parameters
    ----------
    source : as of :func:`embedscope.pipeline.measure.measure`
    pair, pair_ids, names : two sides with matching rows, as of :func:`embedscope.pipeline.pairs.measure_pair`
    queries : (m, d) array, ``FILE`` or ``FILE::KEY``: what is asked of the source (one file or array), or of both sides
        as one pool
    model : for models, as of ``measure``

    Raises
    ------
    InputError, UnknownNameError
        also where neither or both of ``source`` and ``pair`` are given.
    """
    progress = progress or Silent()
    if (source is None) == (pair is None):
        raise InputError("diagnose takes a SOURCE or --pair A B, one of them; pass either")
    if pair is None:
        if pair_ids is not None:
            raise InputError("--pair-ids says which rows of --pair belong together; add --pair A B")
        found = measure(source, metrics=SPACE_METRICS, seed=seed, progress=progress, command=command, **model)
        sides = {} if queries is None else {"document": _documents(source)}
    else:
        if model:
            raise InputError(f"{next(iter(model))} is for models; --pair takes two files or arrays: leave it out")
        found, sides = _of_pair(pair, pair_ids, names, seed, progress, command)
    records, provenance = list(found.records), dict(found.provenance)
    if queries is not None:
        asking = Provenance()
        label = str(queries) if isinstance(queries, str | Path) else "queries"
        matrices = {name: side(x, asking) for name, x in sides.items()}
        records += query_records(side(queries, asking), matrices, label)
        provenance["data"] = {**asking.data, **provenance["data"]}
    provenance["settings"] = {**provenance["settings"], "diagnosis": True}
    return Result(tuple(records), provenance)


def _documents(source: Any) -> Source:
    """The one file or array that queries are asked of."""
    one = source[0] if isinstance(source, list | tuple) and len(source) == 1 and isinstance(source[0], str) else source
    if isinstance(one, Mapping) or (isinstance(one, list | tuple) and one and isinstance(one[0], str)):
        raise InputError(f"--queries are asked of one space of documents, got {len(one)}; name one source")
    return one


def _of_pair(
    pair: tuple[Source, Source],
    ids: tuple[IdSource, IdSource] | None,
    names: tuple[str, str],
    seed: int,
    progress: Progress,
    command: str,
) -> tuple[Result, dict[str, Source]]:
    """Numbers across two sides and of each; and the sides."""
    provenance = Provenance()
    matrices = {name: side(source, provenance) for name, source in zip(names, pair, strict=True)}
    across = measure_pair(
        *pair, ids=ids, metrics=PAIR_METRICS, names=names, seed=seed, progress=progress, command=command
    )
    records: list[Record] = list(across.records)
    for i, (name, x) in enumerate(matrices.items()):
        own = None if ids is None else id_hashes(ids[i], len(x), name)
        records += _own(name, x, own, pair[i], seed, progress)
    settings = dict(across.provenance["settings"]) | {"pair": list(names)}
    provenance_of = dict(across.provenance) | {"settings": settings}
    return replace(across, records=tuple(records), provenance=provenance_of), dict(matrices)


def _own(
    name: str, x: npt.NDArray[Any], ids: npt.NDArray[Any] | None, source: Source, seed: int, progress: Progress
) -> Iterator[Record]:
    rows = combine(hash_rows(0, len(x)), 0)
    label = str(source) if isinstance(source, str | Path) else name
    yield from measure_stream(
        ArrayStream({name: x}, rows, ids), source=label, metrics=SPACE_METRICS, seed=seed, progress=progress
    )
