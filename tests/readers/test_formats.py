"""The same matrix out of every format, block by block, equal to what numpy, safetensors and pyarrow read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from embedscope.core.ids import hash_rows
from embedscope.readers import ArrayStream, is_vectors, open_vectors


def read(stream):
    batches = [b for shard in stream.shards() for b in shard.batches()]
    (space,) = stream.dims
    return np.concatenate([b.spaces[space] for b in batches]), np.concatenate([b.ids for b in batches])


def check(stream, x, space="vectors"):
    got, ids = read(stream)
    assert dict(stream.dims) == {space: x.shape[1]}
    assert stream.n_rows == len(x)
    assert_array_equal(got, x)
    assert_array_equal(ids, hash_rows(0, len(x)))
    assert_array_equal(read(stream)[0], got)


@pytest.fixture
def x():
    return np.random.default_rng(3).standard_normal((9000, 24)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8", "<i2", "<i8", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_every_dtype_and_order(tmp_path, x, dtype, order):
    x = np.asarray(x * 10 if dtype[1] == "f" else np.abs(x * 10), dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", x)
    check(open_vectors(str(tmp_path / "x.npy")), x)
    got, _ = read(open_vectors(str(tmp_path / "x.npy")))
    assert got.dtype.isnative


def test_npy_of_version_2(tmp_path, x):
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, x, version=(2, 0))
    check(open_vectors(str(tmp_path / "x.npy")), x)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_by_key_or_the_only_array(tmp_path, x, save, order):
    x = np.asarray(x, order=order)
    save(tmp_path / "one.npz", words=x)
    check(open_vectors(f"{tmp_path}/one.npz"), x)
    check(open_vectors(f"{tmp_path}/one.npz::words"), x, "words")
    save(tmp_path / "two.npz", a=x[:10], b=x)
    check(open_vectors(f"{tmp_path}/two.npz::b"), x, "b")


def test_unpacked_member_goes_away_with_its_stream(tmp_path, x):
    np.savez_compressed(tmp_path / "x.npz", x=x)
    stream = open_vectors(f"{tmp_path}/x.npz")
    unpacked = stream.path
    assert unpacked.exists()
    del stream
    assert not unpacked.parent.exists()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8"])
def test_safetensors_as_its_own_library_writes_it(tmp_path, x, dtype):
    from safetensors.numpy import save_file

    x = (x * 10).astype(dtype)
    save_file({"bias": x[0].copy(), "emb": x, "tail": x[:, 0].copy()}, tmp_path / "x.safetensors", {"by": "test"})
    check(open_vectors(f"{tmp_path}/x.safetensors"), x)
    check(open_vectors(f"{tmp_path}/x.safetensors::emb"), x, "emb")


def test_safetensors_bfloat16_equals_torch(tmp_path, x):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    half = torch.from_numpy(x).to(torch.bfloat16)
    save_file({"emb": half}, tmp_path / "x.safetensors")
    check(open_vectors(f"{tmp_path}/x.safetensors"), half.float().numpy())


@pytest.mark.parametrize("kind", ["fixed", "list", "large"])
@pytest.mark.parametrize("value", ["float16", "float32", "float64", "int32"])
def test_parquet_lists_over_row_groups(tmp_path, x, kind, value):
    x = (x * 10).astype(value)
    item = pa.from_numpy_dtype(x.dtype)
    wanted = {"fixed": pa.list_(item, 24), "list": pa.list_(item), "large": pa.large_list(item)}[kind]
    flat = pa.array(x.ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, 24).cast(wanted)
    table = pa.table({"id": pa.array(range(len(x))), "emb": column, "text": ["t"] * len(x)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=700)
    check(open_vectors(f"{tmp_path}/x.parquet"), x)
    check(open_vectors(f"{tmp_path}/x.parquet::emb"), x, "emb")


def test_parquet_fixed_shape_tensor(tmp_path, x):
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(x)
    pq.write_table(pa.table({"emb": column}), tmp_path / "x.parquet")
    check(open_vectors(f"{tmp_path}/x.parquet"), x)


def test_shards_follow_the_row_groups_and_stay_the_same(tmp_path):
    x = np.random.default_rng(0).standard_normal((150_000, 4)).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 4)
    pq.write_table(pa.table({"emb": column}), tmp_path / "x.parquet", row_group_size=40_000)
    stream = open_vectors(f"{tmp_path}/x.parquet")
    assert [s.start for s in stream.shards()] == [0, 40_000, 80_000, 120_000]
    assert stream.shards() == open_vectors(f"{tmp_path}/x.parquet").shards()
    check(stream, x)


def test_arrays_in_memory_share_their_plan_with_files(tmp_path, x):
    np.save(tmp_path / "x.npy", x)
    memory, file = ArrayStream({"vectors": x}), open_vectors(f"{tmp_path}/x.npy")
    check(memory, x)
    assert [(s.start, s.stop) for s in memory.shards()] == [(s.start, s.stop) for s in file.shards()]
    sizes = [[len(b.ids) for s in stream.shards() for b in s.batches()] for stream in (memory, file)]
    assert sizes[0] == sizes[1]


def test_torch_tensors_stay_tensors(x):
    torch = pytest.importorskip("torch")
    stream = ArrayStream({"t": torch.from_numpy(x)})
    assert all(isinstance(b.spaces["t"], torch.Tensor) for s in stream.shards() for b in s.batches())


def test_clusters_of_arrays(x):
    clusters = hash_rows(0, len(x)) // np.uint64(2)
    batches = [b for s in ArrayStream({"a": x, "b": x[:, :3]}, clusters=clusters).shards() for b in s.batches()]
    assert_array_equal(np.concatenate([b.clusters for b in batches]), clusters)
    assert_array_equal(np.concatenate([b.spaces["b"] for b in batches]), x[:, :3])


@pytest.mark.parametrize("source", ["X.npy", "a/b.NPZ::key", "m.safetensors::w.weight", "t.parquet"])
def test_is_vectors(source):
    assert is_vectors(source)


@pytest.mark.parametrize("source", ["minilm", "hf:gpt2", "hf:a/b?gguf=x.gguf", "st:all-MiniLM-L6-v2", "x.txt", "dir"])
def test_is_not_vectors(source):
    assert not is_vectors(source)
