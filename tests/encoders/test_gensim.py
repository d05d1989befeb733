"""Files of word vectors against gensim's own readers, on the files of gensim's tests and on files made here."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.encoders import is_model, open_model

gensim = pytest.importorskip("gensim", reason="gensim is not installed")
from gensim.models import KeyedVectors  # noqa: E402
from gensim.models.fasttext import load_facebook_vectors  # noqa: E402
from gensim.test.utils import datapath  # noqa: E402


def same(found, theirs) -> None:
    assert list(found.vocabulary) == theirs.index_to_key
    np.testing.assert_array_equal(found.matrix(None, "vectors", found.vocabulary), theirs.vectors)


@pytest.fixture(scope="module")
def made() -> KeyedVectors:
    vectors = KeyedVectors(7)
    words = ["the", "Äpfel", "New_York", "日本", *(f"w{i}" for i in range(200))]
    vectors.add_vectors(words, np.random.default_rng(0).normal(size=(len(words), 7)).astype(np.float32))
    return vectors


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec(made, binary, tmp_path):
    path = tmp_path / "made.vectors"
    made.save_word2vec_format(str(path), binary=binary)
    found = open_model(f"gensim:{path}")
    same(found, KeyedVectors.load_word2vec_format(str(path), binary=binary))
    assert found.facts["format"] == ("word2vec binary" if binary else "word2vec text")
    packed = tmp_path / "made.vectors.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    same(open_model(f"gensim:{packed}"), made if binary else to_key_vectors(found))


def test_a_file_of_word_vectors_is_measured_as_it_is(made, tmp_path):
    import embedscope

    path = tmp_path / "made.vec"
    made.save_word2vec_format(str(path))
    x = KeyedVectors.load_word2vec_format(str(path)).vectors
    names = ["isoscore", "self_similarity", "mean_norm"]
    found, wanted = (embedscope.measure(source, metrics=names) for source in (f"gensim:{path}", x))
    assert [r.value for r in found] == pytest.approx([r.value for r in wanted], rel=1e-12)
    assert {(r.n, r.exact, r.subset) for r in found} == {(204, True, "204 of 204 words of the file have a vector")}
    few = embedscope.measure(f"gensim:{path}", max_rows=50, metrics="mean_norm").records[0]
    assert (few.n, few.exact) == (50, False)
    assert few.subset == "50 of 50 words of the file have a vector, a sample of 204"
    assert (
        embedscope.diagnose(f"gensim:{path}").result.value(metric="self_similarity") == found["self_similarity"].value
    )


def test_a_file_of_word_vectors_is_repaired_as_it_is(made, tmp_path):
    import embedscope

    path = tmp_path / "made.vec"
    made.save_word2vec_format(str(path))
    x = KeyedVectors.load_word2vec_format(str(path)).vectors
    labels = [f"class {i % 4}" for i in range(len(x))]
    own, rows = (embedscope.repair(source, labels=labels, candidates="center") for source in (f"gensim:{path}", x))
    places = {(r.metric, r.transform, r.variant): r.value for r in own.result}
    assert len(places) > 3 and own.result.records[0].n > 0
    assert set(places) == {(r.metric, r.transform, r.variant) for r in rows.result}
    assert f"gensim:{path}" in own.result.to_json()


def to_key_vectors(found) -> KeyedVectors:
    vectors = KeyedVectors(found.x.shape[1])
    vectors.add_vectors(list(found.vocabulary), np.asarray(found.x))
    return vectors


CODECS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": pa.Codec("zstd").compress}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("form", ["text", "binary", "gensim", "fasttext"])
def test_compressed_files_of_every_format(made, tmp_path, form, codec):
    path = tmp_path / "made.vec"
    if form == "gensim":
        made.save(str(path))
    elif form == "fasttext":
        path.write_bytes(Path(datapath("lee_fasttext.bin")).read_bytes())
    else:
        made.save_word2vec_format(str(path), binary=form == "binary")
    plain = open_model(f"gensim:{path}")
    packed = tmp_path / f"made.vec.{codec}"
    packed.write_bytes(bytes(CODECS[codec](path.read_bytes())))
    found = open_model(f"gensim:{packed}")
    assert found.vocabulary == plain.vocabulary
    np.testing.assert_array_equal(found.x, plain.x)
    assert found.facts["format"] == plain.facts["format"]
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(InputError, match=rf"made.vec.{codec} is no whole"):
        open_model(f"gensim:{packed}")
    if form == "text":
        path.write_bytes(bytes(CODECS[codec](path.read_bytes())))
        with pytest.raises(InputError, match=rf"-compressed; name it made.vec.{codec}"):
            open_model(f"gensim:{path}")


@pytest.mark.parametrize("name", ["high_precision.kv.bin", "high_precision.kv.txt", "lee_fasttext.vec"])
def test_files_of_gensims_tests(name):
    path = datapath(name)
    same(open_model(f"gensim:{path}"), KeyedVectors.load_word2vec_format(path, binary=name.endswith("bin")))


def test_glove(tmp_path):
    path = datapath("test_glove.txt")
    lines = Path(path).read_text().splitlines()
    headed = tmp_path / "headed.txt"
    headed.write_text("\n".join([f"{len(lines)} {len(lines[0].split()) - 1}", *lines]) + "\n")
    found = open_model(f"gensim:{path}")
    assert found.facts["format"] == "glove"
    same(found, KeyedVectors.load_word2vec_format(str(headed), binary=False))


@pytest.mark.parametrize("name", ["lee_fasttext.bin", "lee_fasttext_new.bin"])
def test_fasttext(name):
    path = datapath(name)
    found = open_model(f"gensim:{path}")
    same(found, load_facebook_vectors(path))
    assert np.isnan(found.matrix(None, "vectors", ["nothingofthekind"])).all()


@pytest.mark.parametrize("separately", [[], ["vectors"]])
def test_gensims_own_format(made, separately, tmp_path):
    path = tmp_path / "made.kv"
    made.save(str(path), separately=separately)
    found = open_model(f"gensim:{path}")
    same(found, KeyedVectors.load(str(path)))
    assert isinstance(found.x, np.memmap) == bool(separately)


def test_no_code_of_a_file_runs(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "evil.kv"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="which word vectors do not need"):
        open_model(f"gensim:{path}")
    assert not (tmp_path / "ran").exists()


def test_words_are_looked_up_and_never_guessed(made, tmp_path):
    path = tmp_path / "made.bin"
    made.save_word2vec_format(str(path), binary=True)
    found = open_model(f"gensim:{path}?limit=20")
    assert len(found.vocabulary) == 20
    rows = found.matrix(None, "vectors", ["New_York", "new_york", "the", "w150"])
    np.testing.assert_array_equal(rows[[0, 2]], made.vectors[[2, 0]])
    assert np.isnan(rows[[1, 3]]).all()
    assert is_model(f"gensim:{path}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "cut.bin",
            b"2 3\na " + np.ones(3, "<f4").tobytes() + b"b \0\0",
            "and has 22 bytes",
        ),
        ("short.txt", b"a 1 2 3\nb 1 2\n", "line 2"),
        ("words.txt", b"a 1 2 3\nb 1 x 3\n", "line 2"),
        ("broken.kv", b"\x80\x04junk", "no file of KeyedVectors.save"),
    ],
)
def test_damaged_files_are_said(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        open_model(f"gensim:{tmp_path / name}")


def test_missing_files_and_unknown_options_are_said(tmp_path):
    with pytest.raises(DataUnavailableError, match="there is no file"):
        open_model(f"gensim:{tmp_path / 'none.bin'}")
    with pytest.raises(InputError, match=r"\?limit=N"):
        open_model("gensim:x.bin?first=3")


def words_of(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_model(f"gensim:{path}")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("header", ["", "3 2\n"])
@pytest.mark.parametrize("gap", [" ", "\t", "  "])
@pytest.mark.parametrize("end", ["\n", " \r\n"])
def test_marks_blanks_and_line_ends(tmp_path, mark, header, gap, end):
    rows = [("New York", 0.5, -1), ("3", 1e-3, 2), ("a\u00a0b", 3, 4)]
    text = header + "".join(gap.join(map(str, row)) + end for row in rows)
    found = words_of(tmp_path / "x.txt", mark + text.encode())
    assert found.vocabulary == ("New York", "3", "a\u00a0b")
    np.testing.assert_array_equal(found.x, np.array([row[1:] for row in rows], dtype=np.float32))
    assert found.facts["format"] == ("word2vec text" if header else "glove")


@pytest.mark.parametrize("said", [4, 6])
def test_a_count_one_off_is_a_note(tmp_path, said):
    """As in wiki-news-300d-1M.vec of fastText."""
    found = words_of(tmp_path / "x.vec", f"{said} 2\n" + "".join(f"w{i} {i} 1\n" for i in range(5)))
    assert len(found.vocabulary) == 5
    assert found.facts["notes"] == [f"the header says {said} words, the file holds 5"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("7 2\na 1 2\nb 3 4\n", "says 7 words in its header and holds 2"),
        ("2 3\na 1 2\nb 3 4\n", "says 3 dimensions in its header and has 2 numbers per line"),
        ("2 2\na 1 2 3\nb 3 4 5\n", "says 2 dimensions in its header and has 3 numbers per line"),
        ("a 1 2\nb nan 4\n", "nan or inf in 1 vectors, first that of 'b'"),
        (b"1 2\na " + np.ones(2, "<f4").tobytes() + b"b " + np.ones(2, "<f4").tobytes(), "10 bytes after its 1 vect"),
        (b"1 2\na " + np.full(2, np.inf, "<f4").tobytes(), "nan or inf"),
        (b"9 100000\na " + np.ones(2, "<f4").tobytes(), "get the file again"),
        (b"999999999999999999 9999999999\na " + np.ones(2, "<f4").tobytes(), "get the file again"),
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
    ],
)
def test_what_a_header_says_is_checked(tmp_path, content, said):
    with pytest.raises(InputError, match=said) as caught:
        words_of(tmp_path / "x.bin", content)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("binary", [False, True])
def test_zip_archives(made, tmp_path, binary):
    made.save_word2vec_format(str(tmp_path / "a.txt"), binary=binary)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.txt", "in/a.txt")
    same(
        open_model(f"gensim:{tmp_path}/x.zip"),
        KeyedVectors.load_word2vec_format(str(tmp_path / "a.txt"), binary=binary),
    )
    with zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
        archive.writestr("b.txt", "one 1 2\n")
    with pytest.raises(InputError, match=r"holds 2 files: in/a.txt, b.txt; say which: gensim:.*\?member=in/a.txt"):
        open_model(f"gensim:{tmp_path}/x.zip")
    assert open_model(f"gensim:{tmp_path}/x.zip?member=b.txt&limit=1").vocabulary == ("one",)
    whole = bytearray((tmp_path / "x.zip").read_bytes())
    whole[60:90] = bytes(30)
    (tmp_path / "x.zip").write_bytes(whole)
    with pytest.raises(InputError, match="damaged"):
        open_model(f"gensim:{tmp_path}/x.zip?member=in/a.txt")


def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "x.bin")
    with pytest.raises(InputError, match="is a named pipe, not a regular file"):
        open_model(f"gensim:{tmp_path}/x.bin")


@pytest.mark.parametrize("separately", [[], ["vectors_ngrams", "vectors_vocab"]])
def test_fasttext_of_gensim(tmp_path, separately):
    """A FastTextKeyedVectors keeps no vectors of words, only what they are made of."""
    from gensim.models import FastText

    model = FastText(
        [["the", "cat", "sat"], ["a", "dog", "ran", "äpfel"]],
        vector_size=8,
        min_count=1,
        bucket=50,
        epochs=1,
        workers=1,
    )
    path = tmp_path / "x.kv"
    model.wv.save(str(path), separately=separately)
    same(open_model(f"gensim:{path}"), model.wv)
