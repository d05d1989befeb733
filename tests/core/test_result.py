"""Results: what is written is read back, and every format holds every record."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from embedscope.core.document import Column, Document, Figure, Finding, Series, Skipped, Table
from embedscope.core.errors import InputError
from embedscope.core.latex import latex_table
from embedscope.core.markup import records_table
from embedscope.core.records import FIELDS, Record
from embedscope.core.result import Result

DOCUMENT = Document(
    "Title",
    "Question?",
    (Finding("A finding.", "agrees", "r = .5", "Table 1", "why"),),
    (
        Table(
            "t1", "Scores & more", (Column("model"), Column("best_value", 2, "help")), (("a_b", 0.123), ("50 %", None))
        ),
    ),
    (
        Figure(
            "f1", "F", "x", "y", (Series("s", (0.0, 1.0), (0.5, None), (0.4, None), (0.6, None)),), y_range=(0.0, 1.0)
        ),
    ),
    (Skipped("stsb", "not here"),),
    ("A source",),
)
RECORDS = (
    Record("m", "rg65", 0.5, "plain", "layer00", "rg65", None, 0.1, 0.3, 0.7, 65, 384, "unit"),
    Record("m", "rg65", None, "eos", "layer00", "rg65", note="undefined: all cosines are equal", exact=False),
)
RESULT = Result(RECORDS, {"seed": 0, "versions": {"numpy": "2"}}, DOCUMENT)


def test_json_round_trip(tmp_path: Path) -> None:
    RESULT.to_json(tmp_path / "r.json")
    assert Result.from_json(tmp_path / "r.json") == RESULT
    data = json.loads((tmp_path / "r.json").read_text())
    assert list(data)[:3] == ["schema_version", "provenance", "records"]
    assert tuple(data["records"][0]) == FIELDS


def test_columns_that_name_their_best_number_are_read_again(tmp_path: Path) -> None:
    table = Table("t", "T", (Column("a", 2, best="high"), Column("b", best="low"), Column("c")), ((1.0, 2.0, "x"),))
    result = Result(RECORDS, {}, Document("Title", tables=(table,)))
    result.to_json(tmp_path / "r.json")
    assert Result.from_json(tmp_path / "r.json") == result


def test_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        Result((Record("m", "x", float("nan")),)).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1}', '{"schema_version": 99, "records": []}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match=r"pass the result.json of a run|is not a result file|has schema_version 99"):
        Result.from_json(tmp_path / "r.json")


def test_csv_and_parquet_hold_every_record(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(RESULT.to_csv(tmp_path / "r.csv"))))
    assert [r["metric"] for r in rows] == ["rg65", "rg65"]
    assert float(rows[0]["value"]) == 0.5
    assert rows[1]["value"] == ""
    RESULT.to_parquet(tmp_path / "r.parquet")
    table = pq.read_table(tmp_path / "r.parquet")
    assert table.to_pylist() == [r.as_dict() for r in RECORDS]
    assert b"embedscope" in table.schema.metadata


def test_pandas() -> None:
    frame = RESULT.to_pandas()
    assert list(frame.columns) == list(FIELDS)
    assert len(frame) == 2


def test_latex_escapes_and_uses_booktabs() -> None:
    text = latex_table(DOCUMENT.tables[0])
    assert r"a\_b & 0.12 \\" in text
    assert r"50 \% &  \\" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    assert r"\begin{tabular}{lr}" in text
    assert r"rg65" in Result(RECORDS).to_latex()


def test_latex_aligns_numbers_that_were_rounded_to_text() -> None:
    rows = (("a", "\N{MINUS SIGN}0.12", "0.1 to 0.2"), ("b", "1,234", ""))
    assert r"\begin{tabular}{lrl}" in latex_table(Table("t", "T", tuple(map(Column, "abc")), rows))


LAYERS = Result(
    tuple(
        Record(source, "rg65", value, space=space, task="rg65")
        for source, values in (("bert_base", (0.1, -0.25)), ("minilm", (0.75, 0.75)))
        for space, value in zip(("layer00", "final"), values, strict=True)
    )
)


def test_latex_fits_a_page() -> None:
    text = LAYERS.to_latex()
    assert r"\multirow{2}{*}{bert\_base} & layer00 & 0.1000 \\" in text
    assert "\n & final & $-$0.2500 \\\\" in text
    assert text.count(r"\textbf{0.7500}") == 2, "ties are both the best"
    assert r"\ifdim\width>\linewidth" in text
    assert r"\label{tab:records}" in text
    long = Table("a_b c", "T", (Column("n"),), tuple((i,) for i in range(90)))
    parts = latex_table(long).split(r"\begin{table}")[1:]
    assert [p.count(" \\\\\n") for p in parts] == [41, 41, 11]
    assert r"\label{tab:a-b-c-2}" in parts[1]
    assert "(continued)" in parts[1]


def test_nothing_is_bold_where_no_direction_is_better() -> None:
    geometry = Result((Record("a", "i1", 0.1), Record("b", "i1", 0.2)))
    assert "textbf" not in geometry.to_latex()


def test_markdown_and_html_hold_findings_and_numbers(tmp_path: Path) -> None:
    text = RESULT.to_markdown(tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text() == text
    assert "- **agrees**: A finding." in text
    assert "| a_b | 0.12 |" in text
    assert "- stsb: not here" in text
    page = RESULT._repr_html_()
    assert "<td>0.12</td>" in page
    assert "A finding." in page
    assert "<script" not in Result((Record("<script>", "i1", 0.5),))._repr_html_()
    assert "| isoscore | 0.2000 |  |  |" in Result((Record("x.npy", "isoscore", 0.2),)).to_markdown()
    assert "| source | value |" in LAYERS.to_markdown(columns=["source", "value"])


def test_a_long_table_in_a_notebook_says_what_it_leaves_out() -> None:
    many = Result(tuple(Record(f"f{i}.npy", "i1", i / 7) for i in range(100)))
    page = many._repr_html_()
    assert page.count("<tr>") == 1 + 24 + 1
    assert "76 more rows." in page
    assert len(records_table(many.records).rows) == 100


def test_indexing() -> None:
    assert RESULT[0] is RECORDS[0]
    assert RESULT[-1] is RECORDS[1]
    assert RESULT[:1] == RECORDS[:1]
    assert Result(RECORDS[:1])["rg65"] is RECORDS[0]
    with pytest.raises(InputError, match="matches 2 records; select one by pooling"):
        RESULT["rg65"]
    with pytest.raises(IndexError):
        RESULT[2]


def test_select_and_value() -> None:
    assert RESULT.value(pooling="plain") == 0.5
    assert len(RESULT.select(pooling=["plain", "eos"], metric="rg65")) == 2
    assert LAYERS.select(space="final", metric=["rg65", "i1"]) == (LAYERS[1], LAYERS[3])
    with pytest.raises(InputError, match=r"matches 2 records; select one by pooling \('plain', 'eos'\)"):
        RESULT.value(metric="rg65")
    with pytest.raises(InputError, match=r"no record; did you mean 'rg65'\? metric is one of 'rg65'"):
        RESULT.value(metric="rg56")
    with pytest.raises(InputError, match="each of these values occurs, but not together"):
        RESULT.value(pooling="plain", value=None)
    with pytest.raises(InputError, match="no field poolings; did you mean pooling"):
        RESULT.select(poolings="plain")


def test_wide_tables_span_both_columns_and_break_their_long_texts():
    words = "a sentence of many words that nobody can read when it is shrunk to a column of a paper"
    heads = tuple(map(Column, ("pair", "what", "why", *"abcdef")))
    rows = tuple((("m -> n"), words, f"{words} {i}", *([0.1234] * 6)) for i in range(2))
    text = latex_table(Table("t", "T", heads, rows))
    assert text.startswith(r"\begin{table*}") and r"\end{table*}" in text
    assert re.search(r"\\begin\{tabular\}\{lp\{\d+pt\}p\{\d+pt\}r{6}\}", text)
    assert r"\multirow{2}{*}{m $\rightarrow$ n}" in text and r"\multirow{2}{=}{a sentence" in text
    narrow = latex_table(Table("t", "T", heads[3:], tuple(row[3:] for row in rows)))
    assert narrow.startswith("\\begin{table}\n")
