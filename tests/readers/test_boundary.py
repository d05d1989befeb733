"""Whatever lies at a path: a typed error of one sentence, soon; never a traceback, never a wait."""

import ast
import inspect
import json
import os
import pickle
import pkgutil
import shutil
import subprocess
import threading
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.readers.formats import X, consume, sentence

import embedscope.readers
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.readers import READERS, hint, ids_of, open_vectors


def error(source):
    with pytest.raises(EmbedscopeError) as caught:
        consume(source)
    return sentence(caught.value)


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
    assert "gzip-compressed; end its name in .gz" in error(path)
    pq.write_table(pa.table({"e": X.tolist()}), tmp_path / "x.csv")
    assert "is a Parquet file; name it .parquet" in error(tmp_path / "x.csv")
    (tmp_path / "x.jsonl").write_bytes(pickle.dumps({"a": 1}))
    assert "is a pickle, which is never loaded" in error(tmp_path / "x.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("v.vec", b"2 3\na 1 2 3\n", "gensim:PATH"),
        ("v.kv", b"\x80\x04\x95junk", "gensim:PATH"),
        ("glove.txt", b"the 0.1 0.2 0.3\n", "name; word vectors are read as gensim:PATH"),
        ("v.unknown", b"the 0.1 0.2 0.3\n", "gensim:PATH"),
        (
            "texts.txt",
            b"a line\nanother\n",
            "texts need a model and --texts PATH; word vectors are read as gensim:PATH",
        ),
        ("glove.zip", b"PK\x03\x04junk", "unpack it; word vectors are read as gensim:PATH without unpacking"),
        ("page.txt", b"<!doctype html>", "is a web page"),
        ("raw.f32", bytes(64), "np.save('raw.npy', np.fromfile('PATH', 'f4').reshape(-1, DIMENSIONS))"),
        ("numbers.txt", b"1.0e+00 -2.5 3\n", "np.save('numbers.npy', np.loadtxt('PATH'))"),
        ("frame.json", b'{"id":{"0":"a"}}', "to_json('frame.jsonl', orient='records', lines=True)"),
        ("other.json", b'{"a": 1}', "write one object per line and name it .jsonl"),
        ("flat.bin", b"IxFI\x18\x00\x00\x00", "is a FAISS index; name it .index"),
        ("v.pkl", b"\x80\x04\x95junk", "never loaded"),
        ("v.json", b"[[1, 2]]", ".jsonl"),
        ("v.xyz", b"???", ".npy, "),
        ("v.dat", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
def test_files_that_no_reader_knows_by_name(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    text = hint(str(tmp_path / name))
    said = said.replace("PATH", str(tmp_path / name))
    assert said in text
    assert len(text) < 400
    assert said in error(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.json", [{"id": f"r{i}", "e": x} for i, x in enumerate(X.tolist())]),
        ("v.json", X.tolist()),
        ("v.json", {f"r{i}": x for i, x in enumerate(X.tolist())}),
        ("v.json", {"object": "list", "data": [{"index": i, "embedding": x} for i, x in enumerate(X.tolist())]}),
        ("v.json", {"embeddings": X.tolist()}),
        ("v.jsonl", X.tolist()),
        ("v.jsonl", [{"custom_id": f"r{i}", "b": {"data": [{"e": x}]}} for i, x in enumerate(X.tolist())]),
    ],
)
def test_the_command_for_json_makes_a_file_that_is_read(tmp_path, monkeypatch, name, content):
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    monkeypatch.chdir(tmp_path)
    batch = name == "v.jsonl" and isinstance(content[0], dict)
    Path(name).write_text("\n".join(map(json.dumps, content)) if batch else json.dumps(content))
    command = error(Path(name)).split("`")[1]
    subprocess.run(command, shell=True, check=True, timeout=60)
    stream = open_vectors("v_rows.jsonl")
    x = np.concatenate([next(iter(b.spaces.values())) for shard in stream.shards() for b in shard.batches()])
    np.testing.assert_array_equal(x, X)
    ids = ids_of(stream)
    if ids is not None:
        assert [name.lstrip("r") for name in ids.unique()] == [str(i) for i in range(len(X))]
    assert (ids is not None) == ("r0" in json.dumps(content) or "index" in json.dumps(content))


def test_a_missing_file_names_the_nearest(tmp_path):
    np.save(tmp_path / "documents.npy", X)
    assert f"did you mean {tmp_path}/documents.npy?" in error(tmp_path / "document.npy")
    assert f"did you mean {tmp_path}/documents.npy?" in error(tmp_path / "documents.parquet")
    assert "does not exist either" in error(tmp_path / "no" / "x.npy")
    assert error(tmp_path / "no" / "x.npy").endswith("check the path")
    assert "`embedscope example` writes" in error(tmp_path / "example" / "old.npy")
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
                        without += [node.name] if "guard_batches" not in names else []
    assert without == ["ArrayShard", "JoinedShard"], "arrays in memory, and files whose own shards are guarded"


def test_long_errors_are_cut(tmp_path):
    np.savez(tmp_path / "x.npz", **{f"array_{'n' * 60}_{i}": X for i in range(40)})
    text = error(tmp_path / "x.npz")
    assert " ... " in text
    names = Path(tmp_path / "y.parquet")
    pq.write_table(pa.table({f"column_{'c' * 30}_a{i}b": ["t"] for i in range(50)}), names)
    assert "has no column of vectors" in error(names)
    with pytest.raises(InputError):
        consume(names)
