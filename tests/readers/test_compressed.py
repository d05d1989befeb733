"""Files that gzip, bzip2, xz or zstd compressed are read as what is inside, checked to their end."""

import bz2
import gzip
import lzma
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.readers.formats import WRITERS

from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.datasets import read_beir_texts
from embedscope.datasets.qrels import read_qrels
from embedscope.readers import describe_stream, find_vectors, ids_of, is_vectors
from embedscope.sources.id_files import default_id_file
from embedscope.sources.texts import texts_of


def zstd(content):
    return pa.Codec("zstd").compress(content, asbytes=True)


CODECS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


@pytest.fixture(autouse=True)
def copies(tmp_path, monkeypatch):
    """The folder of the temporary copies."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def rows(source):
    stream = find_vectors(str(source)).stream
    return np.concatenate([next(iter(b.spaces.values())) for s in stream.shards() for b in s.batches()])


def pack(path, codec):
    to = path.with_name(f"{path.name}.{codec}")
    to.write_bytes(CODECS[codec](path.read_bytes()))
    return to


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("form", ["jsonl", "csv", "npy", "parquet"])
def test_every_codec(tmp_path, form, codec):
    plain = tmp_path / f"x.{form}"
    WRITERS[form](plain)
    path = pack(plain, codec)
    assert is_vectors(str(path))
    np.testing.assert_array_equal(rows(path), rows(plain))
    stream = find_vectors(str(path)).stream
    assert "decompressed to a temporary file" in describe_stream(stream)
    own, of_plain = ids_of(stream), ids_of(find_vectors(str(plain)).stream)
    assert (own and own.values()) == (of_plain and of_plain.values())
    assert own is None or str(path) in own.source


@pytest.mark.parametrize("form", sorted(set(WRITERS) - {"zarr"}))
def test_every_format(tmp_path, form):
    plain = tmp_path / f"x.{form}"
    WRITERS[form](plain)
    np.testing.assert_array_equal(rows(pack(plain, "gz")), rows(plain))


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_cut_or_not_compressed_is_refused(tmp_path, codec):
    plain = tmp_path / "x.npy"
    WRITERS["npy"](plain)
    path = pack(plain, codec)
    whole = path.read_bytes()
    for content, said in {
        whole[:-9]: "is no whole",
        whole[: len(whole) // 2]: "is no whole",
        plain.read_bytes(): "a NumPy array; name it .npy",
        b"1 2 3": "-compressed, as its name says",
        b"version https://git-lfs.github.com/spec/v1\n": "run `git lfs pull`",
        b"": "is empty (0 bytes)",
        CODECS[codec](b""): "is empty (0 bytes)",
    }.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")) as error:
            find_vectors(str(path))
        assert str(path) in str(error.value)
        assert len(str(error.value)) < 400
    (tmp_path / "y.npy").write_bytes(whole)
    with pytest.raises(InputError, match=rf"end its name in .{codec}, as in vectors.npy.{codec}"):
        find_vectors(f"{tmp_path}/y.npy")


def test_a_folder_of_parts_and_their_ids(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for i in range(2):
        WRITERS["jsonl"](folder / f"{i}.jsonl")
        pack(folder / f"{i}.jsonl", "gz")
        (folder / f"{i}.jsonl").unlink()
    assert rows(folder).shape == rows(f"{folder}/*.gz").shape == (80, 6)
    assert str(default_id_file(folder / "0.jsonl.gz")) == f"{folder}/0.ids.txt"


def test_the_copy_goes_with_its_last_reader(tmp_path, copies):
    WRITERS["npy"](tmp_path / "x.npy")
    paths = [pack(tmp_path / "x.npy", codec) for codec in CODECS]
    stream = find_vectors(str(paths[0])).stream
    (own,) = copies.iterdir()
    other = pickle.loads(pickle.dumps(stream.path))
    assert other == stream.path
    assert other.copy == stream.path.copy, "a worker does not decompress once per shard"
    for i in range(5):  # of files that nobody holds the last four are kept
        path = tmp_path / f"{i}.npy.gz"
        path.write_bytes(paths[0].read_bytes())
        find_vectors(str(path))
    assert own.exists()
    assert len(list(copies.iterdir())) == 5
    del stream, other
    assert not own.exists()


def test_texts_and_judgements(tmp_path):
    files = {
        "corpus.jsonl": '{"_id": "d1", "text": "a cat"}\n',
        "corpus.tsv": "d1\ta cat\n",
        "corpus.json": '{"d1": {"text": "a cat"}}',
        "texts.txt": "a cat\n",
        "test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\n",
        "qrels.json": '{"q1": {"d1": 2}}',
    }
    for codec in CODECS:
        for name, content in files.items():
            (tmp_path / name).write_text(content)
            path = pack(tmp_path / name, codec)
            if name.startswith("corpus"):
                assert read_beir_texts(path) == {"d1": "a cat"}
            elif name == "texts.txt":
                assert texts_of(path, None, Provenance()).texts == ("a cat",)
            else:
                assert read_qrels(path).grade == (2.0,)
    assert not is_vectors(f"{tmp_path}/corpus.jsonl.gz")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(files["corpus.jsonl"].encode())[:-8])
    with pytest.raises(InputError, match="is no whole gzip file"):
        read_beir_texts(tmp_path / "cut.jsonl.gz")
    (tmp_path / "named.jsonl").write_bytes(gzip.compress(files["corpus.jsonl"].encode()))
    with pytest.raises(InputError, match=r"is gzip-compressed; end its name in .gz"):
        read_beir_texts(tmp_path / "named.jsonl")


def test_a_remote_file(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="extra remote is not installed")
    WRITERS["csv"](tmp_path / "x.csv")
    with fsspec.open("memory://packed/x.csv.gz", "wb") as file:
        file.write(pack(tmp_path / "x.csv", "gz").read_bytes())
    np.testing.assert_array_equal(rows("memory://packed/x.csv.gz"), rows(tmp_path / "x.csv"))
    np.testing.assert_array_equal(rows("memory://packed"), rows(tmp_path / "x.csv"))


def test_memory_is_that_of_a_piece(tmp_path):
    """40 MB of zeros compress to 40 KB; they are never held at once."""
    import tracemalloc

    path = Path(tmp_path / "x.npy")
    np.save(path, np.zeros((100_000, 100), np.float32))
    path = pack(path, "gz")
    tracemalloc.start()
    stream = find_vectors(str(path)).stream
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.n_rows == 100_000
    assert peak < 10 << 20
