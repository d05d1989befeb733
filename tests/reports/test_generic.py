"""Results without a document get one: a table, curves over layers, what notes say."""

from __future__ import annotations

from embedscope.core.document import Document, Figure, Headline, Series
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.reports.charts import end_names
from embedscope.reports.generic import document_of
from embedscope.reports.headlines import leading_charts


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


def test_metrics_of_the_words_of_a_task_are_geometry_and_its_score_is_not() -> None:
    records = tuple(
        Record("m", metric, 0.1 * i, space=f"layer0{i}", task="rg65") for metric in ("i1", "rg65") for i in range(3)
    )
    figures = {f.title: f for f in document_of(Result(records)).figures}
    assert (figures["i1"].section, figures["rg65"].section) == ("Geometry by layer", "Scores by layer")
    assert figures["i1"].marks == () and figures["rg65"].marks[0].at == 2


def test_notes_that_differ_in_numbers_alone_are_one_entry() -> None:
    records = [Record("m", "i1", 0.5, space=f"layer0{i}", note=f"about 0.{i}5 too low") for i in range(4)]
    records.append(Record("m", "i1", 0.5, space="layer05", note="another note"))
    document = document_of(Result(tuple(records)))
    assert [(s.what, s.why) for s in document.skipped] == [
        ("i1 (4 records)", "about 0.05 too low; 3 more notes differ in their numbers alone"),
        ("i1 (1 record)", "another note"),
    ]


def test_charts_of_a_headline_that_are_not_there_leave_the_first_ones() -> None:
    curve = Figure("f", "F", "x", "y", (Series("a", (0.0, 1.0), (0.5, 0.7)),))
    document = Document("t", figures=(curve,), headline=Headline("The answer.", charts=("absent",)))
    assert leading_charts(document) == (curve,)


def test_the_best_layer_of_one_model_is_marked_and_curves_of_several_are_named_at_their_ends() -> None:
    scores = {"m": (0.2, 0.7, 0.5), "n": (0.1, 0.3, 0.6)}
    records = {
        source: [Record(source, "rg65", v, space=f"layer{i:02d}", task="rg65") for i, v in enumerate(values)]
        for source, values in scores.items()
    }
    (one,) = document_of(Result(tuple(records["m"]))).figures
    assert [(m.at, m.label) for m in one.marks] == [(1.0, "best 0.700")]
    (both,) = document_of(Result((*records["m"], *records["n"]))).figures
    assert not both.marks and list(end_names(both).values()) == ["m", "n"]
    assert len({s.group for s in both.series}) == 2, "one colour a model"
