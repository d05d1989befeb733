"""Files as spreadsheets, pandas, NumPy and others write them: read right, or refused with what is the matter."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from embedscope.core.errors import InputError
from embedscope.readers import _lines, describe_stream, find_vectors, ids_of, is_vectors, other_columns, texts_of
from embedscope.readers import csv as csv_reader

X = np.round(np.random.default_rng(0).standard_normal((6, 4)), 3)
IDS = [f"d{i}" for i in range(len(X))]


def read(path, source=None):
    stream = find_vectors(source or str(path)).stream
    (space,) = stream.dims
    return stream, np.concatenate([b.spaces[space] for shard in stream.shards() for b in shard.batches()])


def rows(mark, head=("id", "e0", "e1", "e2", "e3"), number=repr):
    lines = [mark.join(head)] if head else []
    return "\n".join([*lines, *(mark.join([i, *(number(float(v)) for v in x)]) for i, x in zip(IDS, X, strict=True))])


def write(vector):
    return "id,e\n" + "".join(f"{i},{vector(x.tolist())}\n" for i, x in zip(IDS, X, strict=True))


def comma(value):
    return repr(value).replace(".", ",")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (rows("|"), "cells separated by vertical bars"),
        (rows(";", number=comma), "numbers with a decimal comma"),
        (rows("\t", number=comma), "numbers with a decimal comma"),
        (rows(";", head=(), number=comma), "no line of column names"),
        ("sep=;\n" + rows(";"), "cells separated by semicolons"),
        (write(lambda x: " ".join(map(repr, x))), "in column e"),
        (write(lambda x: f'"array({x}, dtype=float32)"'), "in column e"),
        (write(lambda x: f'"tensor({x})"'), "in column e"),
    ],
)
def test_text_tables_as_spreadsheets_and_pandas_write_them(tmp_path, content, note):
    (tmp_path / "x.csv").write_text(content)
    assert is_vectors(f"{tmp_path}/x.csv")
    stream, found = read(tmp_path / "x.csv")
    assert_array_equal(found, X)
    assert ids_of(stream).values() == tuple(IDS)
    assert note in describe_stream(stream)


def test_row_numbers_without_a_header_are_ids(tmp_path):
    (tmp_path / "x.csv").write_text("".join(f"{i},{','.join(map(repr, map(float, x)))}\n" for i, x in enumerate(X)))
    stream, found = read(tmp_path / "x.csv")
    assert_array_equal(found, X)
    assert ids_of(stream).values() == ("0", "1", "2", "3", "4", "5")
    assert "ids from the first column" in describe_stream(stream)
    (tmp_path / "y.csv").write_text("1,2,3\n4,5,6\n")
    assert_array_equal(read(tmp_path / "y.csv")[1], [[1, 2, 3], [4, 5, 6]])


def lines_of(write, mark=",", ids=IDS):
    return "".join(f"{i}{mark}{write(x.tolist())}\n" for i, x in zip(ids, X, strict=True))


@pytest.mark.parametrize(
    ("name", "content", "ids"),
    [
        ("x.csv", "".join(" ".join(f"{v:.18e}" for v in x) + "\n" for x in X), None),  # np.savetxt
        ("x.csv", "".join(f'"{x.tolist()}"\n' for x in X), None),
        ("x.csv", lines_of(lambda x: f'"{x}"'), IDS),
        ("x.tsv", lines_of(str, "\t"), IDS),
        ("x.csv", lines_of(str, ";"), IDS),
        ("x.csv", lines_of(lambda x: f'"{x}"', ids=range(6)), list("012345")),
        ("x.csv", "".join(f"{','.join(map(repr, x.tolist()))},{i}\n" for i, x in zip(IDS, X, strict=True)), None),
        ("x.csv", lines_of(lambda x: f"a text,{','.join(map(repr, x))}"), IDS),
    ],
)
def test_no_row_is_taken_for_the_names_of_columns(tmp_path, name, content, ids):
    (tmp_path / name).write_text(content)
    assert is_vectors(f"{tmp_path}/{name}")
    stream, found = read(tmp_path / name)
    assert_array_equal(found, X)
    assert (ids and list(ids_of(stream).values())) == ids
    assert "no line of column names" in describe_stream(stream)


def test_whole_numbers_that_do_not_count_from_the_first_cell_on_are_a_row(tmp_path):
    (tmp_path / "x.csv").write_text("5,1,2\n6,3,4\n")
    assert_array_equal(read(tmp_path / "x.csv")[1], [[5, 1, 2], [6, 3, 4]])
    (tmp_path / "x.csv").write_text("0,1,2\n6,3,4\n")
    assert_array_equal(read(tmp_path / "x.csv")[1], [[6, 3, 4]])


@pytest.mark.parametrize("text", ['say 5" tall', '"open', 'a "word" in it', '"a" and b'])
@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("chunk", [1 << 24, 7])
def test_quotes_that_do_not_enclose_cells_are_text(tmp_path, monkeypatch, text, n, chunk):
    monkeypatch.setattr(_lines, "_READ", chunk)
    head = "id\ttext\te0\te1\te2\te3\n"
    body = "".join(f"{i}\t{text}\t" + "\t".join(map(repr, x.tolist())) + "\n" for i, x in zip(IDS, X[:n]))  # noqa: B905
    (tmp_path / "x.tsv").write_text(head + body)
    stream, found = read(tmp_path / "x.tsv")
    assert_array_equal(found, X[:n])
    assert texts_of(stream).values() == (text,) * n
    assert "double quotes are part of the cells" in describe_stream(stream)


def test_quotes_that_neither_enclose_cells_nor_can_be_text(tmp_path):
    (tmp_path / "x.csv").write_text('id,text,e0,e1\na,"he said \\"no, thanks\\"",1,2\nb,"x",3,4\n')
    with pytest.raises(InputError, match="do not enclose whole cells"):
        read(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text('"id","t","e0","e1"\n"a","a "b" c","1","2"\n')
    with pytest.raises(InputError, match="do not enclose whole cells"):
        read(tmp_path / "x.csv")


def test_quoted_lines_that_begin_late_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_reader, "_FIRST", 64)
    texts = ["plain", "plain", "plain", "plain", 'two\nlines, "quoted"', "plain"]
    with (tmp_path / "x.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", *(f"e{j}" for j in range(4))], *([t, *x] for t, x in zip(texts, X))])  # noqa: B905
    stream, found = read(tmp_path / "x.csv")
    assert_array_equal(found, X)
    assert list(texts_of(stream).values()) == texts


@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_lists_of_numpy_scalars_as_pandas_writes_them(tmp_path, kind):
    (tmp_path / "x.csv").write_text(write(lambda x: '"[' + ", ".join(f"np.{kind}({v!r})" for v in x) + ']"'))
    assert is_vectors(f"{tmp_path}/x.csv")
    assert_array_equal(read(tmp_path / "x.csv")[1], X)


@pytest.mark.parametrize("ids", [IDS, ["0", "1", "2", "3", "4", "5"]])
@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_index_of_a_data_frame_is_the_ids(tmp_path, ids, name):
    head = ",".join([name, *"0123"])
    body = "".join(f"{i},{','.join(map(repr, x.tolist()))}\n" for i, x in zip(ids, X, strict=True))
    (tmp_path / "x.csv").write_text(f"{head}\n{body}")
    stream, found = read(tmp_path / "x.csv")
    assert_array_equal(found, X)
    assert list(ids_of(stream).values()) == ids
    pq.write_table(pa.table({"e": X.tolist(), "__index_level_0__": ids}), tmp_path / "x.parquet")
    assert list(ids_of(read(tmp_path / "x.parquet")[0]).values()) == ids


def test_columns_that_are_nearly_vectors(tmp_path):
    (tmp_path / "x.csv").write_text("word,x,y,z\na,1.5,2.5,3.5\n")
    with pytest.raises(InputError, match=r"If x to z are coordinates, call them e0, e1"):
        read(tmp_path / "x.csv")
    coded = pa.array([row.tobytes() for row in X.astype("f4")])
    for name, column in {"x": coded, "y": coded.cast(pa.binary(16))}.items():
        pq.write_table(pa.table({"id": IDS, "e": column}), tmp_path / f"{name}.parquet")
        with pytest.raises(InputError, match=r"e holds bytes: where they are float32, write np.frombuffer"):
            read(tmp_path / f"{name}.parquet")


@pytest.mark.parametrize("name", ["", " ", "::key", "?bits"])
def test_an_empty_name_is_no_folder(name):
    with pytest.raises(InputError, match=r"the name of a file is empty; is a variable of the shell not set\?"):
        find_vectors(name)


def test_text_that_is_not_utf8_after_the_first_line(tmp_path):
    (tmp_path / "x.csv").write_bytes("id,text,e0,e1\na,café,1,2\n".encode("latin-1"))
    with pytest.raises(InputError, match="is no text in UTF-8, after row 0; save it as UTF-8"):
        read(tmp_path / "x.csv")


@pytest.mark.parametrize("cell", ["NA", "null", "1,234.5", "#REF!", "-"])
@pytest.mark.parametrize("column", range(4))
def test_one_cell_that_is_no_number_does_not_drop_its_coordinate(tmp_path, cell, column):
    lines = [["id", "e0", "e1", "e2", "e3"], *([i, *map(str, x)] for i, x in zip(IDS, X, strict=True))]
    lines[4][column + 1] = f'"{cell}"'
    (tmp_path / "x.csv").write_text("\n".join(map(",".join, lines)))
    with pytest.raises(InputError, match=f"column e{column} is not of numbers"):
        read(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", 'id,q1,q2,emb\na,1,2,"[1, 2, 3]"\n', "holds 2 columns: q, emb; say which"),
        ("x.csv", "id,e0,e1\ra,1,2\r", "ends its lines by carriage returns alone"),
        ("x.csv", "# e0 e1\n1,2\n", "begins with a comment"),
        ("x.jsonl", json.dumps(X.tolist()), "one JSON array of all rows"),
        ("x.jsonl", json.dumps([{"e": [1, 2]}], indent=1), "one JSON array of all rows"),
        ("x.jsonl", '{"id": 1, "data": {"embedding": [0.5, 1]}}', "deeper inside, in data.embedding"),
        ("x.jsonl", '{"r": {"data": [{"embedding": [0.5, 1]}]}}', r"deeper inside, in r.data\[\].embedding"),
        ("x.jsonl", '{"embedding": [[0.5, 1]]}', r"deeper inside, in embedding\[\]"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said) as error:
        read(tmp_path / name)
    assert len(str(error.value)) < 400


def test_a_matrix_per_row_is_no_vector(tmp_path):
    flat = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 4)
    kinds = {"x": (4,), "xx": (2, 2)}
    for name, shape in kinds.items():
        column = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float64(), shape), flat)
        pq.write_table(pa.table({"e": column}), tmp_path / f"{name}.parquet")
    assert_array_equal(read(tmp_path / "x.parquet")[1], X)
    with pytest.raises(InputError, match="no column of vectors"):
        read(tmp_path / "xx.parquet")


def test_two_columns_of_one_name_and_an_old_feather(tmp_path):
    pq.write_table(pa.table([pa.array(X.tolist())] * 2, names=["e", "e"]), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="two columns called 'e'"):
        read(tmp_path / "x.parquet")
    (tmp_path / "x.feather").write_bytes(b"FEA1" + bytes(200))
    with pytest.raises(InputError, match="Feather file of version 1"):
        read(tmp_path / "x.feather")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_ids_and_texts_beside_the_matrix_of_an_archive(tmp_path, save):
    save(tmp_path / "x.npz", embeddings=X, ids=np.array(IDS), texts=np.array(["ü"] * 6), bias=X[0], label=np.arange(6))
    stream, found = read(tmp_path / "x.npz")
    assert_array_equal(found, X)
    assert ids_of(stream).values() == tuple(IDS)
    assert texts_of(stream).values() == ("ü",) * 6
    stream, _ = read(None, f"{tmp_path}/x.npz::embeddings")
    assert ids_of(stream).source == f"array ids of {tmp_path}/x.npz"


def test_archives_without_one_matrix(tmp_path):
    np.savez(tmp_path / "sparse.npz", data=X[0], indices=np.arange(4), indptr=np.arange(3), shape=np.array([2, 4]))
    with pytest.raises(InputError, match="a sparse matrix of SciPy"):
        read(tmp_path / "sparse.npz")
    np.savez(tmp_path / "two.npz", a=X, b=X, ids=np.array(IDS))
    with pytest.raises(InputError, match="holds 2 arrays: a, b; say which"):
        read(tmp_path / "two.npz")


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_sixteen_bits_may_be_bfloat16(tmp_path, dtype):
    np.save(tmp_path / "x.npy", (X.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(dtype))
    assert "bits of bfloat16" in describe_stream(read(tmp_path / "x.npy")[0])


def test_scaled_numbers_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["e"] = X
        file["e"].attrs["scale_factor"] = 0.5
    with pytest.raises(InputError, match=r"says scale_factor 0.5, so its numbers are not the values"):
        read(tmp_path / "x.h5")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["e"] = np.array([(1, [1.0, 2.0])], dtype=[("id", "i4"), ("v", "f4", (2,))])
    with pytest.raises(InputError, match=r"it holds e \(1,\) of"):
        read(tmp_path / "y.h5")


def test_tensors_one_by_one(tmp_path):
    torch = pytest.importorskip("torch", reason="extra hf is not installed")
    for found in ([torch.tensor(x) for x in X], {i: torch.tensor(x) for i, x in zip(IDS, X, strict=True)}):
        torch.save(found, tmp_path / "x.pt")
        with pytest.raises(InputError, match=r"holds 6 vectors one by one.*torch.stack"):
            read(tmp_path / "x.pt")
    torch.save({"embeddings": X}, tmp_path / "x.pt")
    with pytest.raises(InputError, match="NumPy arrays") as error:
        read(tmp_path / "x.pt")
    assert "\x1b" not in str(error.value)


def test_bits_keep_the_other_columns(tmp_path):
    codes = pa.array([[1, 2]] * 6, pa.list_(pa.uint8()))
    pq.write_table(pa.table({"id": IDS, "group": ["a", "b"] * 3, "e": codes}), tmp_path / "x.parquet")
    stream, found = read(None, f"{tmp_path}/x.parquet?bits")
    assert found.shape == (6, 16)
    assert other_columns(stream)["group"].values() == ("a", "b") * 3


def test_a_refusal_lists_twelve_formats_and_counts_the_rest(tmp_path):
    (tmp_path / "x.orc").write_bytes(b"ORC")
    with pytest.raises(InputError, match=r"wanted one of .npy, .*, .fbin and \d+ more"):
        read(tmp_path / "x.orc")


def test_a_text_that_is_missing_is_empty_unless_it_is_asked_for(tmp_path):
    texts = ["a", None, "c", "d", "e", "f"]
    pq.write_table(pa.table({"text": texts, "e": X.tolist()}), tmp_path / "x.parquet")
    assert texts_of(read(tmp_path / "x.parquet")[0]).values()[:3] == ("a", "", "c")
    named = find_vectors(f"{tmp_path}/x.parquet", text_column="text").stream
    with pytest.raises(InputError, match="text is empty in row 1"):
        texts_of(named).values()


def test_colons_may_be_part_of_a_name(tmp_path):
    np.save(tmp_path / "a::b.npy", X)
    np.savez(tmp_path / "a.npz", b=X + 1)
    assert is_vectors(f"{tmp_path}/a::b.npy")
    assert_array_equal(read(None, f"{tmp_path}/a::b.npy")[1], X)
    assert_array_equal(read(None, f"{tmp_path}/a.npz::b")[1], X + 1)
