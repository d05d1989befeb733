"""Records as a pivot: nothing is lost, fields that do not vary are said once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from embedscope.core.pivots import column_titles, digits_of, pivot
from embedscope.core.records import Record

NAMES = st.sampled_from(["a", "b"])


@given(st.lists(st.builds(Record, NAMES, NAMES, st.floats(0, 1), pooling=st.none() | NAMES, space=NAMES, task=NAMES)))
def test_every_record_has_one_cell(records: list[Record]) -> None:
    layout = pivot(records)
    cells = [id(r) for row in layout.cells for r in row if r is not None]
    assert sorted(cells) == sorted(map(id, records))
    assert all(len(row) == len(layout.column_titles) for row in layout.cells)


def test_two_records_of_one_cell_get_two_rows() -> None:
    layout = pivot([Record("a", "i1", 0.1), Record("a", "i1", 0.2)])
    assert [row[0].value for row in layout.cells if row[0]] == [0.1, 0.2]


def test_rows_keep_the_order_of_their_first_appearance() -> None:
    records = [Record("m", metric, 0.0, space=s) for metric in ("i1", "i2") for s in ("layer00", "layer01", "final")]
    assert pivot(records).labels == (("layer00",), ("layer01",), ("final",))


def test_columns_name_task_variant_and_rows_where_they_differ() -> None:
    records = [
        Record("m", "stsb.pearson", 0.5, task="stsb"),
        Record("m", "self_similarity", 0.5, task="stsb"),
        Record("m", "i1", 0.5, rows="raw"),
        Record("m", "i1", 0.5, rows="unit"),
    ]
    assert column_titles(records) == ["stsb.pearson", "stsb self_similarity", "i1 (raw)", "i1 (unit)"]


def test_digits_of_nothing() -> None:
    assert digits_of([None]) == 0
