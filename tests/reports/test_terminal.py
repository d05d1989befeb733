"""Terminal output: findings first, pivots that fit the width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from embedscope.core.document import Column, Document, Finding, Headline, Row, Table
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.reports import print_document, print_records, print_result
from embedscope.reports.generic import document_of


def console(width: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width), out


def test_findings_then_tables_then_skipped(sample_result: Result) -> None:
    screen, out = console(140)
    print_document(sample_result, screen)
    text = out.getvalue()
    order = [
        text.index(t) for t in ("Findings", "agrees", "undecided", "Table 1: best", "Skipped, sampled", "SimVerb-3500:")
    ]
    assert order == sorted(order)
    assert max(len(line) for line in text.splitlines()) <= 140


@pytest.mark.parametrize(
    "records",
    [
        [Record("m", "recall@10", 1.0, stderr=0.005, ci_low=0.981, ci_high=1.0)],
        [Record(source, "recall@10", 1.0, stderr=0.005, ci_low=0.981, ci_high=1.0) for source in "abc"],
    ],
    ids=["one space", "several"],
)
def test_whole_numbers_keep_the_digits_of_their_error_bars(records: list[Record]) -> None:
    screen, out = console(100)
    print_records(records, screen)
    assert "1.0000" in out.getvalue()
    assert "0.0050" in out.getvalue()
    if len(records) == 1:
        table = document_of(Result(tuple(records))).tables[0]
        said = [out.getvalue(), Result(tuple(records)).to_markdown(), str(table.rows)]
        assert ["0.9810 to 1.0000" in text for text in said] == [True] * 3


def test_long_tables_stop_and_say_so() -> None:
    table = Table("t", "T", (Column("n"),), tuple((i,) for i in range(50)))
    screen, out = console(80)
    print_document(Result((), document=Document("d", tables=(table,))), screen)
    assert "10 more rows are in the report" in out.getvalue()


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


def test_few_spaces_stand_side_by_side_with_error_bars() -> None:
    metrics = ("isoscore", "self_similarity", "mean_norm")
    records = [
        Record(source, m, 0.12345, space=space, stderr=0.01)
        for source, space in (("images.npy", "image"), ("texts.npy", "text"))
        for m in metrics
    ]
    records.append(Record("images.npy|texts.npy", "modality_gap", 1.25, space="image|text", stderr=0.02))
    screen, out = console(100)
    print_records(records, screen)
    text = out.getvalue()
    assert "metric" in text
    assert text.count("0.1235 ± 0.0100") == 6
    assert "image: images.npy" in text
    assert "text: texts.npy" in text
    (row,) = [line for line in text.splitlines() if line.startswith(" modality_gap")]
    assert row.split() == ["modality_gap", "1.2500", "±", "0.0200"]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_numbers_are_never_cut(width: int) -> None:
    names = [f"a/rather/long/path/to/some/vectors-{i}.npy" for i in range(2)]
    records = [Record(n, m, 0.98765, space="vectors", stderr=0.0123) for n in names for m in ("isoscore", "mean_norm")]
    screen, out = console(width)
    print_records(records, screen)
    assert out.getvalue().count("0.9877") == 4
    assert "…" not in out.getvalue()
    one, out = console(width)
    print_records([r for r in records if r.source == names[0]], one)
    assert out.getvalue().count("0.9877") == 2
    table = Table(
        "t", "T", (Column("name"), Column("value", 4)), (("a name that is too long for the screen " * 2, 0.5),)
    )
    narrow, out = console(width)
    print_document(Result((), document=Document("d", tables=(table,))), narrow)
    assert "0.5000" in out.getvalue() or "value is in the report" in out.getvalue()


def test_an_end_of_an_interval_that_rounds_to_zero_shows_its_digits() -> None:
    screen, out = console(100)
    print_records([Record("m", "ndcg@10", 0.0213, ci_low=0.00002, ci_high=0.05, stderr=0.01)], screen)
    assert "0.00002 to 0.05000" in out.getvalue()


def test_brackets_are_text_and_undefined_is_said() -> None:
    screen, out = console(80)
    print_records([Record("[red]a[/red]", "i1", None, note="[why]"), Record("b", "i1", 0.5)], screen)
    assert "[red]a[/red]" in out.getvalue()
    assert "undefined" in out.getvalue()
    assert "i1 (1 record): [why]" in out.getvalue()


def test_no_records() -> None:
    screen, out = console(80)
    print_records([], screen)
    assert out.getvalue().strip() == "no records"


def test_a_narrow_terminal_shows_numbers_before_words_that_repeat() -> None:
    heads = (Column("verdict"), Column("space"), Column("metric"), Column("baseline", 4), Column("now", 4))
    names = ("self_similarity_centered", "isoscore")
    rows = tuple(("rows differ", "vectors", name, 0.25, 0.5) for name in names)
    screen, out = console(60)
    print_document(Result((), document=Document("d", tables=(Table("t", "T", heads, rows, "A caption."),))), screen)
    text = out.getvalue()
    assert "0.2500" in text and "0.5000" in text and "now" in text
    assert "space: vectors" in text and text.count("vectors") == 1
    assert "is in the report" not in text and max(map(len, text.splitlines())) <= 60


def test_names_are_whole_where_a_table_shows_three_numbers() -> None:
    heads = (Column("candidate"), *(Column(f"score{i}", 3) for i in range(6)))
    rows = tuple((f"whiten:{n}:ledoit-wolf (chosen)", *([0.5] * 6)) for n in (16, 32))
    screen, out = console(80)
    print_document(Result((), document=Document("d", tables=(Table("t", "T", heads, rows),))), screen)
    assert "whiten:16:ledoit-wolf (chosen)" in out.getvalue()


def test_many_spaces_are_counted_and_the_best_ones_printed_until_explain_asks_for_all() -> None:
    records = [Record("m", "rg65", 0.01 * i, space=f"layer{i:02d}", task="rg65") for i in range(50)]
    result = Result((*records, Record("m", "rg65.best", 0.49, space="layer49", task="rg65")))
    for explain, shown in ((False, False), (True, True)):
        screen, out = console(100)
        print_result(result, screen, explain=explain)
        assert ("layer07" in out.getvalue()) is shown and "rg65.best" in out.getvalue()
        assert ("the numbers of 50 spaces: add --explain" in out.getvalue()) is not explain


def test_explain_says_the_main_finding_once_with_all_that_it_has() -> None:
    main = Finding(
        "Rows repeat.", "warning", "share 0.06", detail="A count.", harm="Results repeat.", remedy="keep one of each",
        rows=tuple(Row(str(i), "", "one of 2") for i in range(2)), n_rows=5,
    )  # fmt: skip
    other = Finding("Norms vary.", "info", "cv 0.2")
    headline = Headline("Rows repeat.", "warning", "share 0.06", "Results repeat.")
    screen, out = console(80)
    print_document(Result((), document=Document("d", findings=(main, other), headline=headline)), screen)
    text = out.getvalue()
    for said in ("Rows repeat.", "Results repeat.", "share 0.06", "A count.", "row 1: one of 2", "3 more rows"):
        assert text.count(said) == 1, said
    order = [text.index(t) for t in ("Rows repeat.", "row 0", "try: keep one", "Other findings", "Norms vary.")]
    assert order == sorted(order)


def test_two_findings_of_one_headline_keep_what_they_have_beside_it() -> None:
    findings = (Finding("Rows moved."), Finding("Pairs are lost.", remedy="match by id"))
    headline = Headline("Pairs are lost. Rows moved. 5 % are in common.")
    screen, out = console(80)
    print_document(Result((), document=Document("d", findings=findings, headline=headline)), screen)
    assert out.getvalue().count("Rows moved.") == 1 and "try: match by id" in out.getvalue()


@pytest.mark.parametrize("width", range(24, 60, 3))
def test_no_line_breaks_between_a_number_and_its_sign(width: int) -> None:
    text = "The share is 5.0 % of all 12 % and 95 % intervals, \N{PLUS-MINUS SIGN} 0.02, p = 0.01, `a code of three`."
    headline = Headline(text, "warning", text, text)
    screen, out = console(width)
    print_document(Result((), document=Document("d", headline=headline)), screen, explain=False)
    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width and len(lines) > 6
    assert not [x for x in lines if x.startswith(("%", "= ", "0.01")) or x.endswith(("\N{PLUS-MINUS SIGN}", " p", "="))]
    assert sum("`a code of three`" in line for line in lines) == 3


def test_short_names_leave_room_for_the_first_number() -> None:
    heads = (Column("verdict"), Column("space"), Column("rule"), Column("value", 4), Column("warning", 4))
    rows = tuple(("ok", "image|text", f"mismatched_pairs{i}", 0.25, 0.5) for i in range(3))
    rows = (*rows, ("warning", "text", "hubs", 0.75, None), ("ok", "text", "hubs", 0.75, None))
    screen, out = console(60)
    print_document(Result((), document=Document("d", tables=(Table("t", "T", heads, rows),))), screen)
    assert out.getvalue().count("0.2500") == 3 and "mismatched_pairs0" in out.getvalue()
    assert "The column warning is in the report" in out.getvalue()


def test_standard_errors_give_way_to_whole_names_where_the_interval_says_the_same() -> None:
    name = "self_similarity_centered"
    record = Record("documents.npy", name, -0.0002, ci_low=-0.0011, ci_high=0.0007, stderr=0.0004)
    for width, shown in ((60, False), (80, True)):
        screen, out = console(width)
        print_records([record], screen)
        assert name in out.getvalue() and "-0.0011 to 0.0007" in out.getvalue()
        assert ("0.0004" in out.getvalue()) is shown


def test_a_long_name_breaks_at_its_joints() -> None:
    rows = (("openai/clip-vit-base-patch32", 0.5), ("modality_separability.logistic", 0.25))
    heads = (Column("name"), Column("value", 4))
    screen, out = console(29)
    print_document(Result((), document=Document("d", tables=(Table("t", "T", heads, rows),))), screen)
    words = out.getvalue().split()
    assert {"openai/clip-vit-", "base-patch32", "0.5000", "modality_", "separability."} <= {*words}


def test_a_table_with_numbers_shows_some_whatever_its_names() -> None:
    """Long names of the first column fold; words that it implies, and texts, give way to numbers."""
    heads = [Column(c) for c in ("spaces", "corpus", "direction", "what")] + [Column(f"score{i}", 3) for i in range(4)]
    spaces = [f"CLIP ViT-B/32, 'a NAME', layer {i:02d} -> CLIP ViT-B/32, 'a photo of a NAME'" for i in range(4)]
    rows = tuple(
        (
            name,
            ("a corpus of names", "sentences")[i % 2],
            side,
            f"what {i} says in more words than a line has " * 2,
            *[0.5] * 4,
        )
        for i, name in enumerate(spaces)
        for side in ("queries", "documents")
    )
    screen, out = console(60)
    print_document(Result((), document=Document("d", tables=(Table("t", "T", tuple(heads), rows),))), screen)
    text = out.getvalue()
    assert text.count("0.500") >= 16 and text.count("documents") == 4, "the direction tells rows apart"
    assert "sentences" not in text and "The columns corpus, what" in text
    assert max(map(len, text.splitlines())) <= 60


def test_files_side_by_side_are_one_table_at_60_columns_too() -> None:
    """Three files made a table for each metric, fifteen of them."""
    names = ("self_similarity", "self_similarity_centered", "isoscore", "participation_ratio", "effective_rank")
    sources = ("example/documents.npy", "drifted.npy", "better.npy")
    records = [Record(s, m, 0.5, space="vectors", stderr=0.01, n=9, dim=4) for s in sources for m in names]
    screen, out = console(60)
    print_records(records, screen)
    assert out.getvalue().count("\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 9) and out.getvalue().count("0.5") == 15
    heads = [line for line in out.getvalue().splitlines() if line.strip().startswith("metric")]
    assert len(heads) == 1 and heads[0].split() == ["metric", "A", "B", "C"]
    assert all(f"{letter}: {source}" in out.getvalue() for letter, source in zip("ABC", sources, strict=True))
