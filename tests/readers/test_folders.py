"""Many files as one stream, here and remote: rows numbered on, spaces side by side, what does not fit said."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from embedscope.core.errors import EmbedscopeError, InputError, MissingExtraError
from embedscope.core.ids import hash_rows
from embedscope.readers import describe_stream, find_vectors, is_vectors, open_vectors

X = np.random.default_rng(5).standard_normal((9000, 12)).astype(np.float32)
Y = np.random.default_rng(6).standard_normal((9000, 5))


def table(x, **columns):
    vectors = {name: pa.FixedSizeListArray.from_arrays(pa.array(v.ravel()), v.shape[1]) for name, v in columns.items()}
    return pa.table({"id": range(len(x)), **vectors})


def check(stream, **spaces):
    kept, stream = stream, pickle.loads(pickle.dumps(stream))
    batches = [b for shard in pickle.loads(pickle.dumps(stream.shards())) for b in shard.batches()]
    assert dict(stream.dims) == {name: x.shape[1] for name, x in spaces.items()}
    for name, x in spaces.items():
        assert stream.n_rows == len(x)
        assert_array_equal(np.concatenate([b.spaces[name] for b in batches]), x)
    assert_array_equal(np.concatenate([b.ids for b in batches]), hash_rows(0, stream.n_rows))
    assert all(b.ids is b.clusters for b in batches)
    del kept


def shards(folder, x, sizes, name="part_{}.npy"):
    folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for i, size in enumerate(sizes):
        np.save(folder / name.format(i), x[start : start + size])
        start += size
    return folder


def message(source, **options):
    with pytest.raises(EmbedscopeError) as caught:
        find_vectors(str(source), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sharded_npy_in_the_order_of_their_numbers(tmp_path):
    shards(tmp_path, X, [700] * 12 + [600], "emb_{}.npy")
    (tmp_path / "_SUCCESS").touch()
    stream = open_vectors(str(tmp_path))
    check(stream, vectors=X)
    assert describe_stream(stream) == "13 .npy files, 9,000 rows: vectors with 12 dimensions in float32"
    check(open_vectors(f"{tmp_path}/emb_*.npy"), vectors=X)
    check(open_vectors(f"{tmp_path}/emb_[0-4].npy"), vectors=X[:3500])


def test_rows_of_metadata_are_checked(tmp_path):
    shards(tmp_path, X, [5000, 4000], "x_{:05d}.npy".replace(":05d", ""))
    pq.write_table(pa.table({"url": ["u"] * 9000}), tmp_path / "meta.parquet")
    found = find_vectors(str(tmp_path))
    assert found.layout == "folder of .npy shards with Parquet metadata"
    check(found.stream, vectors=X)
    pq.write_table(pa.table({"url": ["u"] * 8999}), tmp_path / "meta.parquet")
    assert "9,000 rows in its .npy files and 8,999 in its Parquet metadata" in message(tmp_path)
    pq.write_table(table(X, emb=X), tmp_path / "meta.parquet")
    assert "meta.parquet too" in message(tmp_path)


def test_clip_retrieval(tmp_path):
    shards(tmp_path / "img_emb", X, [4000, 4000, 1000], "img_emb_{}.npy")
    shards(tmp_path / "text_emb", Y, [4000, 4000, 1000], "text_emb_{}.npy")
    (tmp_path / "metadata").mkdir()
    for i, n in enumerate([4000, 4000, 1000]):
        pq.write_table(pa.table({"caption": ["c"] * n}), tmp_path / "metadata" / f"metadata_{i}.parquet")
    found = find_vectors(str(tmp_path))
    assert found.layout == "clip-retrieval layout, rows checked against its metadata"
    check(found.stream, image=X, text=Y)
    assert (
        describe_stream(found.stream)
        == "6 .npy files, 9,000 rows: image with 12 dimensions in float32, text with 5 dimensions in float64"
    )
    check(open_vectors(f"{tmp_path}::text"), text=Y)
    np.save(tmp_path / "text_emb" / "text_emb_1.npy", Y[:10])
    assert "img_emb_1.npy has 4,000 rows" in (text := message(tmp_path))
    assert "text_emb_1.npy has 10" in text
    (tmp_path / "text_emb" / "text_emb_1.npy").unlink()
    assert "3 shards, but none of text with the number 1" in message(tmp_path)
    rest = find_vectors(str(tmp_path), skip_bad=True)
    assert len(rest.missing) == 1
    assert rest.stream.n_rows == 5000


def test_folder_of_parquet_below_and_empty_files(tmp_path):
    for i in range(3):
        (tmp_path / f"part={i}").mkdir()
        part = slice(3000 * i, 3000 * (i + 1))
        pq.write_table(
            table(X[part], image=X[part], text=Y[part]), tmp_path / f"part={i}" / "a.parquet", row_group_size=800
        )
    pq.write_table(table(X[:0], image=X[:0], text=Y[:0]), tmp_path / "part=2" / "b.parquet")
    found = find_vectors(f"{tmp_path}::*")
    assert (found.layout, found.empty) == ("folder and the folders below", 1)
    check(found.stream, image=X, text=Y)
    check(open_vectors(f"{tmp_path}::text,image"), text=Y, image=X)
    check(open_vectors(f"{tmp_path}::image"), image=X)
    assert "holds 2 columns: image, text; say which" in message(tmp_path)


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "parquet"])
def test_several_spaces_of_one_file(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    if suffix == "npz":
        np.savez(path, image=X, text=Y, other=X[:4])
    elif suffix == "safetensors":
        from safetensors.numpy import save_file

        save_file({"image": X, "text": Y, "other": X[:4].copy()}, path)
    else:
        pq.write_table(table(X, image=X, text=Y), path)
    check(open_vectors(f"{path}::image,text"), image=X, text=Y)
    check(open_vectors(f"{path}::text"), text=Y)
    assert "names a" in message(f"{path}::text,text")
    assert "did you mean 'text'?" in message(f"{path}::image,texts")
    if suffix != "parquet":
        assert "must have the same rows" in message(f"{path}::*")


@pytest.mark.parametrize("compression", ["uncompressed", "zstd"])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow(tmp_path, kind, compression):
    path, data = tmp_path / "x.arrow", table(X, image=X, text=Y)
    options = pa.ipc.IpcWriteOptions(compression=None if compression == "uncompressed" else compression)
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(path, data.schema, options=options) as out:
        out.write_table(data, max_chunksize=700)
    check(open_vectors(f"{path}::*"), image=X, text=Y)
    check(open_vectors(f"{path}::text"), text=Y)
    assert "holds 2 columns" in message(path)
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(InputError, match=r"x\.arrow"):
        check(open_vectors(f"{path}::*"), image=X, text=Y)


def test_arrow_lists_without_a_fixed_length(tmp_path):
    data = pa.table({"emb": pa.array(list(Y))})
    with pa.ipc.new_stream(tmp_path / "x.arrow", data.schema) as out:
        out.write_table(data)
    check(open_vectors(f"{tmp_path}/x.arrow"), vectors=Y)


@pytest.mark.parametrize("spec", ["Flat", "IVF4,Flat", "HNSW8", "IDMap,Flat"])
def test_faiss_gives_back_what_was_added(tmp_path, spec):
    faiss = pytest.importorskip("faiss", reason="extra faiss is not installed")
    index = faiss.index_factory(12, spec)
    index.train(X)
    index.add_with_ids(X, np.arange(9000) * 3) if spec.startswith("IDMap") else index.add(X)
    faiss.write_index(index, str(tmp_path / "x.index"))
    stream = open_vectors(f"{tmp_path}/x.index")
    check(stream, vectors=X)
    assert "held in memory whole" in describe_stream(stream)


@pytest.mark.parametrize("spec", ["SQ8", "PQ4x4", "IVF4,PQ4x4"])
def test_lossy_faiss_says_so(tmp_path, spec):
    faiss = pytest.importorskip("faiss", reason="extra faiss is not installed")
    index = faiss.index_factory(12, spec)
    index.train(X)
    index.add(X)
    faiss.write_index(index, str(tmp_path / "x.faiss"))
    stream = open_vectors(f"{tmp_path}/x.faiss")
    x = np.concatenate([b.spaces["vectors"] for shard in stream.shards() for b in shard.batches()])
    index.make_direct_map() if hasattr(index, "make_direct_map") else None
    assert_allclose(x, index.reconstruct_n(0, 9000), atol=1e-5)
    assert np.abs(x - X).max() > 1e-3
    assert "is lossy: its vectors are what the codes give back" in describe_stream(stream)


def test_faiss_that_cannot_give_back(tmp_path):
    faiss = pytest.importorskip("faiss", reason="extra faiss is not installed")
    index = faiss.index_factory(12, "LSH")
    index.train(X)
    index.add(X)
    faiss.write_index(index, str(tmp_path / "x.index"))
    assert "IndexLSH, whose vectors cannot be read back" in message(tmp_path / "x.index")
    (tmp_path / "x.index").write_bytes(b"nothing of the kind")
    assert "x.index is not an index" in message(tmp_path / "x.index")


@pytest.fixture
def remote():
    fsspec = pytest.importorskip("fsspec", reason="extra remote is not installed")
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def test_remote_files_folders_and_globs(tmp_path, remote):
    np.savez(tmp_path / "x.npz", image=X, text=Y)
    np.savez_compressed(tmp_path / "c.npz", a=X)
    pq.write_table(table(X, image=X), tmp_path / "x.parquet", row_group_size=900)
    with pa.ipc.new_stream(tmp_path / "x.arrow", table(X, image=X).schema) as out:
        out.write_table(table(X, image=X), max_chunksize=900)
    for file in shards(tmp_path, X, [5000, 4000]).iterdir():
        remote.pipe(f"/bucket/{'shards/' if file.suffix == '.npy' else ''}{file.name}", file.read_bytes())
    check(open_vectors("memory://bucket/shards/part_0.npy"), vectors=X[:5000])
    check(open_vectors("memory://bucket/shards"), vectors=X)
    check(open_vectors("memory://bucket/shards/*.npy"), vectors=X)
    check(open_vectors("memory://bucket/x.npz::image,text"), image=X, text=Y)
    check(open_vectors("memory://bucket/c.npz"), vectors=X)
    check(open_vectors("memory://bucket/x.parquet::image"), image=X)
    check(open_vectors("memory://bucket/x.arrow::image"), image=X)
    assert "there is no file memory://bucket/none.npy" in message("memory://bucket/none.npy")
    assert "no file matches" in message("memory://bucket/*.safetensors")
    assert is_vectors("memory://bucket/shards")


def test_remote_without_its_package():
    pytest.importorskip("fsspec", reason="extra remote is not installed")
    try:
        import s3fs  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(MissingExtraError, match=r'pip install "embedscope\[remote\]" s3fs'):
            find_vectors("s3://bucket/x.npy")
    assert "wanted a path, or an address that fsspec knows" in message("nonsense://bucket/x.npy")


def test_what_does_not_fit_together(tmp_path):
    assert "holds no files of vectors; wanted one of .npy, .npz, .parquet" in message(tmp_path)
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", Y)
    assert "a.npy holds vectors 12 dimensions" in (text := message(tmp_path))
    assert "b.npy holds vectors 5 dimensions" in text
    np.savez(tmp_path / "c.npz", X)
    assert "files of several formats, .npy, .npz" in message(tmp_path)
    assert "matches files of several formats" in message(f"{tmp_path}/*")
    assert "no file matches" in message(f"{tmp_path}/d*.npy")


def test_a_folder_without_vectors_is_not_searched_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("embedscope.readers._folders.FILES_AT_MOST", 10)
    (tmp_path / "sub").mkdir()
    for i in range(11):
        (tmp_path / "sub" / f"{i}.txt").write_text("x")
        (tmp_path / ".hidden").mkdir(exist_ok=True)
        (tmp_path / ".hidden" / f"{i}.txt").write_text("x")
    with pytest.raises(InputError, match="holds more than 10 files and none of vectors at its top; name the folder"):
        find_vectors(str(tmp_path))
    (tmp_path / "sub" / "9.txt").unlink()
    np.save(tmp_path / "sub" / "10.npy", np.ones((3, 2)))
    (tmp_path / "sub" / "10.txt").unlink()
    assert find_vectors(str(tmp_path)).stream.n_rows == 3  # ten files, those hidden do not count
    (tmp_path / "sub" / "9.txt").write_text("x")
    np.save(tmp_path / "x.npy", np.ones((5, 2)))
    assert find_vectors(str(tmp_path)).stream.n_rows == 5  # vectors at the top: nothing below is searched


def test_bad_files_are_passed_over_and_named(tmp_path):
    shards(tmp_path, X, [3000, 3000, 3000])
    (tmp_path / "part_1.npy").write_bytes(b"not an array")
    assert "part_1.npy is not a .npy file" in message(tmp_path)
    found = find_vectors(str(tmp_path), skip_bad=True)
    check(found.stream, vectors=np.concatenate([X[:3000], X[6000:]]))
    assert len(found.missing) == 1
    assert "part_1.npy" in found.missing[0]
    for i in (0, 2):
        (tmp_path / f"part_{i}.npy").write_bytes(b"not an array")
    assert "none of the 3 files" in message(tmp_path, skip_bad=True)
