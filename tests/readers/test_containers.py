"""Formats of arrays: TEXMEX, big-ann, HDF5, zarr, torch, and what their own libraries refuse is refused."""

import json
import struct
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from embedscope.core.errors import EmbedscopeError
from embedscope.readers import describe_stream, ids_of, open_vectors, texts_of

X = np.random.default_rng(5).standard_normal((300, 6)).astype(np.float32)


def read(source):
    stream = open_vectors(str(source))
    batches = [b for s in stream.shards() for b in s.batches()]
    (space,) = stream.dims
    x = np.concatenate([b.spaces[space] for b in batches])
    assert (stream.n_rows, stream.dims[space]) == x.shape
    return stream, x


def error(source):
    with pytest.raises(EmbedscopeError) as caught:
        read(source)
    text = str(caught.value)
    assert len(text) < 400
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("suffix", "dtype"), [("fvecs", "<f4"), ("bvecs", "|u1"), ("ivecs", "<i4")])
def test_texmex(tmp_path, suffix, dtype):
    x = np.abs(X * 20).astype(dtype)
    path = tmp_path / f"x.{suffix}"
    whole = b"".join(struct.pack("<i", 6) + row.tobytes() for row in x)
    path.write_bytes(whole)
    assert_array_equal(read(path)[1], x)
    path.write_bytes(whole[:-1])
    assert "no whole number of vectors" in error(path)
    step = len(whole) // 300
    path.write_bytes(whole[: step * 7] + struct.pack("<i", 5) + whole[step * 7 + 4 :])
    assert "is ragged: row 7 says 5 dimensions, row 0 has 6" in error(path)
    path.write_bytes(struct.pack("<i", -1) + whole)
    assert "does not begin with a number of dimensions" in error(path)
    assert "leave out" in error(f"{path}::a")


@pytest.mark.parametrize(("suffix", "dtype"), [("fbin", "<f4"), ("u8bin", "|u1"), ("i8bin", "|i1"), ("ibin", "<i4")])
def test_big_ann(tmp_path, suffix, dtype):
    x = np.abs(X * 20).astype(dtype)
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(struct.pack("<II", 300, 6) + x.tobytes())
    assert_array_equal(read(path)[1], x)
    path.write_bytes(struct.pack("<II", 300, 6) + x.tobytes() + b"\0")
    assert "1 bytes after its array" in error(path)
    path.write_bytes(struct.pack("<II", 301, 6) + x.tobytes())
    assert "is cut short" in error(path)
    path.write_bytes(b"\1\0")
    assert "is cut short" in error(path)


def test_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="extra hdf5 is not installed")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["group/train"] = X
        file.create_dataset("group/ids", data=[f"é{i}" for i in range(300)])
        file.create_dataset("group/text", data=np.array([b"t%d" % i for i in range(300)]))
        file.create_dataset("test", data=X[:20], chunks=(7, 3), compression="gzip", fletcher32=True)
        file.create_dataset("part", shape=(100, 6), dtype="f4", chunks=(10, 6))[:10] = X[:10]
        file.create_dataset("unwritten", shape=(100, 6), dtype="f4")
        file["away"] = h5py.ExternalLink("/etc/passwd", "/x")
    stream, x = read(f"{path}::group/train")
    assert_array_equal(x, X)
    assert ids_of(stream).values()[:2] == ("é0", "é1")
    assert texts_of(stream).values()[299] == "t299"
    assert "ids from group/ids" in describe_stream(stream)
    assert_array_equal(read(f"{path}::test")[1], X[:20])
    assert ids_of(read(f"{path}::test")[0]) is None
    assert "holds 4 data sets" in error(path)
    assert "never written to its end" in error(f"{path}::part")
    assert "never written to its end" in error(f"{path}::unwritten")
    assert "has no data set" in error(f"{path}::away")
    path.write_bytes(path.read_bytes()[:2000])
    assert "x.h5" in error(path)


@pytest.mark.parametrize("version", [2, 3])
def test_zarr(tmp_path, version):
    zarr = pytest.importorskip("zarr", reason="extra zarr is not installed")
    one = zarr.create_array(str(tmp_path / "one.zarr"), shape=X.shape, chunks=(64, 6), dtype="f4", zarr_format=version)
    one[:] = X
    assert_array_equal(read(tmp_path / "one.zarr")[1], X)
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="w", zarr_format=version)
    group.create_array("emb", shape=X.shape, chunks=(64, 6), dtype="f4")[:] = X
    group.create_array("id", shape=(300,), dtype="i8")[:] = np.arange(300) * 2
    group.create_array("part", shape=(300, 6), chunks=(100, 6), dtype="f4")[:100] = X[:100]
    group.create_array("none", shape=(300, 6), chunks=(100, 6), dtype="f4")
    stream, x = read(f"{tmp_path}/g.zarr::emb")
    assert_array_equal(x, X)
    assert ids_of(stream).values()[:3] == ("0", "2", "4")
    assert "zarr" in describe_stream(stream)
    assert "2 of 3 chunks are absent and read as 0" in describe_stream(read(f"{tmp_path}/g.zarr::part")[0])
    assert "holds no values" in error(f"{tmp_path}/g.zarr::none")
    assert "holds 3 arrays" in error(tmp_path / "g.zarr")
    (tmp_path / "e.zarr").mkdir()
    assert "e.zarr" in error(tmp_path / "e.zarr")


