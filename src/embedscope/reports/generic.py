"""The document of a result without one: a table of spaces by metrics, and curves over layers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from embedscope.core.document import Column, Document, Figure, Finding, Series, Skipped, Table
from embedscope.core.pivots import Pivot, column_titles, digits_of, pivot
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.reports.numbers import count, telling_digits

_LAYER = re.compile(r"layer(\d+)")
_SERIES_FIELDS = ("source", "pooling", "transform", "fitted_on", "subset")


def document_of(result: Result) -> Document:
    """The document of ``result``, built from its records where it has none."""
    own = result.document
    if own is not None and (own.tables or own.figures or own.scatters):
        return own
    records = [r for r in result.records if not r.compares]
    compared = [r for r in result.records if r.compares]
    kind = "Evaluation" if any(r.task for r in records) else "Geometry"
    sources = list(dict.fromkeys(r.source.removeprefix("random:") for r in records))
    shown = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    tables = [table_of(pivot(records))] if records else []
    return Document(
        title=f"{kind} of {shown}" if sources else "A result without records",
        findings=tuple(_undefined(records)),
        tables=(*tables, *([comparison_table(compared)] if compared else [])),
        figures=tuple(_figures(records)),
        skipped=(*(own.skipped if own else ()), *_notes(records)),
    )


def table_of(layout: Pivot) -> Table:
    """A pivot as a table of the document."""
    values = [[r.value if r else None for r in row] for row in layout.cells]
    digits = [digits_of(column) for column in zip(*values, strict=True)]
    heads = [Column(t) for t in layout.row_titles]
    heads += [Column(t, d) for t, d in zip(layout.column_titles, digits, strict=True)]
    rows = tuple((*labels, *row) for labels, row in zip(layout.labels, values, strict=True))
    caption = "; ".join(f"{name}: {value}" for name, value in layout.constants)
    return Table("records", "All spaces and metrics", tuple(heads), rows, caption)


def comparison_table(records: Sequence[Record]) -> Table:
    """Best spaces and differences between sources, one per row, with how they were computed."""
    rows = []
    for r in records:
        place = " ".join(filter(None, (r.source, r.pooling, r.space)))
        ends = [v for v in (r.ci_low, r.ci_high) if v is not None]
        digits = telling_digits(ends, 3)
        span = f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}" if len(ends) == 2 else None
        rows.append((r.metric, place, r.value, span, r.note))
    heads = (Column("quantity"), Column("space"), Column("value", 3), Column("95 % interval"), Column("method"))
    return Table("comparisons", "Best spaces and differences", heads, tuple(rows))


def _figures(records: Sequence[Record]) -> Iterable[Figure]:
    """One figure per metric, where a source has it at two layers or more."""
    curves: dict[tuple[str, str], dict[tuple[object, ...], dict[int, Record]]] = {}
    for record, title in zip(records, column_titles(records), strict=True):
        layer = _LAYER.fullmatch(record.space or "")
        if layer is not None:
            key = tuple(getattr(record, f) for f in _SERIES_FIELDS)
            panel = curves.setdefault((title, record.task or ""), {})
            panel.setdefault(key, {})[int(layer[1])] = record
    telling = [i for i in range(len(_SERIES_FIELDS)) if len({k[i] for panel in curves.values() for k in panel}) > 1]
    tops = _tops(curves.values())
    relative = len(set(tops.values())) > 1
    for (title, task), panel in curves.items():
        series = tuple(
            _series(key, points, telling, tops[key[0]] if relative else 1)
            for key, points in panel.items()
            if len(points) > 1
        )
        if series:
            section = "Task scores by layer" if task else "Geometry by layer"
            yield Figure(
                f"curve-{title}",
                title,
                "relative depth: layer / last layer" if relative else "layer",
                title,
                series,
                section=section,
            )


def _tops(panels: Iterable[dict[tuple[object, ...], dict[int, Record]]]) -> dict[object, int]:
    """The last layer of every source; 1 at least."""
    tops: dict[object, int] = {}
    for panel in panels:
        for key, points in panel.items():
            tops[key[0]] = max(tops.get(key[0], 1), *points)
    return tops


def _series(key: tuple[object, ...], points: dict[int, Record], telling: list[int], top: int) -> Series:
    source = str(key[0])
    group = source.removeprefix("random:")
    layers = sorted(points)
    rest = [str(key[i]) for i in telling if i > 0 and key[i] is not None]
    label = " ".join([group, *rest, *(["random init"] if group != source else [])])
    bands = [points[k] for k in layers if points[k].ci_low is not None]
    return Series(
        label,
        tuple(round(k / top, 4) for k in layers),
        tuple(points[k].value for k in layers),
        tuple(points[k].ci_low for k in layers) if bands else None,
        tuple(points[k].ci_high for k in layers) if bands else None,
        "measured" if group == source else "baseline",
        group,
    )


def _undefined(records: Sequence[Record]) -> Iterable[Finding]:
    missing = [r for r in records if r.value is None]
    if missing:
        reasons = dict.fromkeys(r.note for r in missing if r.note)
        text = f"{len(missing):,} of {count(len(records), 'value')} {'is' if len(missing) == 1 else 'are'} undefined."
        yield Finding(text, "info", detail=" ".join(f"{r.rstrip('.')}." for r in reasons))


def _notes(records: Sequence[Record]) -> Iterable[Skipped]:
    """One entry per note: which metrics it applies to."""
    metrics: defaultdict[str, dict[str, None]] = defaultdict(dict)
    counts: defaultdict[str, int] = defaultdict(int)
    for r in records:
        if r.note or not r.exact:
            note = r.note or "rows were sampled or arithmetic was approximate"
            metrics[note][r.metric] = None
            counts[note] += 1
    for note, names in metrics.items():
        listed = list(names)
        more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
        yield Skipped(f"{', '.join(listed[:4])}{more} ({count(counts[note], 'record')})", note)
