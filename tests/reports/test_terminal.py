"""Terminal output: findings first, pivots that fit the width."""

from __future__ import annotations

import io

from rich.console import Console

from embedscope.core.document import Column, Document, Table
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.reports import print_document, print_records


def console(width: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width), out


def test_findings_then_tables_then_skipped(sample_result: Result) -> None:
    screen, out = console(140)
    print_document(sample_result, screen)
    text = out.getvalue()
    order = [
        text.index(t)
        for t in ("Findings", "agrees", "undecided", "Table 1: best", "Left out, sampled", "SimVerb-3500:")
    ]
    assert order == sorted(order)
    assert max(len(line) for line in text.splitlines()) <= 140


def test_long_tables_stop_and_say_so() -> None:
    table = Table("t", "T", (Column("n"),), tuple((i,) for i in range(50)))
    screen, out = console(80)
    print_document(Result((), document=Document("d", tables=(table,))), screen)
    assert "10 more rows stand in the report" in out.getvalue()


def test_pivot_with_errors_where_it_fits(plain_result: Result) -> None:
    records = [r for r in plain_result if r.source == "minilm" and r.metric in {"isoscore", "i1"}]
    screen, out = console(80)
    print_records(records, screen)
    assert "source minilm" in out.getvalue()
    assert f"{records[0].value:.4f} ± {records[0].stderr:.4f}" in out.getvalue()


def test_wide_pivots_are_cut_into_tables_that_fit(plain_result: Result) -> None:
    records = [r for r in plain_result if r.source == "minilm"]
    screen, out = console(70)
    print_records(records, screen)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 70
    assert "…" not in out.getvalue()
    assert sum(line.split()[:1] == ["space"] for line in lines) > 1
    for metric in {r.metric for r in records}:
        assert metric in out.getvalue()


def test_brackets_are_text_and_undefined_is_said() -> None:
    screen, out = console(80)
    print_records([Record("[red]a[/red]", "i1", None, note="[why]"), Record("b", "i1", 0.5)], screen)
    assert "[red]a[/red]" in out.getvalue()
    assert "undefined" in out.getvalue()
    assert "i1: [why]" in out.getvalue()


def test_no_records() -> None:
    screen, out = console(80)
    print_records([], screen)
    assert out.getvalue().strip() == "no records"
