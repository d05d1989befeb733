"""Results in the terminal: findings, tables, what was skipped; records as a pivot that fits the width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from embedscope.core.document import Document, Finding, Headline, Row, Table, cell
from embedscope.core.pivots import Pivot, pivot, record_digits, with_interval
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.wording import count, join_names
from embedscope.reports.generic import FEW, comparison_table, document_of, notes_of, number_text
from embedscope.reports.headlines import by_importance
from embedscope.reports.numbers import is_numeric, is_span

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    from embedscope.reports.wrapping import Words

STATUS = {
    "agrees": ("agrees", "green"),
    "deviates": ("deviates", "red"),
    "undecided": ("undecided", "yellow"),
    "info": ("note", "blue"),
    "ok": ("✓ ok", "green"),
    "warning": ("▲ warning", "yellow"),
    "serious": ("✖ serious", "red"),
}


def print_document(result: Result, console: Console, *, max_rows: int = 40, explain: bool = True) -> None:
    """Print the verdict; with ``explain`` also findings, tables and what was skipped.

    A document without a headline is printed whole, a result without one by its records. Tables stop after
    ``max_rows`` rows and say how many more the report has.
    """
    document = document_of(result)
    findings: Sequence[Finding] = document.findings
    console.print(_plain(document.title, "bold"))
    if document.headline is not None:
        rows = next((f.rows for f in document.findings if f.rows and _is_told(f.text, document.headline.text)), ())
        _print_headline(document.headline, console, () if explain else rows[:_FIRST])
        if not explain:
            _print_rest(document, console)
            return
        findings = _print_more(document.headline, document.findings, console)
    elif document.question:
        console.print(_plain(document.question, "italic"))
    console.print()
    if findings:
        _print_findings(findings, console, "Findings" if findings is document.findings else "Other findings")
    if result.document is None:
        print_records(result.records, console)
    for table in document.tables if result.document is not None else ():
        _print_table(table, console, max_rows)
        console.print()
    _print_skipped(document, console)


def print_result(result: Result, console: Console, *, explain: bool = True) -> None:
    """Print the verdict and the records of ``result``; with ``explain`` also their notes and what was skipped."""
    if result.document is not None and result.document.headline is not None:
        _print_headline(result.document.headline, console)
    spaces = len(pivot(r for r in result.records if not r.compares).labels)
    long = not explain and spaces > _SPACES
    print_records([r for r in result.records if r.compares or not long], console, notes=explain)
    if result.document is not None and explain:
        _print_skipped(result.document, console)
    notes = len(notes_of(r for r in result.records if not r.compares))
    skipped = 0 if result.document is None else len(result.document.skipped)
    if not explain and (notes or skipped or long):
        parts = [f"the numbers of {count(spaces, 'space')}"] if long else []
        parts += [count(notes, "note")] if notes else []
        parts += [f"{count(skipped, 'thing')} skipped or sampled"] if skipped else []
        console.print(_plain(f"{join_names(parts)}: add --explain", "dim"))


def _print_headline(headline: Headline, console: Console, rows: Sequence[Row] = ()) -> None:
    """One block: what it comes to, how sure, why, some of the ``rows``, and a command that runs as printed."""
    from rich.text import Text

    name, colour = STATUS[headline.status]
    words = Text()
    if headline.status != "info":
        words.append(f"{name}  ", style=f"bold {colour}")
    console.print(_plain(words.append(headline.text, style="bold")))
    if headline.cause:
        console.print(_plain(headline.cause))
    if headline.evidence:
        console.print(_plain(headline.evidence, "dim"))
    for row in rows:
        console.print(_plain(_row(row)))
    if headline.command:
        console.print(Text(f"$ {headline.command}", style="bold"), soft_wrap=True)


def _print_rest(document: Document, console: Console) -> None:
    """Other problems, a line each, and where the rest is."""
    from rich.table import Table as Grid
    from rich.text import Text

    headline = document.headline
    printed = f"{headline.text} {headline.cause}" if headline is not None else ""
    others = [f for f in by_importance(document.findings) if not _is_told(f.text, printed)]
    problems = [f for f in others if f.status in ("serious", "warning", "deviates")]
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in problems[:_MOST]:
        name, colour = STATUS[finding.status]
        grid.add_row(Text(name, style=f"bold {colour}"), _plain(finding.text))
    if problems:
        console.print()
        console.print(grid)
    left = len(others) - len(problems[:_MOST])
    parts = [count(left, "more finding")] if left else []
    parts += [count(len(document.tables), "table")] if document.tables else []
    console.print()
    if parts:
        console.print(_plain(f"{join_names(parts)}: add --explain, or --report page.html for charts", "dim"))


def _row(row: Row) -> str:
    """``row 7: a text (all zeros)``."""
    return f"row {row.id}: {row.text or row.why}" + (f" ({row.why})" if row.text else "")


def _is_told(text: str, printed: str) -> bool:
    """Whether a headline says a finding already, with or without the name of its space."""
    return any(part and part in printed for part in (text, text.partition(": ")[2]))


_NAME = 16  # columns of the screen that names have at least, before they are folded
_SPACES = 40  # rows of spaces that are printed without --explain
_NUMBERS = 3  # columns of numbers that a table shows before the names of its rows are left whole
_FOLDED = 40  # the longest names that are folded; longer texts are left to the report
_FIRST = 3  # rows that are printed with the verdict
_MOST = 6  # other problems that are printed beside the verdict


def print_records(records: Iterable[Record], console: Console, *, errors: bool = True, notes: bool = True) -> None:
    """Print ``records`` with spaces as rows and metrics as columns, in as many tables as the width needs.

    ``errors`` shows standard errors where the whole table still fits with them, ``notes`` those of the records.
    """
    from rich.text import Text

    every = list(records)
    layout = _sides_first(pivot(r for r in every if not r.compares))
    compared = [r for r in every if r.compares]
    if not every:
        console.print(Text("no records", style="dim"))
    if layout.labels and layout.constants:
        console.print(_plain("  ".join(f"{name} {value}" for name, value in layout.constants), "dim"))
    if layout.labels:
        _print_pivot(layout, console, errors=errors)
    if notes:
        for item in notes_of(r for r in every if not r.compares):
            console.print(_plain(f"{item.what}: {item.why}", "dim"))
    if compared:
        _print_table(comparison_table(compared), console, len(compared))


def _print_pivot(layout: Pivot, console: Console, *, errors: bool) -> None:
    if len(layout.labels) == 1:
        console.print(_single_row_table(layout, console.width))
    elif (few := _few_spaces(layout, console.width, errors=errors)) is not None:
        legend, grid = few
        for line in legend:
            console.print(_plain(line, "dim"))
        console.print(grid)
    else:
        texts = _cell_texts(layout, errors=errors)
        if errors and len(_parts(layout, texts, console.width)) > 1:
            texts = _cell_texts(layout, errors=False)
        for columns in _parts(layout, texts, console.width):
            console.print(_pivot_table(layout, texts, columns))


def _sides_first(layout: Pivot) -> Pivot:
    """Spaces of their own before those of two sides: image, text, image|text."""
    if "space" not in layout.row_titles:
        return layout
    at = layout.row_titles.index("space")
    order = sorted(range(len(layout.labels)), key=lambda i: "|" in layout.labels[i][at])
    return replace(layout, labels=tuple(layout.labels[i] for i in order), cells=tuple(layout.cells[i] for i in order))


def _print_skipped(document: Document, console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if document.skipped:
        console.print(_plain("Skipped, sampled or approximated", "bold"))
        for item in document.skipped:
            console.print(Padding(_plain(Text.assemble((item.what, ""), (f": {item.why}", "dim"))), (0, 0, 0, 2)))
        console.print()


def _print_more(headline: Headline, findings: Sequence[Finding], console: Console) -> Sequence[Finding]:
    """Print what the finding that is the headline has beside it; the findings that are left to print."""
    printed = "\n".join((headline.text, headline.cause, headline.evidence, headline.command))
    covered = [f for f in findings if _is_told(f.text, printed)]
    more = {id(f): _lines(f, printed) for f in covered}
    if len(covered) == 1:
        for line, style in more[id(covered[0])]:
            console.print(_plain(line, style))
        return [f for f in findings if f is not covered[0]]
    if empty := [f for f in covered if not more[id(f)]]:
        return [f for f in findings if all(f is not other for other in empty)]
    return findings


def _lines(finding: Finding, printed: str = "") -> list[tuple[str, str]]:
    """What a finding says beside its text, a line and its style each, without lines that are ``printed`` already."""
    lines = [(finding.harm, ""), *((_row(row), "") for row in finding.rows)]
    more = (finding.n_rows or 0) - len(finding.rows)
    if finding.rows and more > 0:
        lines.append((f"{count(more, 'more row')} (--rows-out FILE writes all)", "dim"))
    lines += [(line, "dim") for line in (finding.evidence, finding.detail, finding.source)]
    shown = [(line, style) for line, style in lines if line and line not in printed]
    return [*shown, (f"try: {finding.remedy}", "bold")] if finding.remedy else shown


def _print_findings(findings: Sequence[Finding], console: Console, title: str) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    console.print(Text(title, style="bold"))
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in findings:
        name, colour = STATUS[finding.status]
        words = Text(finding.text)
        for line, style in _lines(finding):
            words.append(f"\n{line}", style=style)
        grid.add_row(Text(f"  {name}", style=f"bold {colour}"), _plain(words))
    console.print(grid)
    console.print()


def _print_table(table: Table, console: Console, max_rows: int) -> None:
    left_out = len(table.rows) - max_rows
    texts = [[cell(v, c.digits) for v, c in zip(row, table.columns, strict=True)] for row in table.rows]
    shown = _columns_that_fit(table, texts, console.width)
    said = [i for i in _constant(table) if i not in shown]
    repeated = "; ".join(f"{table.columns[i].title}: {texts[0][i]}" for i in said)
    grid = _grid()
    for i in shown:
        need = max([len(table.columns[i].title), *(len(row[i]) for row in texts)])
        if is_numeric(row[i] for row in table.rows):
            grid.add_column(_plain(table.columns[i].title), justify="right", no_wrap=True, min_width=need)
        elif any(is_span(row[i]) for row in table.rows):
            grid.add_column(_plain(table.columns[i].title), no_wrap=True, min_width=need)
        else:
            grid.add_column(_plain(table.columns[i].title), overflow="fold")
    for row in texts[:max_rows]:
        grid.add_row(*(_plain(row[i]) for i in shown))
    console.print(_plain(table.title, "bold"))
    console.print(grid)
    for line in filter(None, (repeated, table.caption)):
        console.print(_plain(line, "dim italic"))
    left = [i for i in range(len(table.columns)) if i not in {*shown, *said}]
    hidden = [table.columns[i].title for i in left if any(row[i] for row in texts)]
    rows = [count(left_out, "more row")] if left_out > 0 else []
    columns = [f"the column{'s' if len(hidden) > 1 else ''} {join_names(hidden)}"] if hidden else []
    if more := join_names([*rows, *columns]):
        verb = "is" if max(left_out, 0) + len(hidden) == 1 else "are"
        console.print(_plain(f"{more[0].upper()}{more[1:]} {verb} in the report", "dim"))


def _columns_that_fit(table: Table, texts: list[list[str]], width: int) -> list[int]:
    """Columns from the left that fit the width, those without any value left out; at least the first.

    Where not all fit whole, columns of one repeated word give way, then names fold, then long texts and words that
    follow from the first column give way, so that some numbers are seen.
    """
    longest = [max((len(row[i]) for row in texts), default=0) for i in range(len(table.columns))]
    whole = [max(n, len(c.title)) for n, c in zip(longest, table.columns, strict=True)]
    filled = [i for i, n in enumerate(longest) if n > 0]
    if sum(3 + whole[i] for i in filled) <= width:
        return filled or [0]
    constant = _constant(table)
    filled = [i for i in filled if i not in constant]
    numbers = [i for i in filled if is_numeric(row[i] for row in table.rows)]
    spans = [i for i in filled if any(is_span(row[i]) for row in table.rows)]
    names = [i for i in filled if i not in {*numbers, *spans} and (whole[i] <= _FOLDED or i == filled[0])]
    heads = [max(_NAME, len(c.title)) for c in table.columns]
    folded = [min(n, head) if i in names else n for i, (n, head) in enumerate(zip(whole, heads, strict=True))]
    plain, tight = _leading(filled, whole, width), _leading(filled, folded, width)
    if len({*numbers} & {*plain}) >= _NUMBERS:
        return plain
    telling = [i for i in filled if i in {*numbers, *spans} or (i in names and not _follows(table, i))]
    sparse = _leading(telling, folded, width)
    return max(tight, sparse, key=lambda shown: min(len({*numbers} & {*shown}), _NUMBERS))


def _leading(columns: Sequence[int], widths: Sequence[int], width: int) -> list[int]:
    """As many of ``columns`` from the left as fit ``width``; at least one."""
    ends = list(accumulate(3 + widths[i] for i in columns))
    return [i for i, end in zip(columns, ends, strict=True) if end <= width] or list(columns[:1]) or [0]


def _follows(table: Table, i: int) -> bool:
    """Whether the words of column ``i`` are known from those of the first, which name several rows each."""
    pairs = {(row[0], row[i]) for row in table.rows}
    return i > 0 and len(pairs) == len({row[0] for row in table.rows}) < len(table.rows)


def _constant(table: Table) -> list[int]:
    """Columns after the first that hold one and the same word in every row."""
    if len(table.rows) < 2:
        return []
    columns = range(1, len(table.columns))
    return [i for i in columns if isinstance(table.rows[0][i], str) and len({row[i] for row in table.rows}) == 1]


def _cell_texts(layout: Pivot, *, errors: bool) -> list[list[str]]:
    columns = list(zip(*layout.cells, strict=True))
    digits = [record_digits(column) for column in columns]
    return [[number_text(r, d, errors=errors) for r, d in zip(row, digits, strict=True)] for row in layout.cells]


def _parts(layout: Pivot, texts: list[list[str]], width: int) -> list[list[int]]:
    """Columns that fit beside the labels, table by table; at least one a table."""
    labels = sum(
        3 + max([len(title), *(len(row[i]) for row in layout.labels)]) for i, title in enumerate(layout.row_titles)
    )
    parts: list[list[int]] = [[]]
    used = labels
    for i, title in enumerate(layout.column_titles):
        need = 3 + max([len(title), *(len(row[i]) for row in texts)])
        if parts[-1] and used + need > width:
            parts.append([])
            used = labels
        parts[-1].append(i)
        used += need
    return parts


def _pivot_table(layout: Pivot, texts: list[list[str]], columns: list[int]) -> Grid:
    grid = _grid()
    for title in layout.row_titles:
        grid.add_column(_plain(title), overflow="fold")
    for i in columns:
        need = max([len(layout.column_titles[i]), *(len(row[i]) for row in texts)])
        grid.add_column(_plain(layout.column_titles[i]), justify="right", no_wrap=True, min_width=need)
    for labels, row in zip(layout.labels, texts, strict=True):
        grid.add_row(*(_plain(label) for label in labels), *(_plain(row[i]) for i in columns))
    return grid


def _few_spaces(layout: Pivot, width: int, *, errors: bool) -> tuple[list[str], Grid] | None:
    """One metric per row and a column per space, with a legend of long names; None where that does not fit."""
    if len(layout.labels) > min(FEW, len(layout.column_titles)):
        return None
    named, lettered = _short_labels(layout), _lettered(layout)
    choices = [(names, shown) for names in (named, lettered) for shown in ((True, False) if errors else (False,))]
    for (heads, legend), shown in choices:
        rows = []
        for i, title in enumerate(layout.column_titles):
            records = [row[i] for row in layout.cells]
            digits = record_digits(records)
            rows.append((title, [number_text(r, digits, errors=shown) for r in records]))
        needs = [max([len(head), *(len(cells[k]) for _, cells in rows)]) for k, head in enumerate(heads)]
        if min(_NAME, max(len(title) for title, _ in rows)) + sum(n + 3 for n in needs) <= width - 2:
            grid = _grid()
            grid.add_column("metric", overflow="fold")
            for head, need in zip(heads, needs, strict=True):
                grid.add_column(_plain(head), justify="right", no_wrap=True, min_width=need)
            for title, cells in rows:
                grid.add_row(_plain(title), *(_plain(text) for text in cells))
            if errors and not shown:
                legend = [*legend, "standard errors are left out: the terminal is too narrow for them"]
            return legend, grid
    return None


def _short_labels(layout: Pivot) -> tuple[list[str], list[str]]:
    """Headings of the spaces, the shortest that tell them apart, and lines that say what they stand for."""
    spaces = (
        [labels[layout.row_titles.index("space")] for labels in layout.labels] if "space" in layout.row_titles else []
    )
    if spaces and len(set(spaces)) == len(spaces) and "source" in layout.row_titles:
        sources = [labels[layout.row_titles.index("source")] for labels in layout.labels]
        return spaces, [f"{space}: {source}" for space, source in zip(spaces, sources, strict=True) if "|" not in space]
    heads = [" ".join(filter(None, labels)) for labels in layout.labels]
    return (heads, []) if max(map(len, heads)) <= 24 else _lettered(layout)


def _lettered(layout: Pivot) -> tuple[list[str], list[str]]:
    """Letters for the spaces, and lines that say what they stand for."""
    heads = [" ".join(filter(None, labels)) for labels in layout.labels]
    letters = [chr(ord("A") + i) for i in range(len(heads))]
    return letters, [f"{letter}: {head}" for letter, head in zip(letters, heads, strict=True)]


def _single_row_table(layout: Pivot, width: int) -> Grid:
    """One metric per row, with its interval: easier to read than a single long row.

    Where names would have to be folded, standard errors give way to them: the interval says the same.
    """
    rows = []
    for title, record in zip(layout.column_titles, layout.cells[0], strict=True):
        if record is not None:
            rows.append((title, *(text or "" for text in with_interval(record))))
    heads = (", ".join(filter(None, layout.labels[0])), "value", "± s.e.", "95 % interval")
    needs = [max(len(row[i]) for row in (("", *heads[1:]), *rows)) for i in range(len(heads))]
    tight = sum(needs) + 3 * len(needs) > width and any(span for *_, span in rows)
    shown = [i for i, head in enumerate(heads) if not (tight and head == "± s.e.")]
    grid = _grid()
    grid.add_column(_plain(heads[0]), overflow="fold")
    for i in shown[1:]:
        grid.add_column(heads[i], justify="right", no_wrap=True, min_width=needs[i])
    for row in rows:
        grid.add_row(*(_plain(row[i]) for i in shown))
    return grid


def _grid() -> Grid:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Grid

    return Grid(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1))


def _plain(text: str | Text, style: str = "") -> Words:
    from embedscope.reports.wrapping import Words

    return Words(text, style)
