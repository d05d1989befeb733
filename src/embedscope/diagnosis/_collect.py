"""The numbers that a diagnosis reads: of every space, of a pair, of queries against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS, groups_of
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.core.unused import refuse_unused
from embedscope.diagnosis._model_queries import model_numbers
from embedscope.diagnosis._query_metrics import query_records
from embedscope.diagnosis.pair_rows import pair_rows, query_rows
from embedscope.diagnosis.row_names import RowNames, Texts
from embedscope.diagnosis.space_rows import HeldRows, Listed, SpaceRows
from embedscope.geometry.measure import measure, measure_stream
from embedscope.geometry.measure_pair import IdSource, measure_pair
from embedscope.geometry.sketches import Sketchbook
from embedscope.metrics import Metric
from embedscope.metrics.contrast import neighbour_contrast
from embedscope.metrics.copies import copy_share
from embedscope.metrics.orientation import mean_along, variance_along
from embedscope.metrics.pairs.metric import jackknife_interval
from embedscope.readers import ArrayStream, file_of, is_vectors
from embedscope.sources.grouped_stream import group_hashes
from embedscope.sources.paired_vectors import id_hashes, ids_in, partner_rows, read_side

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
    mean_along,
    variance_along,
)
"""What is measured of every space: two sums in one pass, the rows held, and their neighbours."""

PAIR_METRICS = ("modality_gap", "paired_cosine", "unpaired_cosine", "same_modality_share", "recall")
"""What is measured across the two sides."""

Source = Array | str | Path


Space = tuple[str, str | None, str]
"""Source, pooling and name of a space."""


@short_repr
@dataclass(frozen=True, eq=False)
class Collected:
    """The numbers of a diagnosis, and the rows behind them.

    Attributes
    ----------
    rows : of every single space
    listed : of two spaces, by rule: the name of the side and its rows
    names : what rows are called, by source
    """

    result: Result
    rows: Mapping[Space, SpaceRows] = field(default_factory=dict)
    listed: Mapping[str, tuple[str, Listed]] = field(default_factory=dict)
    names: Mapping[str, RowNames] = field(default_factory=dict)

    def names_of(self, source: str, space: str) -> RowNames:
        """What rows are called of ``source``, or of the side ``space`` of a pair."""
        sides = {s: name for (name, _, s) in self.rows}
        return self.names.get(source) or self.names.get(sides.get(space, "")) or RowNames(None, False)


def numbers(*args: Any, **options: Any) -> Result:
    """The records of :func:`collect`, without rows."""
    return collect(*args, **options).result


def collect(  # noqa: PLR0913
    source: Source | Sequence[str] | Mapping[str, Array] | None = None,
    *,
    pair: tuple[Source, Source] | None = None,
    pair_ids: tuple[IdSource, IdSource] | None = None,
    queries: Source | Sequence[str] | None = None,
    names: tuple[str, str] | None = None,
    row_texts: Texts = None,
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
    sketches: Sketchbook | None = None,
    **model: Any,
) -> Collected:
    """Records of everything a diagnosis reads, without a verdict, and the rows behind them.

    Parameters
    ----------
    source : as of :func:`embedscope.geometry.measure.measure`
    pair, pair_ids, names : two sides with matching rows, as of :func:`embedscope.geometry.measure_pair.measure_pair`
    queries : what is asked of the source (one file or array), or of both sides as one pool: (m, d) array, ``FILE`` or
        ``FILE::KEY``; of a model texts, as ``on`` takes them: they are asked of those of ``on``, in one space, the
        model's own sentence vector by default
    row_texts : text of each row of a file or an array: a file with one per line, or a list
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
    held = HeldRows.new(one_model=pair is None and _one_model(source), seed=seed)
    book = Sketchbook(rows=False) if sketches is None else sketches
    if (source is None) == (pair is None):
        raise InputError("give either a SOURCE or --pair A B")
    listed: dict[str, tuple[str, Listed]] = {}
    if row_texts is not None and (model.get("texts") is not None or model.get("images") is not None):
        raise InputError("--names are the texts of rows of vectors, and a model reads its own; leave --names out")
    if pair is None:
        if pair_ids is not None:
            raise InputError("--pair-ids says which rows of --pair belong together; add --pair A B")
        refuse_unused("names the two sides of --pair A B", modalities=names)
        if queries is not None and not _is_vectors(_documents(source)):
            uri = str(_documents(source))
            model["sketches"] = book
            measured, listed = model_numbers(
                uri, queries, (*SPACE_METRICS, held), seed=seed, progress=progress, command=command, **model
            )
            return _add_rows(measured, held, listed, source, model, row_texts)
        metrics = (*SPACE_METRICS, held)
        measured = measure(
            source, metrics=metrics, seed=seed, progress=progress, command=command, sketches=book, **model
        )
        sides = {} if queries is None else {"document": _documents(source)}
    else:
        groups = model.pop("groups", None)
        if model:
            raise InputError(f"{next(iter(model))} is an option of models; leave it out with --pair")
        called = names or ("image", "text")
        measured, sides, listed = _of_pair(pair, pair_ids, groups, called, seed, progress, command, held, book)
    records, provenance = list(measured.records), dict(measured.provenance)
    if queries is not None:
        asking = Provenance()
        label = str(queries) if isinstance(queries, str | Path) else "queries"
        matrices = {name: read_side(x, asking) for name, x in sides.items()}
        asked = _query_vectors(queries, asking)
        records += query_records(asked, matrices, label)
        listed = {**listed, **query_rows(asked, matrices)}
        provenance["data"] = {**asking.data, **provenance["data"]}
    return _add_rows(
        Result(tuple(records), provenance, measured.document),
        held,
        listed,
        pair if source is None else source,
        model,
        row_texts,
    )


