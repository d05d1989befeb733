"""Records as a pivot: what was measured as rows, metrics as columns."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from embedscope.core.records import Record

ROW_FIELDS = ("source", "pooling", "space", "transform", "fitted_on", "subset")


@dataclass(frozen=True)
class Pivot:
    """Records laid out as a table.

    Attributes
    ----------
    constants : fields that are the same in all records, with their value
    row_titles : fields that tell the rows apart
    column_titles : one a metric
    labels : one tuple of texts per row, aligned with ``row_titles``
    cells : one tuple of records a row, aligned with ``column_titles``; None where there is no record
    """

    constants: tuple[tuple[str, str], ...]
    row_titles: tuple[str, ...]
    column_titles: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    cells: tuple[tuple[Record | None, ...], ...]


def pivot(records: Iterable[Record]) -> Pivot:
    """Lay out ``records``; two records of one cell get two rows, so that none is lost.

    >>> layers = [Record("a.npy", "isoscore", 0.5, space="layer00"), Record("a.npy", "isoscore", 0.7, space="layer01")]
    >>> pivot(layers).constants, pivot(layers).labels
    ((('source', 'a.npy'),), (('layer00',), ('layer01',)))
    """
    rows = list(records)
    order = {f: _first_seen(getattr(r, f) for r in rows) for f in ROW_FIELDS}
    varying = tuple(f for f in ROW_FIELDS if len(order[f]) > 1) or ("source",)
    constant = tuple((f, next(iter(order[f]))) for f in ROW_FIELDS if len(order[f]) == 1 and f not in varying)
    tasks = {r.task for r in rows}
    if len(tasks) == 1 and not any(r.metric.split(".")[0] == r.task for r in rows):
        constant += (("on", next(iter(tasks))),)
    titles = column_titles(rows)
    columns = list(dict.fromkeys(titles))
    cells: dict[tuple[tuple[object, ...], int], dict[str, Record]] = {}
    seen: defaultdict[tuple[tuple[object, ...], str], int] = defaultdict(int)
    for record, title in zip(rows, titles, strict=True):
        key = tuple(getattr(record, f) for f in varying)
        cells.setdefault((key, seen[key, title]), {})[title] = record
        seen[key, title] += 1
    keys = sorted(cells, key=lambda k: (*(order[f][v] for f, v in zip(varying, k[0], strict=True)), k[1]))
    return Pivot(
        tuple((f, str(v)) for f, v in constant if v is not None),
        varying,
        tuple(columns),
        tuple(tuple("" if v is None else str(v) for v in key) for key, _ in keys),
        tuple(tuple(cells[k].get(c) for c in columns) for k in keys),
    )


def column_titles(records: Sequence[Record]) -> list[str]:
    """Name of the column of every record: task and metric, with variant and rows where they tell records apart.

    >>> column_titles([Record("m", "stsb", 0.8, task="stsb"), Record("m", "i1", 0.9, variant="published")])
    ['stsb', 'i1 (published)']
    """
    kinds: defaultdict[tuple[str | None, str], set[str | None]] = defaultdict(set)
    for r in records:
        kinds[r.task, r.metric].add(r.rows)
    one_task = len({r.task for r in records}) == 1
    return [_title(r, several_rows=len(kinds[r.task, r.metric]) > 1, one_task=one_task) for r in records]


def digits_of(values: Iterable[float | None]) -> int:
    """Decimal places that show a column of numbers to about four digits; 0 where all are whole.

    >>> digits_of([0.5123, -0.2]), digits_of([120.31, 8.0]), digits_of([0.0, 3.0])
    (4, 2, 0)
    """
    known = [abs(v) for v in values if v is not None and math.isfinite(v)]
    if all(v == int(v) for v in known):
        return 0
    largest = max(known)
    return 4 if largest < 10 else 2 if largest < 1000 else 1


def record_digits(records: Iterable[Record | None]) -> int:
    """Decimal places of records in a line; a number with an error bar has some, though it be whole.

    >>> record_digits([Record("x", "share", 1.0, stderr=0.0)]), record_digits([Record("x", "zero_rows", 3.0)])
    (4, 0)
    """
    known = [r for r in records if r is not None]
    digits = digits_of(r.value for r in known)
    return digits or (4 if any(r.stderr is not None for r in known) else 0)


def telling_digits(values: Iterable[float], digits: int, most: int = 8) -> int:
    """Decimal places, at least ``digits``, with which no value but 0 rounds to 0.

    >>> telling_digits([0.00002, 0.5], 4), telling_digits([0.0, 0.5], 4)
    (5, 4)
    """
    known = [v for v in values if v != 0]
    while digits < most and any(round(v, digits) == 0 for v in known):
        digits += 1
    return digits


def with_interval(record: Record) -> tuple[str, str | None, str | None]:
    """Value, standard error and interval of a record as texts of as many decimal places; None for what it lacks.

    >>> with_interval(Record("x", "recall@10", 1.0, stderr=0.005, ci_low=0.981, ci_high=1.0))
    ('1.0000', '0.0050', '0.9810 to 1.0000')
    """
    ends = [v for v in (record.ci_low, record.ci_high) if v is not None]
    digits = telling_digits(ends, record_digits([record]))
    return (
        "undefined" if record.value is None else f"{record.value:.{digits}f}",
        None if record.stderr is None else f"{record.stderr:.{digits}f}",
        f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}" if len(ends) == 2 else None,
    )


def _title(record: Record, *, several_rows: bool, one_task: bool) -> str:
    own = one_task or record.task is None or record.metric.split(".")[0] == record.task
    head = record.metric if own else f"{record.task} {record.metric}"
    extra = [x for x in (record.variant, record.rows if several_rows else None) if x]
    return f"{head} ({', '.join(extra)})" if extra else head


def _first_seen(values: Iterable[object]) -> dict[object, int]:
    return {value: i for i, value in enumerate(dict.fromkeys(values))}
