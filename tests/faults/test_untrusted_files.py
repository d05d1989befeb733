"""Files of strangers: no code, no memory beyond their bytes, no path out of their folder, no command for a terminal."""

import io
import json
import pickle
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commands import run_command

from embedscope.core.document import Column, Document, Finding, Table
from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.diagnosis.thresholds import thresholds_of, tolerances
from embedscope.encoders._gensim_pickle import NAMES
from embedscope.encoders._saved_settings import modules_of, read_settings
from embedscope.encoders.gensim import open_word_vectors
from embedscope.reports import junit


def stack_global(module, name, arguments=b")"):
    """A pickle that calls ``module.name`` with the tuple ``arguments``."""

    def text(value):
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93" + arguments + b"R."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy.f2py", "dtype"),
        ("numpy.f2py", "ndarray"),
        ("numpy.distutils", "dtype"),
        ("numpy", "load"),
        ("numpy", "dtype.type"),
        ("numpy.testing", "scalar"),
        ("os", "system"),
        ("builtins", "eval"),
        ("gensim.models.keyedvectors", "os"),
        ("gensim.models.evil", "Evil"),
        ("gensim.models.keyedvectors", "KeyedVectors.load"),
        ("collections", "abc"),
    ],
)
def test_nothing_that_a_pickle_names_is_imported(tmp_path, module, name):
    path = tmp_path / "x.kv"
    path.write_bytes(stack_global(module, name))
    before = set(sys.modules)
    with pytest.raises(InputError, match="which word vectors do not need"):
        open_word_vectors(str(path))
    assert not {m for m in set(sys.modules) - before if m.startswith((module, "numpy.f2py"))}


def test_names_are_exact_and_none_is_of_another_package():
    own = {"embedscope.encoders._gensim_pickle", "collections", "builtins"}
    assert {thing.__module__ for thing in NAMES.values()} <= own


