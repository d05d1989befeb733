"""Ids, groups and labels in files: one per line, or a column of a table, and one for every row."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.sources.grouped_stream import group_hashes
from embedscope.sources.paired_vectors import hash_groups, id_hashes, partner_rows, read_ids

IDS = ["a 1", "b", "c,d", "\u00e9"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plain.txt").write_text("\r\n".join([f"{IDS[0]} ", *IDS[1:]]) + "\r\n", encoding="utf-8-sig")
    rows = [{"n": i, "doc id": name} for i, name in enumerate(IDS)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "t.json").write_text(json.dumps(rows))
    (tmp_path / "t.csv").write_text("n,doc id\n" + "".join(f'{i},"{name}"\n' for i, name in enumerate(IDS)))
    (tmp_path / "s.csv").write_text("n;doc id\n" + "".join(f"{i};{name}\n" for i, name in enumerate(IDS)))
    (tmp_path / "t.tsv").write_text("n\tdoc id\n" + "".join(f"{i}\t{name}\n" for i, name in enumerate(IDS)))
    pq.write_table(pa.table({"n": range(4), "doc id": IDS}), tmp_path / "t.parquet")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["plain.txt", *(f"{t}::doc id" for t in ("t.jsonl", "t.json", "t.csv", "s.csv", "t.tsv", "t.parquet"))]
)
def test_every_form_gives_the_same_ids(folder, name):
    assert read_ids(folder / name) == IDS
    np.testing.assert_array_equal(id_hashes(str(folder / name), 4, "A"), id_hashes(IDS, 4, "A"))
    np.testing.assert_array_equal(group_hashes(str(folder / name), 4), hash_groups(IDS, 4))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("g.txt", "a\n\nb\n", r"line 2 of .*g.txt is empty; wanted one group per line"),
        ("g.txt", b"\xff\xfe", "wanted UTF-8 text, one group per line"),
        ("g.csv", "n,doc\n1,a\n2,\n", None),
        ("g.csv::doc", "n,doc\n1,a\n2,\n", "column doc of .*g.csv has no group in 1 row, first in row 1"),
        ("g.csv::dok", "n,doc\n1,a\n", "has no column 'dok'; did you mean 'doc'[?] its columns are n, doc"),
        ("g.jsonl::doc", '{"doc": "a"}\n{"doc": null}\n{"n": 1}\n', "no group in 2 rows, first in row 1"),
        ("g.jsonl", '{"doc": "a", "n": 1}\n', "is a table with the columns doc, n; name the one with the groups"),
    ],
)
def test_a_group_that_is_missing_is_no_group_of_its_own(tmp_path, file, content, said):
    path = tmp_path / file.partition("::")[0]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=said or "is a table with the columns n, doc; name the one with the groups"):
        group_hashes(str(tmp_path / file), 2)


def test_one_field_is_that_field(tmp_path):
    (tmp_path / "g.jsonl").write_text('{"doc": "a"}\n{"doc": "b"}\n')
    assert read_ids(tmp_path / "g.jsonl") == ["a", "b"]


@pytest.mark.parametrize("values", [["a", None, None], [1.0, float("nan"), float("nan")]])
def test_null_ids_of_parquet_match_nothing(tmp_path, values):
    """Rows without an id were all called None, and matched each other."""
    pq.write_table(pa.table({"id": values}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column id of .* has no id in 2 rows, first in row 1; give every row one"):
        id_hashes(f"{tmp_path}/t.parquet::id", 3, "A")


def test_a_name_with_parquet_in_it_is_a_text_file(tmp_path):
    (tmp_path / "t.parquet.ids.txt").write_text("a\nb\n")
    assert read_ids(tmp_path / "t.parquet.ids.txt") == ["a", "b"]


def test_files_are_called_what_they_are(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(4))
    for option, call in {
        "group": lambda: embedscope.measure(str(tmp_path / "x.npy"), groups=str(tmp_path / "x.npy")),
        "id": lambda: embedscope.measure(pair=(np.eye(4), np.eye(4)), pair_ids=(str(tmp_path / "x.npy"),) * 2),
        "label": lambda: embedscope.repair(np.eye(4), labels=str(tmp_path / "x.npy")),
    }.items():
        with pytest.raises(InputError, match=f"wanted UTF-8 text, one {option} per line"):
            call()


def test_partners_are_found_whatever_the_order():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 2**63, size=50).astype(np.uint64)
    order = rng.permutation(50)
    np.testing.assert_array_equal(ids[order][partner_rows((ids, ids[order]), ("a", "b"))], ids)
    for other, said in ((np.append(ids[:49], ids[0]), "1 id without a match"), (ids[:49], "1 id without a match")):
        with pytest.raises(InputError, match=said):
            partner_rows((ids, other), ("a", "b"))
    with pytest.raises(InputError, match="the b side has an id twice"):
        partner_rows((ids, np.append(ids, ids[0])), ("a", "b"))
