"""What users meet when a file is not what it should be: one sentence with what to do."""

import pickle
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.readers import ArrayStream, open_vectors


def error(source):
    with pytest.raises(EmbedscopeError) as caught:
        for shard in open_vectors(str(source)).shards():
            for _ in shard.batches():
                pass
    text = str(caught.value)
    assert "\n" not in text
    return text


X = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_name_the_first_row_and_the_file(tmp_path, value):
    x = np.zeros((10_000, 3), dtype=np.float32)
    x[7003, 1] = x[9000, 2] = value
    np.save(tmp_path / "x.npy", x)
    text = error(tmp_path / "x.npy")
    assert "x.npy holds nan or inf" in text
    assert "first in row 7003" in text
    assert "drop or repair" in text


def test_missing_file_and_folder(tmp_path):
    assert "there is no file" in error(tmp_path / "none.npy")
    (tmp_path / "dir.npy").mkdir()
    assert "is a folder" in error(tmp_path / "dir.npy")
    assert ".npy" in error(tmp_path / "x.xyz")


@pytest.mark.parametrize("left", [60, 130, 150])
def test_cut_short(tmp_path, left):
    np.save(tmp_path / "x.npy", X)
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:left])
    assert "x.npy" in (text := error(tmp_path / "x.npy"))
    assert "cut short" in text or "not a .npy file" in text


def test_more_bytes_than_the_header_says(tmp_path):
    with (tmp_path / "x.npy").open("wb") as file:
        np.save(file, X)
        np.save(file, X)
    assert "after its array" in error(tmp_path / "x.npy")


def test_pickles_are_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    np.save(tmp_path / "objects.npy", np.array([[Bomb(), 1], [2, 3]], dtype=object), allow_pickle=True)
    assert "never loaded" in error(tmp_path / "objects.npy")
    (tmp_path / "pickled.npy").write_bytes(pickle.dumps(X))
    assert "is a pickle, which is never loaded" in error(tmp_path / "pickled.npy")
    np.savez(tmp_path / "x.npz", a=np.array([[Bomb()]], dtype=object))
    assert "never loaded" in error(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("x", "hint"),
    [
        (X[0], "x[None, :]"),
        (X.reshape(2, 2, 3), "one row per vector"),
        (X[:0], "at least one row"),
        (X.astype(complex), "real numbers"),
        (X.astype(str), "real numbers"),
        (X.astype(bool), "real numbers"),
        (np.array(3.0), "one row per vector"),
    ],
)
def test_wrong_shape_or_kind(tmp_path, x, hint):
    np.save(tmp_path / "x.npy", x)
    assert hint in error(tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", a=x)
    assert hint in error(f"{tmp_path}/x.npz::a")


@pytest.mark.parametrize("junk", [b"", b"word 1 2 3\n" * 40, b"\x93NUMPY\x09\x00junk"])
@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors", "parquet"])
def test_files_that_are_something_else(tmp_path, junk, suffix):
    (tmp_path / f"x.{suffix}").write_bytes(junk)
    assert f"x.{suffix}" in error(tmp_path / f"x.{suffix}")


def test_keys_are_listed(tmp_path):
    np.savez(tmp_path / "x.npz", words=X, sentences=X)
    assert "holds 2 arrays: words, sentences" in error(tmp_path / "x.npz")
    assert "did you mean 'words'?" in error(f"{tmp_path}/x.npz::word")
    np.save(tmp_path / "x.npy", X)
    assert "leave out '::a'" in error(f"{tmp_path}/x.npy::a")


def test_damaged_compressed_member(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", a=np.random.default_rng(0).standard_normal((400, 9)))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[5000:5200] = bytes(200)
    (tmp_path / "x.npz").write_bytes(data)
    assert "not a readable .npz" in error(tmp_path / "x.npz")


def test_safetensors_errors(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "x.safetensors"
    save_file({"words": X, "lines": X, "bias": X[0].copy()}, path)
    assert "holds 2 tensors: " in error(path)
    assert "did you mean 'words'?" in error(f"{path}::word")
    assert "must have shape (n, d), got (3,)" in error(f"{path}::bias")
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    assert "is cut short" in error(f"{path}::words") or "is cut short" in error(f"{path}::lines")
    path.write_bytes(struct.pack("<Q", 10**12) + b"{}")
    assert "not a safetensors file" in error(path)
    header = b'{"e":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert "dtype F8_E4M3" in error(path)


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_errors(tmp_path):
    path = tmp_path / "x.parquet"
    lists = X.tolist()
    assert "columns: a, b; say which" in error(parquet(path, a=lists, b=lists))
    assert "; its columns are id, text" in error(parquet(path, id=[1], text=["a"]))
    parquet(path, text=["a"], emb=[[1.0, 2.0]])
    assert "column of string" in error(f"{path}::text")
    assert "did you mean 'emb'?" in error(f"{path}::embs")
    assert "ragged: row 2 has 1 numbers, row 0 has 2" in error(parquet(path, emb=[[1.0, 2.0], [1.0, 2.0], [1.0]]))
    assert "null in row 1" in error(parquet(path, emb=[[1.0, 2.0], None]))
    assert "null in row 0" in error(parquet(path, emb=[None, [1.0, 2.0]]))
    assert "null inside the vector of row 1" in error(parquet(path, emb=[[1.0, 2.0], [1.0, None]]))
    assert "first in row 1" in error(parquet(path, emb=[[1.0, 2.0], [1.0, float("nan")]]))
    empty = pa.array([], type=pa.list_(pa.float32()))
    assert "at least one row" in error(parquet(path, emb=empty))


def test_arrays_in_memory():
    with pytest.raises(InputError, match="same rows"):
        ArrayStream({"a": X, "b": X[:2]})
    with pytest.raises(InputError, match="b holds nan"):
        ArrayStream({"a": X, "b": X * np.nan})
    with pytest.raises(InputError, match="no arrays"):
        ArrayStream({})
    with pytest.raises(InputError, match="one hash per row"):
        ArrayStream({"a": X}, ids=np.zeros(3, dtype=np.uint64))
