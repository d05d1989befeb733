"""The document of a result without one: a table of spaces by metrics, and curves over layers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from embedscope.core.document import Column, Document, Figure, Finding, Mark, Series, Skipped, Table
from embedscope.core.pivots import (
    Pivot,
    column_titles,
    digits_of,
    pivot,
    record_digits,
    telling_digits,
    with_interval,
)
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.wording import count
from embedscope.metrics import METRICS
from embedscope.metrics.pairs import PAIR_METRICS

FEW = 6
"""Spaces that stand side by side as columns, one metric per row."""

_LAYER = re.compile(r"layer(\d+)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e[-+]?\d+)?")
_SERIES_FIELDS = ("source", "pooling", "transform", "fitted_on", "subset")


def document_of(result: Result) -> Document:
    """The document of ``result``; where it has no tables, with those of its records and their curves over layers."""
    own = result.document
    if own is not None and own.tables:
        return own
    records = [r for r in result.records if not r.compares]
    compared = [r for r in result.records if r.compares]
    kind = "Evaluation" if any(r.task for r in records) else "Geometry"
    sources = list(dict.fromkeys(r.source.removeprefix("random:") for r in records))
    shown = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    tables = [table_of(pivot(records))] if records else []
    document = Document(
        title=f"{kind} of {shown}" if sources else "A result without records",
        findings=tuple(_undefined_findings(records)),
        tables=(*tables, *([comparison_table(compared)] if compared else [])),
        figures=tuple(_figures(records)),
        skipped=tuple(notes_of(records)),
    )
    if own is None:
        return document
    return replace(
        own,
        title=document.title if own.headline is None and sources else own.title,
        findings=(*own.findings, *document.findings),
        tables=document.tables,
        figures=(*own.figures, *document.figures),
        skipped=(*own.skipped, *document.skipped),
    )


def table_of(layout: Pivot) -> Table:
    """A pivot as a table of the document: one metric per row with error bars where there are few spaces."""
    caption = "; ".join(f"{name}: {value}" for name, value in layout.constants)
    if len(layout.labels) == 1:
        return single_table(layout, caption)
    if len(layout.labels) <= FEW and len(layout.labels) < len(layout.column_titles):
        return _metrics_as_rows(layout, caption)
    values = [[r.value if r else None for r in row] for row in layout.cells]
    digits = [digits_of(column) for column in zip(*values, strict=True)]
    heads = [Column(t) for t in layout.row_titles]
    heads += [Column(t, d) for t, d in zip(layout.column_titles, digits, strict=True)]
    rows = tuple((*labels, *row) for labels, row in zip(layout.labels, values, strict=True))
    return Table("records", "All spaces and metrics", tuple(heads), rows, caption)


def single_table(layout: Pivot, caption: str) -> Table:
    """One metric per row with its interval, of a single space."""
    heads = (Column("metric"), Column("value"), Column("± s.e."), Column("95 % interval"), Column("n", 0))
    rows = []
    for title, record in zip(layout.column_titles, layout.cells[0], strict=True):
        if record is not None:
            rows.append((title, *with_interval(record), record.n))
    title = ", ".join(filter(None, layout.labels[0]))
    return Table("records", f"Metrics of {title}" if title else "Metrics", heads, tuple(rows), caption)


def number_text(record: Record | None, digits: int, *, errors: bool) -> str:
    """``0.834 ± 0.005`` of a record."""
    if record is None:
        return ""
    if record.value is None:
        return "undefined"
    text = f"{record.value:.{digits}f}"
    return f"{text} ± {record.stderr:.{digits}f}" if errors and record.stderr is not None else text


def _metrics_as_rows(layout: Pivot, caption: str) -> Table:
    """One metric per row and a column for each space."""
    at = layout.row_titles.index("space") if "space" in layout.row_titles else -1
    names = [labels[at] if at >= 0 else " ".join(filter(None, labels)) for labels in layout.labels]
    if len(set(names)) < len(names):
        names = [" ".join(filter(None, labels)) for labels in layout.labels]
    rows = []
    for i, title in enumerate(layout.column_titles):
        records = [row[i] for row in layout.cells]
        digits = record_digits(records)
        rows.append((title, *(number_text(r, digits, errors=True) for r in records)))
    heads = (Column("metric"), *(Column(name) for name in names))
    return Table("records", "All metrics, each ± its standard error", heads, tuple(rows), caption)


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
    curves: dict[str, dict[tuple[object, ...], dict[int, Record]]] = {}
    for record, title in zip(records, column_titles(records), strict=True):
        layer = _LAYER.fullmatch(record.space or "")
        if layer is not None:
            key = tuple(getattr(record, f) for f in _SERIES_FIELDS)
            panel = curves.setdefault(title, {})
            panel.setdefault(key, {})[int(layer[1])] = record
    telling = [i for i in range(len(_SERIES_FIELDS)) if len({k[i] for panel in curves.values() for k in panel}) > 1]
    tops = _tops(curves.values())
    relative = len(set(tops.values())) > 1
    for title, panel in curves.items():
        series = tuple(
            _series(key, points, telling, tops[key[0]] if relative else 1)
            for key, points in panel.items()
            if len(points) > 1
        )
        if series:
            base = re.split(r"[ .]", title, maxsplit=1)[0]
            scored = base not in METRICS and base not in PAIR_METRICS
            section = "Scores by layer" if scored else "Geometry by layer"
            yield Figure(
                f"curve-{title}",
                title,
                "relative depth: layer / last layer" if relative else "layer",
                title,
                series,
                section=section,
                marks=_best_layer(series) if scored else (),
            )


def _best_layer(series: Sequence[Series]) -> tuple[Mark, ...]:
    """Where the one measured curve is highest; nothing where several are drawn."""
    measured = [s for s in series if s.kind == "measured"]
    points = [(y, x) for s in measured for x, y in zip(s.x, s.y, strict=True) if y is not None]
    if len(measured) != 1 or not points:
        return ()
    value, at = max(points)
    return (Mark(at, f"best {value:.3f}"),)


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


def _undefined_findings(records: Sequence[Record]) -> Iterable[Finding]:
    missing = [r for r in records if r.value is None]
    if missing:
        reasons = dict.fromkeys(r.note for r in missing if r.note)
        text = f"{len(missing):,} of {count(len(records), 'value')} {'is' if len(missing) == 1 else 'are'} undefined."
        yield Finding(text, "info", detail=" ".join(f"{r.rstrip('.')}." for r in reasons))


def notes_of(records: Iterable[Record]) -> list[Skipped]:
    """What the notes of ``records`` say: an entry per set of metrics, one for notes that differ in numbers alone.

    >>> layers = [Record("a", "i1", 0.5, space=f"layer0{i}", note=f"about 0.{i} too low") for i in range(1, 4)]
    >>> [(n.what, n.why) for n in notes_of(layers)]
    [('i1 (3 records)', 'about 0.1 too low; 2 more notes differ in their numbers alone')]
    """
    metrics: defaultdict[str, dict[str, None]] = defaultdict(dict)
    counts: defaultdict[str, int] = defaultdict(int)
    for r in records:
        if r.note or not r.exact:
            note = r.note or "rows were sampled or arithmetic was approximate"
            metrics[note][r.metric] = None
            counts[note] += 1
    alike: defaultdict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for note, names in metrics.items():
        alike[tuple(names), _NUMBER.sub("#", note)].append(note)
    entries = []
    for (about, _), notes in alike.items():
        more = f" and {len(about) - 4} more" if len(about) > 4 else ""
        what = f"{', '.join(about[:4])}{more} ({count(sum(counts[n] for n in notes), 'record')})"
        rest = len(notes) - 1
        verb = "differs in its" if rest == 1 else "differ in their"
        also = f"; {count(rest, 'more note')} {verb} numbers alone" if rest else ""
        entries.append(Skipped(what, f"{notes[0]}{also}"))
    return entries
