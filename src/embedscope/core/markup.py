"""Results as Markdown and as a fragment of HTML, for issues, notebooks and model cards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from embedscope.core.document import Column, Document, Table, cell
from embedscope.core.pivots import digits_of, pivot, with_interval
from embedscope.core.printable import printable
from embedscope.core.records import Record

STATUS = {
    "agrees": "agrees",
    "deviates": "deviates",
    "undecided": "undecided",
    "info": "note",
    "ok": "ok",
    "warning": "warning",
    "serious": "serious",
}
_COLOURS = {
    "serious": "#b3261e",
    "deviates": "#b3261e",
    "warning": "#8a5a00",
    "undecided": "#8a5a00",
    "ok": "#1b6e3c",
    "agrees": "#1b6e3c",
}
_GRAVITY = ("serious", "deviates", "warning", "undecided", "info", "agrees", "ok")
"""Statuses of findings from the gravest on."""

_LEAST = 12  # rows of a notebook's table before it is cut to this many and the last ones


def records_table(records: Iterable[Record]) -> Table:
    """What was measured as rows and metrics as columns; where that is one row, one metric per row with its interval."""
    rows = list(records)
    layout = pivot(r for r in rows if not r.compares)
    constants = "; ".join(f"{name}: {value}" for name, value in layout.constants)
    if len(layout.labels) == 1:
        title = ", ".join(filter(None, layout.labels[0]))
        return Table(
            "records",
            f"Metrics of {title}" if title else "Records",
            _SINGLE,
            tuple(_single(layout.column_titles, layout.cells[0])),
            constants,
        )
    values = [[r.value if r else None for r in row] for row in layout.cells]
    digits = [digits_of(column) for column in zip(*values, strict=True)]
    best = [_best(column) for column in zip(*layout.cells, strict=True)]
    heads = [Column(t) for t in layout.row_titles]
    heads += [Column(t, d, best=b) for t, d, b in zip(layout.column_titles, digits, best, strict=True)]
    cells = tuple((*labels, *row) for labels, row in zip(layout.labels, values, strict=True))
    return Table("records", "Records", tuple(heads), cells, constants)


_SINGLE = (Column("metric"), Column("value"), Column("s.e."), Column("95 % interval"))


def _single(titles: Sequence[str], cells: Sequence[Record | None]) -> Iterable[tuple[str | None, ...]]:
    for title, record in zip(titles, cells, strict=True):
        if record is not None:
            yield (title, *with_interval(record))


def _best(records: Sequence[Record | None]) -> Literal["high"] | None:
    """Scores of tasks and of retrieval are better the higher they are; of other metrics nothing is said."""
    scores = ("ndcg@", "recall@", "mrr", "map")
    known = [r for r in records if r is not None]
    return "high" if known and all(r.metric == r.task or r.metric.startswith(scores) for r in known) else None


def markdown(tables: Sequence[Table], document: Document | None) -> str:
    """Title, the answer with its evidence, findings and ``tables`` as GitHub-flavoured Markdown."""
    parts = []
    if document is not None:
        parts.append(f"## {_md(document.title)}")
        answer = document.headline
        if answer is not None and answer.text not in {f.text for f in document.findings}:
            said = f"**{_md(answer.text)}**"
            parts.append(f"{said}\n\n{_md(answer.evidence)}" if answer.evidence else said)
        if document.findings:
            parts.append("\n".join(f"- **{STATUS[f.status]}**: {_md(f.text)}" for f in document.findings))
    parts += [markdown_table(table) for table in tables]
    if document is not None and document.skipped:
        parts.append("\n".join(f"- {_md(s.what)}: {_md(s.why)}" for s in document.skipped))
    return printable("\n\n".join(parts)) + "\n"


def markdown_table(table: Table) -> str:
    r"""``table`` as a Markdown table, numbers right-aligned.

    >>> print(markdown_table(Table("t", "T", (Column("a"), Column("b", 1)), (("x|y", 0.25),))))
    **T**
    <BLANKLINE>
    | a | b |
    |---|---:|
    | x\|y | 0.2 |
    """
    numeric = [any(isinstance(row[i], int | float) for row in table.rows) for i in range(len(table.columns))]
    lines = [
        "| " + " | ".join(_md(c.title) for c in table.columns) + " |",
        "|" + "|".join("---:" if n else "---" for n in numeric) + "|",
    ]
    for row in table.rows:
        lines.append("| " + " | ".join(_md(cell(v, c.digits)) for v, c in zip(row, table.columns, strict=True)) + " |")
    caption = [f"\n{_md(table.caption)}"] if table.caption else []
    return "\n".join([f"**{_md(table.title)}**\n", *lines, *caption])


def html(table: Table, document: Document | None, chart: str = "") -> str:
    """The verdict, a ``chart`` (SVG), findings and one table as HTML without scripts.

    Long tables show their first and last rows. The verdict is the first of the gravest findings.
    """
    parts = []
    if document is not None:
        parts.append(f"<p><b>{escape(document.title)}</b></p>")
        if document.findings:
            gravest = min(document.findings, key=lambda f: _GRAVITY.index(f.status))
            colour = _COLOURS.get(gravest.status, "inherit")
            parts.append(f'<p style="font-size:1.15em;color:{colour}"><b>{escape(gravest.text)}</b></p>')
    parts += [f"<div>{chart}</div>"] if chart else []
    if document is not None and document.findings:
        items = "".join(
            f'<li><b style="color:{_COLOURS.get(f.status, "inherit")}">{STATUS[f.status]}</b> {escape(f.text)}</li>'
            for f in document.findings
        )
        parts.append(f"<ul>{items}</ul>")
    rows: list[tuple[object, ...]] = list(table.rows)
    left_out = len(rows) - 2 * _LEAST
    if left_out > 0:
        rows = [*rows[:_LEAST], tuple("\N{HORIZONTAL ELLIPSIS}" for _ in table.columns), *rows[-_LEAST:]]
    head = "".join(f"<th>{escape(c.title)}</th>" for c in table.columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell(v, c.digits))}</td>" for v, c in zip(row, table.columns, strict=True))
        + "</tr>"
        for row in rows
    )
    parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    more = f"{left_out:,} more rows. " if left_out > 0 else ""
    if more or table.caption:
        parts.append(f"<p><small>{escape(more + table.caption)}</small></p>")
    return f'<div class="embedscope">{"".join(parts)}</div>'


def _md(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
