"""The numbers that a diagnosis reads: of every space, of a pair, of queries against them."""

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
from embedscope.diagnosis._model_queries import model_numbers
from embedscope.diagnosis._query_metrics import query_records
from embedscope.geometry.measure import measure, measure_stream
from embedscope.geometry.measure_pair import IdSource, measure_pair
from embedscope.geometry.sketches import Sketchbook
from embedscope.metrics import Metric
from embedscope.metrics._contrast import neighbour_contrast
from embedscope.metrics._copies import copy_share
from embedscope.readers import ArrayStream, file_of, is_vectors
from embedscope.sources.paired_vectors import id_hashes, read_side

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
    neighbour_contrast,
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
    queries: Source | Sequence[str] | None = None,
    names: tuple[str, str] = ("image", "text"),
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
    sketches: Sketchbook | None = None,
    **model: Any,
) -> Result:
    """Records of everything a diagnosis reads, without a verdict.

    Parameters
    ----------
    source : as of :func:`embedscope.geometry.measure.measure`
    pair, pair_ids, names : two sides with matching rows, as of :func:`embedscope.geometry.measure_pair.measure_pair`
    queries : what is asked of the source (one file or array), or of both sides as one pool: (m, d) array, ``FILE`` or
        ``FILE::KEY``; of a model texts, as ``on`` takes them: they are asked of those of ``on``, in one space, the
        model's own sentence vector by default
    sketches : where what charts show is kept
    model : for models, as of ``measure``

    Raises
    ------
    InputError, UnknownNameError
        also where neither or both of ``source`` and ``pair`` are given.
    """
    from embedscope.encoders import source_name

    source = source_name(source)
    progress = progress or Silent()
    book = Sketchbook(rows=False) if sketches is None else sketches
    if (source is None) == (pair is None):
        raise InputError("give either a SOURCE or --pair A B")
    if pair is None:
        if pair_ids is not None:
            raise InputError("--pair-ids says which rows of --pair belong together; add --pair A B")
        if queries is not None and not _is_vectors(_documents(source)):
            uri = str(_documents(source))
            model["sketches"] = book
            found = model_numbers(uri, queries, SPACE_METRICS, seed=seed, progress=progress, command=command, **model)
            return _diagnosed(found)
        found = measure(
            source, metrics=SPACE_METRICS, seed=seed, progress=progress, command=command, sketches=book, **model
        )
        sides = {} if queries is None else {"document": _documents(source)}
    else:
        groups = model.pop("groups", None)
        if model:
            raise InputError(f"{next(iter(model))} is an option of models; leave it out with --pair")
        found, sides = _of_pair(pair, pair_ids, groups, names, seed, progress, command, book)
    records, provenance = list(found.records), dict(found.provenance)
    if queries is not None:
        asking = Provenance()
        label = str(queries) if isinstance(queries, str | Path) else "queries"
        matrices = {name: read_side(x, asking) for name, x in sides.items()}
        records += query_records(_asked(queries, asking), matrices, label)
        provenance["data"] = {**asking.data, **provenance["data"]}
    return _diagnosed(Result(tuple(records), provenance))


def _diagnosed(found: Result) -> Result:
    """``found`` marked as the numbers of a diagnosis, so that ``check`` takes the same again."""
    settings = {**found.provenance["settings"], "diagnosis": True}
    return replace(found, provenance={**found.provenance, "settings": settings})


def _asked(queries: Any, provenance: Provenance) -> npt.NDArray[Any]:
    """Vectors of queries; says so where they are texts, which vectors cannot be asked."""
    if isinstance(queries, str | Path) and file_of(str(queries)).is_file() and not is_vectors(str(queries)):
        raise InputError(
            f"--queries {queries} holds texts, and the documents are vectors; give vectors of the queries, or a model "
            "as SOURCE with the documents in --texts"
        )
    return read_side(queries, provenance)


def _is_vectors(source: Source) -> bool:
    """Whether ``source`` is an array or vectors in files, not a model."""
    return not isinstance(source, str | Path) or is_vectors(str(source)) or file_of(str(source)).is_dir()


def _documents(source: Any) -> Source:
    """The one file or array that queries are asked of."""
    one = source[0] if isinstance(source, list | tuple) and len(source) == 1 and isinstance(source[0], str) else source
    if isinstance(one, Mapping) or (isinstance(one, list | tuple) and one and isinstance(one[0], str)):
        raise InputError(f"--queries search one space of documents, got {len(one)}; name one source")
    return one


def _of_pair(
    pair: tuple[Source, Source],
    ids: tuple[IdSource, IdSource] | None,
    groups: IdSource | None,
    names: tuple[str, str],
    seed: int,
    progress: Progress,
    command: str,
    book: Sketchbook,
) -> tuple[Result, dict[str, Source]]:
    """Numbers across two sides and of each; and the sides, each read once."""
    provenance = Provenance(command, seed)
    matrices = [read_side(source, provenance) for source in pair]
    labels = [str(s) if isinstance(s, str | Path) else name for s, name in zip(pair, names, strict=True)]
    hashes = None if groups is None else [id_hashes(groups, len(x), "groups") for x in matrices]
    hashes = hashes if ids is None else [id_hashes(i, len(x), n) for i, x, n in zip(ids, matrices, names, strict=True)]
    across = measure_pair(
        matrices[0],
        matrices[1],
        ids=ids,
        groups=groups,
        metrics=PAIR_METRICS,
        names=names,
        seed=seed,
        progress=progress,
        labels=(labels[0], labels[1]),
        provenance=provenance,
    )
    records: list[Record] = list(across.records)
    for i, name in enumerate(names):
        records += _own(name, matrices[i], None if hashes is None else hashes[i], labels[i], seed, progress, book)
    settings = dict(across.provenance["settings"]) | {"pair": list(names)}
    provenance_of = dict(across.provenance) | {"settings": settings}
    sides: dict[str, Source] = dict(zip(names, matrices, strict=True))
    return replace(across, records=tuple(records), provenance=provenance_of), sides


def _own(
    name: str,
    x: npt.NDArray[Any],
    ids: npt.NDArray[Any] | None,
    label: str,
    seed: int,
    progress: Progress,
    book: Sketchbook,
) -> Iterator[Record]:
    rows = combine(hash_rows(0, len(x)), 0)
    yield from measure_stream(
        ArrayStream({name: x}, rows, ids),
        source=label,
        metrics=SPACE_METRICS,
        seed=seed,
        progress=progress,
        sketches=book,
    )
