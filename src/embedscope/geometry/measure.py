"""``measure``: the geometry of every space of a source, as records with error bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.accumulate import Need
from embedscope.core.arrays import Array, Hashes, Precision, Rows
from embedscope.core.batch import Stream
from embedscope.core.choices import Search
from embedscope.core.document import Document, Skipped
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.threads import one_blas_thread
from embedscope.execution import Engine, Local
from embedscope.execution.memory_budget import READING, Reading, check_memory, parse_bytes, rounds_of
from embedscope.execution.passes import one_pass, passes_of
from embedscope.execution.probing import probe
from embedscope.execution.scaled import ScaledStream
from embedscope.execution.shards import ShardRunner, add_skip_notes, skipped_shards
from embedscope.geometry.metric_selection import select_metrics
from embedscope.geometry.sketches import Page, Sketchbook
from embedscope.geometry.summary import space_document
from embedscope.metrics import DEFAULTS, Measured, Metric
from embedscope.readers import held_bytes, itemsize_of
from embedscope.stats.file_order import FileOrder

if TYPE_CHECKING:
    from embedscope.sources.options import Source


def measure(  # noqa: PLR0913
    x: Array | str | Path | Sequence[str] | Mapping[str, Array],
    *,
    metrics: Sequence[str | Metric] | None = None,
    rows: Rows | None = None,
    transform: str | None = None,
    precision: Precision = "exact",
    neighbours: Search = "exact",
    seed: int = 0,
    memory: int | str | None = None,
    ids: Hashes | None = None,
    groups: Any = None,
    name: str = "array",
    progress: Progress | None = None,
    command: str = "",
    sketches: Sketchbook | None = None,
    **options: Any,
) -> Result:
    """Metrics of an array, of several arrays over the same rows, of files of vectors, or of models.

    Parameters
    ----------
    x : (n, d) numpy array or torch tensor; {space: (n, d)}; ``FILE`` or ``FILE::KEY``; a model URI with ``texts``; or a
        list of these strings
    metrics : ids (``embedscope list metrics``), or metrics; ``metrics.DEFAULTS`` where None
    rows : compute the metrics on ``raw`` or ``unit`` (L2-normalised) rows instead of the default of each
    transform : chain such as ``center,abtt:1,whiten:128``, fitted on the moments of the same rows
    precision : ``exact`` (float64), or ``fast``: float32 blocks with float64 sums
    neighbours : ``exact``, or ``faiss``: neighbours from an approximate index over all rows, its recall in the note
    seed : of samples and of random initialisations
    memory : limit on the memory of the process, libraries included: bytes, or a size such as ``512MB``; less is done at
        a time, and the results are the same to the last bit
    ids : (n,) uint64 hashes of the rows of an array
    groups : what each row belongs to, so that rows of one group are not taken for independent: (n,) labels, a text file
        with one per line, or a column of a Parquet file
    name : of an array, in the records
    sketches : where what charts show is kept; a new book, drawn in the document, where None
    options : fields of :class:`embedscope.sources.options.ModelOptions` (``texts``, ``layers``, ``pooling``...) and
        :class:`embedscope.sources.options.RunOptions` (``engine``, ``checkpoint``, ``skip_bad_shards``)

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError

    >>> import numpy as np
    >>> round(measure(np.eye(3), metrics=["effective_rank"]).value(metric="effective_rank"), 12)
    3.0
    """
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    names = None if metrics is None else [m.name if isinstance(m, Metric) else m for m in metrics]
    settings: dict[str, Any] = {
        "metrics": names or list(DEFAULTS),
        "rows": rows,
        "transform": transform,
        "precision": precision,
    }
    settings |= {} if memory is None else {"memory": memory}
    settings |= {} if groups is None else {"groups": str(groups) if isinstance(groups, str | Path) else "labels"}
    settings |= {} if neighbours == "exact" else {"neighbours": neighbours}
    select_metrics(metrics, rows, precision, neighbours)
    bound = None if memory is None else parse_bytes(memory)
    book = Sketchbook() if sketches is None else sketches
    records: list[Record] = []
    skipped: list[Skipped] = []
    for source in _sources(x, options, seed, progress, provenance, (ids, groups, name)):
        provenance.shards[source.name] = len(source.stream.shards())
        measured = measure_stream(
            source.stream,
            source=source.name,
            metrics=metrics,
            rows=rows,
            transform=transform,
            precision=precision,
            neighbours=neighbours,
            seed=seed,
            progress=progress,
            provenance=provenance,
            engine=source.engine,
            memory=bound,
            sketches=book,
            **source.labels,
        )
        records += add_skip_notes(measured, source.engine)
        skipped += skipped_shards(source.name, source.engine)
    read = {k: _plain(v) for k, v in options.items() if provenance.models and k not in ("data", "yes")}
    provenance.settings = settings | read
    skipped += _uneven(records)
    document = Document("Geometry", skipped=tuple(skipped)) if skipped else None
    if sketches is None:
        document = space_document(records, book, skipped)
    return Result(tuple(records), provenance.as_dict(), document)


def _uneven(records: Sequence[Record]) -> tuple[Skipped, ...]:
    """Warnings where the spaces differ in rows or dimensions: error bars do not cover the bias that this causes."""
    warnings = []
    for name, values in (("rows", {r.n for r in records}), ("dimensions", {r.dim for r in records})):
        known = sorted(v for v in values if v is not None)
        if len(known) > 1 and (name == "dimensions" or known[0] < 0.9 * known[-1]):
            why = f"from {known[0]:,} to {known[-1]:,}; many metrics depend on it, and error bars do not cover that"
            warnings.append(Skipped(f"the spaces differ in {name}", why))
    return tuple(warnings)


def measure_stream(  # noqa: PLR0913
    stream: Stream,
    *,
    source: str,
    metrics: Sequence[str | Metric] | None = None,
    rows: Rows | None = None,
    transform: str | None = None,
    precision: Precision = "exact",
    neighbours: Search = "exact",
    seed: int = 0,
    progress: Progress | None = None,
    provenance: Provenance | None = None,
    pooling: str | None = None,
    task: str | None = None,
    subset: str | None = None,
    exact: bool = True,
    note: str | None = None,
    label: str | None = None,
    engine: Engine | None = None,
    memory: int | None = None,
    sketches: Sketchbook | None = None,
) -> list[Record]:
    """Metrics of every space of ``stream``, space by space in the order of ``metrics``.

    Statistics that several metrics need are computed once. The stream is read once, again where a metric depends on the
    results of the first pass, and once before for a ``transform``.

    Parameters
    ----------
    exact : False marks rows that were sampled; ``subset`` and ``note`` say how
    engine : where the work runs
    memory : limit on the memory of the process in bytes
    sketches : where what charts show is kept
    source, pooling, task, subset, note : fields of the records; ``label`` names the source in the progress display

    The other parameters are those of :func:`measure`.
    """
    progress, engine = progress or Silent(), engine or Local()
    selected = select_metrics(metrics, rows, precision, neighbours)
    label = label or source
    unfit: Mapping[str, str] = {}
    reading = READING if memory is None else Reading(itemsize_of(stream), held_bytes(stream))
    if transform is not None:
        from embedscope.geometry.transformed_stream import transform_stream

        progress.start(f"{label}: moments for {transform}", stream.n_rows)
        with _phase(provenance, f"transform {source}"):
            transformed = transform_stream(
                stream, transform, engine=engine, progress=progress, memory=memory, reading=reading
            )
        stream, unfit = transformed, transformed.unfit
        progress.close()
    common = {"source": source, "task": task, "subset": subset, "transform": transform}
    common["fitted_on"] = f"all rows of {label}" if transform is not None else None
    page = None if sketches is None else sketches.of(source, [m.needs for m in selected], stream.dims, memory)
    if memory is not None:
        grouped = {m.needs for m in selected}
        for needs in _passes(selected, page):  # what is too much for a later pass is refused before any row is read
            check_memory(stream.dims, needs, grouped, len(stream.shards()), memory, reading)
    with _phase(provenance, f"units {source}"):
        probed = probe(stream, isinstance(engine, ShardRunner) and engine.skip_bad)
    if probed.power:
        stream = ScaledStream(stream, probed.power)
    values = _values(stream, selected, label, engine, progress, provenance, (memory, reading), probed.order, page)
    if probed.power:
        values = {
            (space, i): tuple(_unscale(m, selected[i], probed.power) for m in ms) for (space, i), ms in values.items()
        }
    undefined = [
        Record(**common, metric=m.id, variant=m.variant, value=None, pooling=pooling, space=space, note=reason)  # type: ignore[arg-type]
        for space, reason in unfit.items()
        for m in selected
    ]
    return undefined + [
        _record(m, selected[i], space, None if space == "pooled" else pooling, exact, note, common)
        for space in stream.dims
        for i in range(len(selected))
        for m in values[space, i]
    ]


def _passes(metrics: Sequence[Metric], page: Page | None) -> list[list[Need[Any]]]:
    return passes_of([*(m.needs for m in metrics), *(() if page is None else page.needs)])


def _values(
    stream: Stream,
    metrics: Sequence[Metric],
    label: str,
    engine: Engine,
    progress: Progress,
    provenance: Provenance | None,
    limit: tuple[int | None, Reading],
    order: FileOrder,
    page: Page | None,
) -> dict[tuple[str, int], tuple[Measured, ...]]:
    """Values of every metric in every space, by (space, index of the metric).

    A state is finished, read by its metrics, drawn on the ``page``, and deleted before the next one; only what a later
    pass needs is kept.
    """
    values: dict[tuple[str, int], tuple[Measured, ...]] = {}
    passes, (memory, reading) = _passes(metrics, page), limit
    grouped = {m.needs for m in metrics}
    depended = {d for needs in passes for need in needs for d in need.depends}
    known: dict[str, dict[Any, Any]] = {space: {} for space in stream.dims}
    for number, needs in enumerate(passes, start=1):
        count = 0 if memory is None else len(stream.shards())
        engine, rounds = rounds_of(stream.dims, needs, grouped, count, engine, memory, reading)
        for part, round_ in enumerate(rounds, start=1):
            title = f"pass {number} of {len(passes)}" + (f", part {part} of {len(rounds)}" if len(rounds) > 1 else "")
            progress.start(f"{label}: {title}", stream.n_rows)
            with _phase(provenance, f"pass {number} {label}"):
                states = one_pass(
                    stream,
                    round_.needs,
                    known,
                    grouped=grouped,
                    engine=engine,
                    progress=progress,
                    spaces=round_.spaces,
                    order=order,
                )
            progress.close()
            with _phase(provenance, f"metrics {label}"), one_blas_thread():
                for space, need in [(space, need) for space in round_.spaces for need in round_.needs]:
                    result = states[space].pop(need).result()
                    if need in depended:
                        known[space][need] = result.full
                    for i, metric in enumerate(metrics):
                        if metric.needs == need:
                            values[space, i] = metric.measure(result)
                    if page is not None:
                        page.draw(space, need, result.full)
                    del result
    return values


def _unscale(m: Measured, metric: Metric, power: int) -> Measured:
    """``m`` of rows times 2 ** ``power`` as a number of the rows themselves."""
    if metric.units != "units of the rows" or m.metric.endswith(".cv"):
        return m
    value, stderr, low, high = (None if v is None else math.ldexp(v, -power) for v in _numbers(m))
    return replace(m, value=value, stderr=stderr, ci_low=low, ci_high=high)


def _numbers(m: Measured) -> tuple[float | None, ...]:
    return m.value, m.stderr, m.ci_low, m.ci_high


def _record(
    m: Measured,
    metric: Metric,
    space: str,
    pooling: str | None,
    exact: bool,
    note: str | None,
    common: Mapping[str, str | None],
) -> Record:
    notes = "; ".join(text for text in (m.note, note) if text) or None
    return Record(
        **common,  # type: ignore[arg-type]
        metric=m.metric,
        variant=metric.variant,
        value=m.value,
        stderr=m.stderr,
        ci_low=m.ci_low,
        ci_high=m.ci_high,
        pooling=pooling,
        space=space,
        n=m.n,
        dim=m.dim,
        rows=m.rows,
        exact=m.exact and exact,
        units=m.units,
        note=notes,
    )


def _sources(
    x: Any,
    options: Mapping[str, Any],
    seed: int,
    progress: Progress,
    provenance: Provenance,
    array: tuple[Hashes | None, Any, str],
) -> list[Source] | Any:
    from embedscope.encoders import source_name
    from embedscope.sources.open import array_source, open_sources
    from embedscope.sources.options import ModelOptions, RunOptions, check_options

    x = source_name(x)
    names = [str(x)] if isinstance(x, str | Path) else x
    if isinstance(names, Sequence) and names and all(isinstance(s, str | Path) for s in names):
        if array[0] is not None:
            raise InputError("ids are for arrays; rows of a file are identified by their row number")
        options = {**options, "groups": array[1]}
        return open_sources([str(s) for s in names], seed=seed, progress=progress, provenance=provenance, **options)
    if options:
        check_options(options, ModelOptions, RunOptions)
        raise InputError(f"an array takes no option {', '.join(options)}; it is for files or models, so leave it out")
    return [array_source(x, *array)]


def _phase(provenance: Provenance | None, name: str) -> Any:
    return nullcontext() if provenance is None else provenance.phase(name)


def _plain(value: Any) -> Any:
    """``value`` as a JSON type; texts given as a list are counted."""
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, str | int | None) else f"{len(value)} texts"