def test_torch(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "x.pt"
    torch.save(torch.from_numpy(X), path)
    assert_array_equal(read(path)[1], X)
    torch.save(torch.from_numpy(X).T.contiguous().T.to(torch.bfloat16), path)
    assert_array_equal(read(path)[1], torch.from_numpy(X).to(torch.bfloat16).float().numpy())
    held = {"a": {"emb": torch.from_numpy(X), "ids": [f"n{i}" for i in range(300)]}, "bias": torch.zeros(6), "step": 3}
    torch.save(held, path, _use_new_zipfile_serialization=False)
    stream, x = read(path)
    assert_array_equal(x, X)
    assert ids_of(stream).values()[299] == "n299"
    assert_array_equal(read(f"{path}::a/emb")[1], X)
    assert "must have shape (n, d)" in error(f"{path}::bias")
    torch.save({"x": torch.from_numpy(X), "f": pytest.fail}, path)
    assert "never loaded" in error(path)
    torch.save(torch.from_numpy(X).to_sparse(), path)
    assert "sparse" in error(path)
    torch.save({"step": 3}, path)
    assert "without tensors" in error(path)
    torch.save(torch.from_numpy(X), path)
    path.write_bytes(path.read_bytes()[:900])
    assert "x.pt" in error(path)


def test_a_flipped_byte_in_a_stored_npz_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=X, b=X)
    whole = bytearray(path.read_bytes())
    whole[1000] ^= 1
    path.write_bytes(whole)
    assert "Bad CRC-32" in error(f"{path}::a")
    assert_array_equal(read(f"{path}::b")[1], X)
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        np.save(tmp_path / "a.npy", X)
        archive.write(tmp_path / "a.npy", "a.npy")
        archive.write(tmp_path / "a.npy", "a.npy")
    assert "holds a.npy more than once" in error(path)


def safetensors(header, content):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def tensor(begin, end, shape=(2, 2), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


CASES = {
    "right": ({"a": tensor(0, 16), "b": tensor(16, 32)}, 32),
    "right, in another order": ({"b": tensor(16, 32), "a": tensor(0, 16)}, 32),
    "overlapping": ({"a": tensor(0, 16), "b": tensor(8, 24)}, 24),
    "the same bytes twice": ({"a": tensor(0, 16), "b": tensor(0, 16)}, 16),
    "hole": ({"a": tensor(0, 16), "b": tensor(20, 36)}, 36),
    "trailing": ({"a": tensor(0, 16)}, 20),
    "short": ({"a": tensor(0, 16)}, 12),
    "negative": ({"a": tensor(-16, 0)}, 16),
    "negative shape": ({"a": tensor(0, 16, (-2, -2))}, 16),
    "backwards": ({"a": tensor(16, 0)}, 16),
    "fraction": ({"a": tensor(0, 16.5)}, 16),
    "whole fraction": ({"a": tensor(0.0, 16.0)}, 16),
    "text": ({"a": tensor("0", "16")}, 16),
    "truth": ({"a": tensor(False, 16)}, 16),
    "another size": ({"a": tensor(0, 16, (2, 3))}, 16),
    "huge": ({"a": tensor(0, 16, (1 << 62, 1 << 62))}, 16),
    "three offsets": ({"a": tensor(0, 16) | {"data_offsets": [0, 8, 16]}}, 16),
    "no dtype": ({"a": {"shape": [2, 2], "data_offsets": [0, 16]}}, 16),
    "unknown dtype": ({"a": tensor(0, 16, dtype="F31")}, 16),
    "list": ([1], 0),
    "nothing": ({}, 0),
    "nan": (b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,NaN]}}', 16),
    "metadata of numbers": ({"__metadata__": {"a": 1}, "a": tensor(0, 16)}, 16),
    "metadata": ({"__metadata__": {"a": "1"}, "a": tensor(0, 16)}, 16),
    "not utf-8": (b'{"\xff":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}', 16),
}


@pytest.mark.parametrize("case", CASES)
def test_safetensors_refuses_what_its_library_refuses(tmp_path, case):
    from safetensors import SafetensorError, safe_open

    header, held = CASES[case]
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors(header, bytes(held)))
    try:
        with safe_open(path, framework="numpy") as file:
            good = "a" in file.keys()  # noqa: SIM118
    except SafetensorError:
        good = False
    assert good == case.startswith(("right", "metadata")) - (case == "metadata of numbers")
    if good:
        assert read(f"{path}::a")[1].shape == (2, 2)
    else:
        assert "x.safetensors" in error(f"{path}::a")


@pytest.mark.parametrize("shape", ["(-4, 3)", "(True, 12)", "(4.0, 3)", "(4, 3, )x", "(" * 90, "(10**9, 10**9)"])
def test_npy_headers(tmp_path, shape):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (118 - len(text) - 1) + "\n"
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + bytes(48))
    assert "x.npy" in error(path)


def test_packed_bits(tmp_path):
    bits = (X[:, :4] > 0).astype(np.uint8).repeat(4, axis=1)
    packed = np.packbits(bits, axis=1)
    np.save(tmp_path / "u.npy", packed)
    np.save(tmp_path / "i.npy", (packed.astype(np.int16) - 128).astype(np.int8))
    np.savez(tmp_path / "z.npz", docs=packed, other=X)
    assert "add ?bits to unpack" in describe_stream(read(tmp_path / "u.npy")[0])
    assert "their scale is lost" in describe_stream(read(tmp_path / "i.npy")[0])
    for source in ("u.npy?bits", "i.npy?bits", "z.npz?bits::docs", "z.npz::docs?bits"):
        stream, x = read(f"{tmp_path}/{source}")
        assert_array_equal(x, bits)
        assert "packed bits, unpacked to 0 and 1" in describe_stream(stream)
        assert "add ?bits" not in describe_stream(stream)
    assert "other is float32; leave out ?bits" in error(f"{tmp_path}/z.npz?bits::other")