LOAD = """
import resource, sys
from embedscope.core.errors import InputError
from embedscope.encoders.gensim import open_word_vectors
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    open_word_vectors(sys.argv[1])
except InputError as error:
    print(error)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""

_HUGE = {
    "memo.kv": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "bytes.kv": b"\x80\x04\x8e" + struct.pack("<q", 1 << 32),
    "frame.kv": b"\x80\x04\x95" + struct.pack("<q", 1 << 40),
    "long.kv": b"\x80\x04\x8b" + struct.pack("<i", 1 << 30),
    "array.kv": stack_global(
        "numpy._core.multiarray", "_reconstruct", b"N\x8a\x06\x00\x00\x00\x00\x00\x01\x85C\x01b\x87"
    ),
    "word2vec.bin": b"900000000 900000000\nword \x00\x00\x00\x00",
}


@pytest.mark.parametrize("name", _HUGE)
def test_a_small_file_takes_little_memory(tmp_path, name):
    (tmp_path / name).write_bytes(_HUGE[name])
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / name)], capture_output=True, text=True, timeout=100, check=True
    )
    sentence, grown = done.stdout.strip().split("\n")
    assert name in sentence
    assert int(grown) < 64 * 1024


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    models = pytest.importorskip("gensim.models", reason="extra words is not installed")
    path = tmp_path_factory.mktemp("kv") / "x.kv"
    vectors = models.KeyedVectors(3)
    vectors.add_vectors([f"word{i}" for i in range(20)], np.arange(60, dtype=np.float32).reshape(20, 3))
    vectors.save(str(path))
    return path


def test_what_gensim_saves_is_read(saved):
    found = open_word_vectors(str(saved))
    assert found.vocabulary[:2] == ("word0", "word1")
    np.testing.assert_array_equal(found.x, np.arange(60, dtype=np.float32).reshape(20, 3))


@given(st.data())
@settings(max_examples=120)
def test_a_mutated_pickle_is_read_or_refused(saved, data):
    content = bytearray(saved.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(2, len(content)))]
    path = saved.with_name("mutated.kv")
    path.write_bytes(b"\x80" + bytes(content[1:]))
    try:
        words = open_word_vectors(str(path))
    except InputError as error:
        assert str(error)
    else:
        assert len(words.vocabulary) == len(words.x)


def test_arrays_come_with_their_bits():
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    file = io.BytesIO(pickle.dumps({"a": x, "b": np.float32(2.5), "c": np.arange(3, dtype=">i4")}, protocol=4))
    from embedscope.encoders._gensim_pickle import _Attributes, plain_arrays

    found = plain_arrays(_Attributes(file).load())
    np.testing.assert_array_equal(found["a"], x)
    assert found["b"] == np.float32(2.5)
    assert found["c"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("path", ["../auto", "/etc", "a/../../b", "0_CLIPModel/../.."])
def test_a_module_may_not_leave_the_folder_of_its_model(tmp_path, path):
    with pytest.raises(InputError, match="not inside the model's"):
        read_settings(model_at(tmp_path, path))


@pytest.mark.parametrize("path", ["0_CLIPModel", "", None])
def test_a_module_inside_is_found(tmp_path, path):
    assert read_settings(model_at(tmp_path, path)).paths == (path or "",)


def model_at(folder: Path, path: str | None) -> Path:
    """A model whose one module lies at ``path``."""
    (folder / "modules.json").write_text(json.dumps([{"type": "a.Transformer", "path": path}]))
    return folder


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"type": 3}]', "[" * 9999])
def test_a_list_of_modules_that_is_none(tmp_path, content):
    (tmp_path / "modules.json").write_text(content)
    with pytest.raises(InputError, match=r"modules\.json"):
        modules_of(tmp_path / "modules.json")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "+nan"])
def test_a_threshold_that_nothing_exceeds_is_refused(tmp_path, value):
    path = tmp_path / "t.toml"
    path.write_text(f"[cosine_floor]\nwarning = {value}\n")
    with pytest.raises(InputError, match=r"\[cosine_floor\] warning is"):
        thresholds_of(path)
    with pytest.raises(InputError, match="--tolerance takes"):
        tolerances([f"isoscore={value}"])


def test_thresholds_that_are_nested_without_end(tmp_path):
    (tmp_path / "t.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(InputError, match="cannot read thresholds"):
        thresholds_of(tmp_path / "t.toml")


EVIL = "\x1b]0;owned\x07\x1b[2J\u202eevil"
RECORD = Record(source=EVIL, metric="=cmd|' /C calc'!A0", value=-1.5, note="@SUM(1+1)")


def test_a_terminal_gets_no_commands(capsys):
    from embedscope.cli._output import console
    from embedscope.reports import print_document

    table = Table("t", f"title {EVIL}", (Column("a"),), ((EVIL,),))
    print_document(Result((RECORD,), {}, Document(EVIL, tables=(table,))), console())
    print_document(Result((RECORD,), {}), console())
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b[2J" in out


CASES = (Result((RECORD,), {}), Result((RECORD,), {}, Document(EVIL, findings=(Finding(EVIL, "warning", harm=EVIL),))))


@pytest.mark.parametrize("result", CASES)
@pytest.mark.parametrize("form", [Result.to_markdown, Result.to_latex, Result.to_json, junit])
def test_standard_output_gets_no_commands(result, form):
    evil = Result((replace(RECORD, source=f"{EVIL}\x9b2J\udcff"),), {}, result.document)
    text = form(evil)
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\udcff"} & set(text)
    if form is junit:
        ElementTree.fromstring(text)
    if form is Result.to_json:
        assert json.loads(text)["records"][0]["source"] == evil.records[0].source


def test_an_error_gets_no_commands(tmp_path):
    name = str(tmp_path / "x\x1b[2Jy.npy")
    done = run_command("measure", name)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert r"\x1b[2J" in done.stderr


def test_a_spreadsheet_gets_no_formulas():
    lines = Result((RECORD,), {}).to_csv().splitlines()
    assert "'=cmd|" in lines[1]
    assert "'@SUM" in lines[1]
    assert ",-1.5," in lines[1]


def test_latex_gets_no_commands():
    table = Table(r"a}\input{/etc/passwd}%", "Title\n\n\\input{x}", (Column("a"),), (("x\n\n& y",),))
    text = Result((), {}, Document("d", tables=(table,))).to_latex()
    assert r"\label{tab:a-input-etc-passwd}" in text
    assert r"\input" not in text
    assert "\n\n" not in text.strip()
