"""JSONL, CSV, TSV, Parquet, Arrow: vectors in lists, columns of coordinates and strings; ids and texts kept."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from pyarrow import feather

from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.readers import _lines as lines
from embedscope.readers import describe_stream, find_vectors, ids_of, open_vectors, texts_of

X = np.random.default_rng(2).standard_normal((700, 13))
NAMES = [f"doc-{i}" for i in range(len(X))]
TEXTS = [f'line {i}, "quoted"\nand a second line' for i in range(len(X))]


def read(source, **options):
    stream = open_vectors(str(source), **options)
    batches = [b for s in stream.shards() for b in s.batches()]
    assert stream.n_rows == sum(len(b.ids) for b in batches)
    (space,) = stream.dims
    return stream, np.concatenate([b.spaces[space] for b in batches])


def error(source, **options):
    with pytest.raises(EmbedscopeError) as caught:
        read(source, **options)
    text = str(caught.value)
    assert len(text) < 400
    assert "\n" not in text
    return text


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def table(path, header, rows, delimiter=",", **options):
    with path.open("w", newline="", **options) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows(rows if header is None else [header, *rows])
    return path


def check(source, x=X, ids=NAMES, texts=TEXTS):
    stream, got = read(source)
    assert_array_equal(got, x)
    assert (ids_of(stream).values() if ids else ids_of(stream)) == (tuple(ids) if ids else None)
    assert (texts_of(stream).values() if texts else texts_of(stream)) == (tuple(texts) if texts else None)
    return describe_stream(stream)


@pytest.fixture(params=[1 << 22, 5000], ids=["one run", "many runs"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(lines, "CHUNK", request.param)
    monkeypatch.setattr(lines, "_READ", request.param * 3 + 7)


@pytest.mark.usefixtures("chunk")
def test_jsonl(tmp_path):
    rows = [
        {"id": n, "text": t, "embedding": v, "more": {"a": 1}} for n, t, v in zip(NAMES, TEXTS, X.tolist(), strict=True)
    ]
    said = check(jsonl(tmp_path / "x.jsonl", rows))
    assert "ids from column id; texts from column text; column more not read" in said
    (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "x.jsonl").read_bytes().replace(b"\n", b"\r\n\n"))
    check(tmp_path / "x.jsonl")


@pytest.mark.usefixtures("chunk")
def test_jsonl_of_bare_lists_of_coordinates_and_of_strings(tmp_path):
    check(jsonl(tmp_path / "a.jsonl", X.tolist()), ids=None, texts=None)
    rows = [{"_id": i, **{f"dim_{j}": value for j, value in enumerate(row)}} for i, row in enumerate(X.tolist())]
    check(jsonl(tmp_path / "b.ndjson", rows), ids=[str(i) for i in range(len(X))], texts=None)
    rows = [{"word": n, "vec": str(row)} for n, row in zip(NAMES, X.tolist(), strict=True)]
    said = check(jsonl(tmp_path / "c.jsonl", rows), ids=None, texts=NAMES)
    assert "vectors from the strings in column vec" in said


def test_jsonl_first_rows_of_whole_numbers_then_of_fractions(tmp_path):
    jsonl(tmp_path / "x.jsonl", [{"e": [1, 2]}, {"e": [0.5, 3]}, {"e": [1e3, -4]}])
    assert_array_equal(read(tmp_path / "x.jsonl")[1], [[1, 2], [0.5, 3], [1000, -4]])


def test_jsonl_errors(tmp_path):
    path = tmp_path / "x.jsonl"
    assert "row 1 has 1 numbers, row 0 has 2" in error(jsonl(path, [{"e": [1.0, 2.0]}, {"e": [1.0]}]))
    assert "null in row 1" in error(jsonl(path, [{"e": [1.0, 2.0]}, {"f": 1}]))
    assert "its columns are id, text" in error(jsonl(path, [{"id": 1, "text": "a"}]))
    path.write_text('{"e": [1.0, 2.0]}\n{"e": [1.0, NaN]}\n')
    assert "first in row 1" in error(path)
    path.write_text('{"e": [1.0, 2.0]}\n{"e": [1.0, x]}\n')
    assert "x.jsonl holds no valid JSON object in row 1" in error(path)
    path.write_text('{"e": [1.0, 2.0]}\n{"e": [1.0, 2.')
    assert "holds no valid JSON" in error(path)
    path.write_text('{"e": [1.0, 2.0]} {"e": [1.0, 2.0]}\n')
    assert "wanted one object per line" in error(path)
    path.write_text("word 1 2 3\n")
    assert "does not begin with an object" in error(path)
    jsonl(path, [{"id": i, "e": [1.0, 2.0]} for i in (1, "b")])
    assert "same type in every field" in error(path)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize(("name", "delimiter"), [("x.csv", ","), ("x.tsv", "\t"), ("y.csv", ";"), ("y.csv", "\t")])
def test_one_column_per_coordinate(tmp_path, name, delimiter):
    header = ["id", *(f"emb_{j}" for j in range(13)), "text"]
    rows = [[n, *v, t] for n, v, t in zip(NAMES, X.tolist(), TEXTS, strict=True)]
    said = check(table(tmp_path / name, header, rows, delimiter))
    assert "vectors from the 13 columns emb_0 to emb_12" in said
    assert ("cells separated by" in said) == name.startswith("y")
    check(table(tmp_path / name, header, rows, delimiter, encoding="utf-8-sig"))


def test_coordinates_are_taken_in_the_order_of_their_numbers(tmp_path):
    order = [10, 2, 0, 1, *range(3, 10), 11, 12]
    path = table(tmp_path / "x.csv", [f"v{j:02d}" for j in order], X[:, order].tolist())
    assert_array_equal(read(path)[1], X)


@pytest.mark.parametrize("write", [str, lambda v: str(v).replace(",", ""), lambda v: "(" + str(v)[1:-1] + ")"])
def test_vectors_written_as_strings(tmp_path, write):
    rows = [[n, write(v)] for n, v in zip(NAMES, X.tolist(), strict=True)]
    said = check(table(tmp_path / "x.csv", ["word", "embedding"], rows), ids=None, texts=NAMES)
    assert "vectors from the strings in column embedding" in said
    pq.write_table(pa.table({"id": NAMES, "e": [r[1] for r in rows]}), tmp_path / "x.parquet")
    check(tmp_path / "x.parquet", texts=None)


def test_csv_without_a_line_of_names(tmp_path):
    said = check(table(tmp_path / "x.csv", None, X.tolist()), ids=None, texts=None)
    assert "no line of column names" in said
    rows = [[n, *v] for n, v in zip(NAMES, X.tolist(), strict=True)]
    check(table(tmp_path / "y.csv", None, rows), texts=None)


def test_ids_keep_their_zeros(tmp_path):
    path = table(tmp_path / "x.csv", ["id", "e0", "e1"], [["007", 1, 2], ["010", 3, 4]])
    stream, x = read(path)
    assert ids_of(stream).values() == ("007", "010")
    assert_array_equal(x, [[1, 2], [3, 4]])


def test_csv_errors(tmp_path):
    path, names = tmp_path / "x.csv", ["id", "e0", "e1"]
    assert "Expected 3 columns, got 2" in error(table(path, names, [["a", 1, 2], ["b", 1]]))
    assert "column e1 is empty in row 1" in error(table(path, names, [["a", 1, 2], ["b", 1, ""]]))
    assert "invalid value 'x'" in error(table(path, names, [["a", 1.5, 2.5]] * 500_000 + [["b", 1, "x"]]))
    assert "columns e0 to e3 lack e1" in error(table(path, ["e0", "e2", "e3"], [[1, 2.5, 3]]))
    assert "first in row 1" in error(table(path, names, [["a", 1, 2], ["b", 1, "nan"]]))
    assert "two columns called 'e0'" in error(table(path, ["e0", "e0"], [["a", "b"]]))
    assert "was cut when it was printed" in error(table(path, ["e"], [["[1.0 2.0 ... 3.0]"]]))
    assert "is ragged: row 1 has 1 numbers" in error(table(path, ["w", "e"], [["a", "[1, 2]"], ["b", "[1]"]]))
    path.write_text('id,e0,e1\na,1,2\n"b,1,2\n')
    assert "never closed" in error(path)
    path.write_bytes("id,é0,é1\na,1,2\n".encode("utf-16"))
    assert "UTF-16" in error(path)
    path.write_bytes("id,é0,é1\na,1,2\n".encode("latin-1"))
    assert "no text in UTF-8" in error(path)
    path.write_text("id,e0,e1\n")
    assert "got 0 rows" in error(path)


@pytest.mark.parametrize("write", [pq.write_table, feather.write_feather])
def test_columns_of_coordinates_and_ids_in_parquet_and_arrow(tmp_path, write):
    suffix = "parquet" if write is pq.write_table else "arrow"
    columns = {"doc_id": NAMES, "content": TEXTS, "label": [1] * len(X)}
    write(pa.table(columns | {str(j): X[:, j] for j in range(13)}), tmp_path / f"x.{suffix}")
    assert "column label not read" in check(tmp_path / f"x.{suffix}")


def test_columns_of_ids_and_texts_by_name(tmp_path):
    columns = {"sku": NAMES, "id": range(len(X)), "blurb": TEXTS, "e": X.tolist()}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    stream = find_vectors(f"{tmp_path}/x.parquet", ids_column="sku", text_column="blurb").stream
    assert (ids_of(stream).values(), texts_of(stream).values()) == (tuple(NAMES), tuple(TEXTS))
    assert ids_of(open_vectors(f"{tmp_path}/x.parquet?ids=sku::e")).unique() == tuple(NAMES)
    assert "did you mean 'sku'?" in error(f"{tmp_path}/x.parquet", ids_column="skuu")
    assert "has no column" in error(f"{tmp_path}/x.parquet", text_column="e")
    np.save(tmp_path / "x.npy", X)
    assert "no table with columns" in error(tmp_path / "x.npy", ids_column="id")
    pq.write_table(pa.table({"id": ["a", None], "e": [[1.0], [2.0]]}), tmp_path / "y.parquet")
    with pytest.raises(InputError, match="id is empty in row 1"):
        ids_of(open_vectors(f"{tmp_path}/y.parquet")).values()
    pq.write_table(pa.table({"id": ["a", "a"], "e": [[1.0], [2.0]]}), tmp_path / "y.parquet")
    with pytest.raises(InputError, match="'a' is in row 0 and in row 1"):
        ids_of(open_vectors(f"{tmp_path}/y.parquet")).unique()


def test_files_of_a_folder_give_their_ids_one_after_the_other(tmp_path):
    for part in range(3):
        jsonl(tmp_path / f"{part}.jsonl", [{"id": f"{part}-{i}", "e": [i + 0.5, part]} for i in range(4)])
    stream, x = read(tmp_path)
    assert ids_of(stream).values() == tuple(f"{part}-{i}" for part in range(3) for i in range(4))
    assert x.shape == (12, 2)


def test_a_lists_column_is_preferred_to_numbered_scores(tmp_path):
    columns = {"e": X.tolist(), "score_0": X[:, 0], "score_1": X[:, 1]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert_array_equal(read(tmp_path / "x.parquet")[1], X)
    assert_array_equal(read(f"{tmp_path}/x.parquet::score")[1], X[:, :2])


def test_truncated_streams_and_files(tmp_path):
    batch = pa.record_batch({"e": X.tolist()})
    for name, make in (("f.arrow", pa.ipc.new_file), ("s.arrow", pa.ipc.new_stream)):
        with make(str(tmp_path / name), batch.schema) as writer:
            writer.write_batch(batch)
        whole = (tmp_path / name).read_bytes()
        for cut in (0, 3, 7, 100, len(whole) // 2, len(whole) - 20):
            (tmp_path / name).write_bytes(whole[:cut])
            assert name in error(tmp_path / name)
    (tmp_path / "s.arrow").write_bytes(whole + b"more")
    assert "4 bytes after its last batch" in error(tmp_path / "s.arrow")
    pq.write_table(pa.table({"e": X.tolist()}), tmp_path / "x.parquet", write_page_checksum=True)
    whole = bytearray((tmp_path / "x.parquet").read_bytes())
    (tmp_path / "x.parquet").write_bytes(whole[:-9])
    assert "not a readable parquet" in error(tmp_path / "x.parquet")
    whole[3000] ^= 4
    (tmp_path / "x.parquet").write_bytes(whole)
    assert "x.parquet" in error(tmp_path / "x.parquet")