def _add_rows(
    measured: Result, held: HeldRows, listed: Mapping[str, tuple[str, Listed]], source: Any, model: Any, texts: Texts
) -> Collected:
    """The numbers, marked as those of a diagnosis, with the rows of each space in the order of its records."""
    spaces = [(r.source, r.pooling, r.space or "") for r in measured.records if r.metric == "two_formats"]
    rows = dict(zip(spaces, held.of_spaces, strict=True))
    names = {name: RowNames.of(name, source, model, texts) for name, _, _ in spaces}
    for name, called in names.items():
        called.check(max((r.n or 0) for r in measured.records if r.source == name))
    lengths = [r for space, held_rows in rows.items() if (r := length_bias(space, held_rows, names[space[0]]))]
    measured = replace(measured, records=(*measured.records, *lengths))
    return Collected(_mark_diagnosis(measured), rows, listed, names)


def length_bias(space: Space, rows: SpaceRows, names: RowNames) -> Record | None:
    """Rank correlation of the length of a text with how often it is found; None where fewer than 50 texts are known."""
    lengths = names.lengths(rows.ids)
    known = np.flatnonzero(lengths >= 0)
    if len(known) < _TEXTS or len(np.unique(lengths[known])) < 2 or len(np.unique(rows.occurrences[known])) < 2:
        return None
    from scipy.stats import rankdata

    a, b = rankdata(lengths[known]), rankdata(rows.occurrences[known])
    value = float(np.corrcoef(a, b)[0, 1])
    groups = groups_of(rows.ids[known])

    def without(g: int) -> float:
        return float(np.corrcoef(a[groups != g], b[groups != g])[0, 1])

    bars = jackknife_interval(value, without, np.bincount(groups, minlength=GROUPS).tolist())
    return Record(
        source=space[0], pooling=space[1], space=space[2], metric="length_bias", value=value, stderr=bars.stderr,
        ci_low=bars.low, ci_high=bars.high, n=len(known), rows="unit",
    )  # fmt: skip


