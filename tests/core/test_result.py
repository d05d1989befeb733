"""Results: what is written is read back, and every format holds every record."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from embedscope.core.document import Column, Document, Figure, Finding, Series, Skipped, Table
from embedscope.core.errors import InputError
from embedscope.core.records import FIELDS, Record
from embedscope.core.result import Result, latex_table

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


def test_select_and_value() -> None:
    assert RESULT.value(pooling="plain") == 0.5
    with pytest.raises(InputError, match="matches 2 records"):
        RESULT.value(metric="rg65")
    with pytest.raises(InputError, match="no field"):
        RESULT.select(layer=3)
