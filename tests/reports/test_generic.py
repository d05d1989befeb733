"""Results without a document get one: a table, curves over layers, what notes say."""

from __future__ import annotations

from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.reports.generic import document_of


def test_own_document_is_kept(sample_result: Result) -> None:
    assert document_of(sample_result) is sample_result.document


def test_curves_over_layers_with_relative_depth_for_models_of_unequal_depth(plain_result: Result) -> None:
    document = document_of(plain_result)
    figure = document.figures[0]
    assert (figure.title, figure.x_label) == ("self_similarity", "relative depth: layer / last layer")
    assert [(s.label, s.group, s.kind, len(s.x)) for s in figure.series] == [
        ("minilm", "minilm", "measured", 7),
        ("minilm random init", "minilm", "baseline", 7),
        ("smollm2", "smollm2", "measured", 32),
        ("smollm2 random init", "smollm2", "baseline", 32),
    ]
    assert all(s.x[0] == 0 and s.x[-1] == 1 for s in figure.series)
    assert figure.series[0].low == tuple(r.ci_low for r in plain_result.select(source="minilm", metric=figure.title))


def test_layers_of_one_model_keep_their_numbers() -> None:
    records = tuple(Record("m", "i1", 0.5, space=s) for s in ("layer00", "layer01", "layer02", "final"))
    document = document_of(Result(records))
    assert document.figures[0].series[0].x == (0, 1, 2)
    assert len(document.tables[0].rows) == 4


def test_a_file_has_a_table_and_no_figure() -> None:
    document = document_of(
        Result((Record("x.npy", "isoscore", 0.25, space="x"), Record("x.npy", "i1", 0.5, space="x")))
    )
    assert document.title == "Geometry of x.npy"
    assert document.figures == ()
    assert document.tables[0].rows == (("isoscore", "0.2500", None, None, None), ("i1", "0.5000", None, None, None))


def test_undefined_and_sampled_values_are_said() -> None:
    records = (
        Record("m", "rg65", None, task="rg65", note="all vectors are equal"),
        Record("m", "i1", 0.5, exact=False, note="10 rows of 20"),
    )
    document = document_of(Result(records))
    assert document.title == "Evaluation of m"
    assert document.findings[0].text == "1 of 2 values is undefined."
    assert document.findings[0].detail == "all vectors are equal."
    assert [(s.what, s.why) for s in document.skipped] == [
        ("rg65 (1 record)", "all vectors are equal"),
        ("i1 (1 record)", "10 rows of 20"),
    ]


def test_empty_result() -> None:
    assert document_of(Result(())).tables == ()