_TEXTS = 50


def _mark_diagnosis(measured: Result) -> Result:
    """``measured`` marked as the numbers of a diagnosis, so that ``check`` takes the same again."""
    metrics = measured.provenance["settings"].get("metrics")
    kept = None if metrics is None else [name for name in metrics if name != "held_rows"]
    settings = {**measured.provenance["settings"], "metrics": kept, "diagnosis": True}
    return replace(measured, provenance={**measured.provenance, "settings": settings})


def _query_vectors(queries: Any, provenance: Provenance) -> npt.NDArray[Any]:
    """Vectors of queries; says so where they are texts, which vectors cannot be asked."""
    if isinstance(queries, str | Path) and file_of(str(queries)).is_file() and not is_vectors(str(queries)):
        raise InputError(
            f"--queries {queries} holds texts, and the documents are vectors; give vectors of the queries, or a model "
            "as SOURCE with the documents in --texts"
        )
    return read_side(queries, provenance)


def _is_vectors(source: Source) -> bool:
    """Whether ``source`` is an array or vectors in files, not a model."""
    return not isinstance(source, str | Path) or is_vectors(str(source))


def _one_model(source: Any) -> bool:
    """Whether ``source`` is a model that this run reads, so that all its rows are of one."""
    named = source if isinstance(source, list | tuple) else [source]
    return all(isinstance(s, str | Path) and not _is_vectors(s) for s in named)


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
    held: HeldRows,
    book: Sketchbook,
) -> tuple[Result, dict[str, Source], dict[str, tuple[str, Listed]]]:
    """Numbers across two sides and of each; the sides, each read once; and rows of the findings across them."""
    provenance = Provenance(command, seed)
    matrices = [read_side(source, provenance) for source in pair]
    labels = [str(s) if isinstance(s, str | Path) else name for s, name in zip(pair, names, strict=True)]
    ids = None if ids is None else (ids_in(ids[0]), ids_in(ids[1]))
    first = str(pair[0]) if isinstance(pair[0], str | Path) else "A"
    declared = None if groups is None else group_hashes(groups, len(matrices[0]), first)
    own_ids = None
    if ids is not None:
        own_ids = id_hashes(ids[0], len(matrices[0]), names[0]), id_hashes(ids[1], len(matrices[1]), names[1])
    hashes = own_ids
    if declared is not None:
        theirs = declared if own_ids is None else declared[np.argsort(partner_rows(own_ids, names))]
        hashes = declared, theirs
    across = measure_pair(
        matrices[0],
        matrices[1],
        ids=ids,
        groups=declared,
        metrics=PAIR_METRICS,
        names=names,
        seed=seed,
        progress=progress,
        labels=(labels[0], labels[1]),
        provenance=provenance,
    )
    mismatch, listed = pair_rows(matrices[0], matrices[1], own_ids, names, "|".join(labels))
    records: list[Record] = [*across.records, *mismatch]
    for i, name in enumerate(names):
        own = None if hashes is None else hashes[i]
        records += _own(name, matrices[i], own, labels[i], seed, progress, held, book)
    settings = dict(across.provenance["settings"]) | {"pair": list(names)}
    provenance_of = dict(across.provenance) | {"settings": settings}
    sides: dict[str, Source] = dict(zip(names, matrices, strict=True))
    return replace(across, records=tuple(records), provenance=provenance_of), sides, listed


def _own(
    name: str,
    x: npt.NDArray[Any],
    ids: npt.NDArray[Any] | None,
    label: str,
    seed: int,
    progress: Progress,
    held: HeldRows,
    book: Sketchbook,
) -> Iterator[Record]:
    stream = ArrayStream({name: x}, None, ids)
    metrics = (*SPACE_METRICS, held)
    yield from measure_stream(stream, source=label, metrics=metrics, seed=seed, progress=progress, sketches=book)
