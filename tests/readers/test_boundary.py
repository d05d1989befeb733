"""Whatever lies at a path: a typed error of one sentence, soon; never a traceback, never a wait."""

import ast
import inspect
import os
import pickle
import pkgutil
import struct
import threading
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather

import embedscope.readers
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.readers import READERS, hint, ids_of, open_vectors, texts_of

X = np.random.default_rng(3).standard_normal((40, 6)).astype(np.float32)


def consume(source):
    stream = open_vectors(str(source))
    n = sum(len(b.ids) for s in stream.shards() for b in s.batches())
    assert n == stream.n_rows
    for strings in (ids_of(stream), texts_of(stream)):
        assert strings is None or len(strings.values()) == n


def error(source):
    with pytest.raises(EmbedscopeError) as caught:
        consume(source)
    return sentence(caught.value)


def sentence(error):
    text = str(error)
    assert len(text) < 400
    assert "\n" not in text
    assert text.encode()
    return text


@pytest.mark.parametrize("suffix", list(READERS))
def test_pipes_devices_and_folders_are_not_regular_files(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    os.mkfifo(path)
    done = []
    waiting = threading.Thread(target=lambda: done.append(error(path)), daemon=True)
    waiting.start()
    waiting.join(20)
    assert done, f"waits for ever on a pipe called .{suffix}"
    assert "is a named pipe, not a regular file" in done[0]
    assert "not a regular file" in error(f"{tmp_path}/x.{suffix[:-1]}?")  # a pattern that finds it
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is a character device, not a regular file" in error(path)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert "there is no file" in error(path)
    path.unlink()
    path.mkdir()
    if suffix != "zarr":
        assert "not a regular file" in error(path)


HEADS = {
    "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a web page": b"\n<!DOCTYPE html>\n<html><head><title>404</title>",
    "is empty (0 bytes)": b"",
}


@pytest.mark.parametrize("suffix", [s for s in READERS if s != "zarr"])
@pytest.mark.parametrize("what", HEADS)
def test_what_stands_in_place_of_a_file_is_recognised(tmp_path, suffix, what):
    (tmp_path / f"x.{suffix}").write_bytes(HEADS[what] * (20 if HEADS[what] else 1))
    text = error(tmp_path / f"x.{suffix}")
    assert what in text
    assert "git lfs pull" in text or what != "a git-lfs pointer"


def test_other_formats_under_a_wrong_name(tmp_path):
    path = tmp_path / "x.npy"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    assert "is a zip archive" in error(path)
    path.write_bytes(b"\x1f\x8b\x08junk")
    assert "gzip-compressed; unpack it with gunzip" in error(path)
    pq.write_table(pa.table({"e": X.tolist()}), tmp_path / "x.csv")
    assert "is a Parquet file; name it .parquet" in error(tmp_path / "x.csv")
    (tmp_path / "x.jsonl").write_bytes(pickle.dumps({"a": 1}))
    assert "is a pickle, which is never loaded" in error(tmp_path / "x.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("v.vec", b"2 3\na 1 2 3\n", "gensim:FILE"),
        ("v.kv", b"\x80\x04\x95junk", "gensim:FILE"),
        ("glove.txt", b"the 0.1 0.2 0.3\n", "gensim:FILE"),
        ("v.unknown", b"the 0.1 0.2 0.3\n", "gensim:FILE"),
        ("v.pkl", b"\x80\x04\x95junk", "never loaded"),
        ("v.json", b"[[1, 2]]", ".jsonl"),
        ("v.xyz", b"???", ".npy, "),
        ("v.dat", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
def test_files_that_no_reader_knows_by_name(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    text = hint(str(tmp_path / name))
    assert said in text
    assert len(text) < 400
    assert said in error(tmp_path / name)


def test_a_missing_file_names_the_nearest(tmp_path):
    np.save(tmp_path / "documents.npy", X)
    assert f"did you mean {tmp_path}/documents.npy?" in error(tmp_path / "document.npy")
    assert f"did you mean {tmp_path}/documents.npy?" in error(tmp_path / "documents.parquet")
    assert "does not exist either" in error(tmp_path / "no" / "x.npy")
    assert "there is no file" in hint(str(tmp_path / "zzz.qqq"))


def test_names_that_are_no_text(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/x\xff.npy")
    np.save(path, X)
    assert "is not valid UTF-8; rename the file" in error(path)
    assert "is not valid UTF-8" in error(tmp_path)  # found in its folder
    assert "null character" in error(f"{tmp_path}/a\0b.npy")
    assert "x.npy" in error(f"{tmp_path}/{'a' * 300}x.npy")


@pytest.mark.parametrize(
    "url", ["foo://bucket/x.npy", "memory://none/x.npy", "http://[/x.npy", "s3://", "file:///none/x.npy"]
)
def test_addresses(url):
    pytest.importorskip("fsspec", reason="extra remote is not installed")
    error(url)


def written(folder, suffix):  # noqa: C901, PLR0912
    """A right file of every format."""
    path, ids = folder / f"x.{suffix}", [f"n{i}" for i in range(len(X))]
    table = pa.table({"id": ids, "text": ids, "e": X.tolist()})
    if suffix == "npy":
        np.save(path, X)
    elif suffix == "npz":
        np.savez(path, x=X)
    elif suffix == "safetensors":
        from safetensors.numpy import save_file

        save_file({"x": X}, path)
    elif suffix == "parquet":
        pq.write_table(table, path)
    elif suffix in {"feather", "arrow", "ipc"}:
        feather.write_feather(table, path)
    elif suffix == "arrows":
        with pa.ipc.new_stream(str(path), table.schema) as writer:
            writer.write_table(table)
    elif suffix in {"jsonl", "ndjson"}:
        path.write_text("".join(f'{{"id": "{i}", "e": {x}}}\n' for i, x in zip(ids, X.tolist(), strict=True)))
    elif suffix in {"csv", "tsv"}:
        cell = "," if suffix == "csv" else "\t"
        rows = [cell.join([i, *map(str, x)]) for i, x in zip(ids, X.tolist(), strict=True)]
        path.write_text("\n".join([cell.join(["id", *(f"e{j}" for j in range(6))]), *rows]))
    elif suffix.endswith("vecs"):
        x = X.astype({"f": "<f4", "b": "u1", "i": "<i4"}[suffix[0]])
        path.write_bytes(b"".join(struct.pack("<i", 6) + row.tobytes() for row in x))
    elif suffix.endswith("bin"):
        x = X.astype({"fbin": "<f4", "u8bin": "u1", "i8bin": "i1", "ibin": "<i4"}[suffix])
        path.write_bytes(struct.pack("<II", 40, 6) + x.tobytes())
    elif suffix in {"h5", "hdf5", "hdf"}:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["x"], file["ids"] = X, ids
    elif suffix == "zarr":
        zarr = pytest.importorskip("zarr")
        group = zarr.open_group(str(path), mode="w")
        group.create_array("x", data=X)
    elif suffix in {"pt", "pth"}:
        torch = pytest.importorskip("torch")
        torch.save({"x": torch.from_numpy(X), "ids": ids}, path)
    else:
        faiss = pytest.importorskip("faiss")
        index = faiss.IndexIDMap(faiss.IndexFlatL2(6))
        index.add_with_ids(X, np.arange(40))
        faiss.write_index(index, str(path))
    return path


FORMATS = ["npy", "npz", "safetensors", "parquet", "arrow", "arrows", "jsonl", "csv", "tsv"]
FORMATS += ["fvecs", "bvecs", "fbin", "u8bin", "h5", "pt", "index", "zarr"]


@pytest.mark.parametrize("suffix", [*FORMATS, "i8bin", "ivecs"])
def test_right_files_are_read(tmp_path, suffix):
    consume(written(tmp_path, suffix))


def mutated(data, whole):
    """``whole`` cut, with bytes changed, put in, taken out, or a number made huge."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        if not content:
            break
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["cut", "flip", "insert", "remove", "huge", "zero"]))
        if how == "cut":
            del content[at:]
        elif how == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        elif how == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=9))
        elif how == "remove":
            del content[at : at + data.draw(st.integers(1, 9))]
        elif how == "huge":
            content[at : at + 8] = b"\xff" * 7 + b"\x7f"
        else:
            content[at : at + 8] = bytes(8)
    return bytes(content)


@pytest.mark.parametrize("suffix", FORMATS)
def test_mutated_files_are_read_or_refused_in_a_sentence(tmp_path_factory, suffix):
    mutations(tmp_path_factory.mktemp("mutated"), suffix, int(os.environ.get("EMBEDSCOPE_MUTATIONS", "20")), True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("suffix", FORMATS)
def test_many_other_mutated_files(tmp_path_factory, suffix):
    """Other mutations in every run."""
    mutations(tmp_path_factory.mktemp("mutated"), suffix, int(os.environ.get("EMBEDSCOPE_MUTATIONS", "400")), False)


def mutations(folder, suffix, count, same):
    path = written(folder, suffix)
    parts = {p: p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()} if path.is_dir() else {}
    parts = parts or {path: path.read_bytes()}

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=same,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        part = data.draw(st.sampled_from(list(parts)))
        part.write_bytes(mutated(data, parts[part]))
        try:
            consume(path)
        except EmbedscopeError as found:
            sentence(found)
        finally:
            part.write_bytes(parts[part])

    run()


def test_every_shard_of_a_reader_is_behind_the_boundary():
    """The method that gives batches is decorated, so that an error of a library cannot come out of a new format."""
    without = []
    for info in pkgutil.iter_modules(embedscope.readers.__path__):
        module = import_module(f"embedscope.readers.{info.name}")
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and method.name == "batches":
                        names = [d.id for d in method.decorator_list if isinstance(d, ast.Name)]
                        without += [node.name] if "guarded" not in names else []
    assert without == ["ArrayShard", "JoinedShard"], "arrays in memory, and files whose own shards are guarded"


def test_long_errors_are_cut(tmp_path):
    np.savez(tmp_path / "x.npz", **{f"array_{'n' * 60}_{i}": X for i in range(40)})
    text = error(tmp_path / "x.npz")
    assert " ... ; " in text or "and 28 more" in text
    names = Path(tmp_path / "y.parquet")
    pq.write_table(pa.table({f"column_{'c' * 30}_a{i}b": ["t"] for i in range(50)}), names)
    assert "has no column of vectors" in error(names)
    with pytest.raises(InputError):
        consume(names)
