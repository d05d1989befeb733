"""Result and baseline files by their schema: which file, which field, what was wanted; never a KeyError."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedscope import Result, measure
from embedscope.core.document import (
    Column,
    Document,
    Figure,
    Finding,
    Points,
    Scatter,
    Series,
    Skipped,
    Table,
)
from embedscope.core.errors import InputError
from embedscope.reports import write_html

DOCUMENT = Document(
    "Title",
    "Question?",
    (Finding("It is so.", "ok"),),
    (Table("t", "Table", (Column("a", 2), Column("b")), ((1.5, "x"), (None, 3))),),
    (
        Figure(
            "f",
            "Figure",
            "x",
            "y",
            (Series("s", (0.0, 1.0), (0.5, None), (0.1, None), (0.9, None)),),
            y_range=(0.0, 1.0),
        ),
    ),
    (Skipped("rows", "too many"),),
    ("source",),
    (Scatter("p", "Points", "x", "y", (Points("q", (0.0,), (1.0,), ("n",)),), ((0.0, 0.0, 1.0, 1.0),)),),
)


@pytest.fixture(scope="module")
def result():
    found = measure(np.random.default_rng(0).standard_normal((200, 6)), metrics=["isoscore", "mean_norm"])
    return Result(found.records, found.provenance, DOCUMENT)


@pytest.fixture(scope="module")
def data(result):
    return json.loads(result.to_json())


def test_what_is_written_is_read(result, tmp_path):
    result.to_json(tmp_path / "r.json")
    back = Result.from_json(tmp_path / "r.json")
    assert back.records == result.records
    assert back.document == DOCUMENT
    assert back.to_json() == result.to_json()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": None}, "its schema_version is null, wanted 1"),
        ({"schema_version": 99}, "has schema_version 99, this version reads 1; update embedscope"),
        ({"schema_version": 0}, "has schema_version 0, this version reads 1; make it again"),
        ({"records": {}}, "records must be a list, got an object of 0"),
        ({"records": [1]}, "records[0] must be an object, got 1"),
        ({"records": [{"source": "x"}]}, "records[0] lacks the field 'metric'"),
        ({"records": [{"source": "x", "metric": "m", "value": "big"}]}, "records[0].value must be"),
        ({"records": [{"source": "x", "metric": "m", "value": True}]}, "records[0].value must be"),
        ({"records": [{"source": "x", "metric": "m", "value": 1, "valeu": 2}]}, "did you mean 'value'?"),
        ({"provenance": []}, "provenance must be an object"),
        ({"provenance": {"models": 3}}, "provenance.models must be an object, got 3"),
        ({"provenance": {"wall_seconds": {"a": "b"}}}, "provenance.wall_seconds.a must be a finite number"),
        ({"document": {"title": 3}}, "document.title must be text, got 3"),
        ({"document": {"title": "x", "tables": [{"id": "a"}]}}, "document.tables[0] lacks the field"),
        ({"document": {"title": "x", "findings": [{"text": "a", "status": "bad"}]}}, "document.findings[0].status"),
        ({"surprise": 1}, "unknown field 'surprise'"),
    ],
)
def test_a_wrong_field_is_named(data, tmp_path, change, said):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(data | change))
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        Result.from_json(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schema_version": 1' + b"0" * 5000 + b"}", b"NaN"],
)
def test_what_is_no_result_file(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"r\.json"):
        Result.from_json(path)


def test_a_number_that_is_none_is_refused(data, tmp_path):
    path = tmp_path / "r.json"
    for number in ("NaN", "Infinity", "1e999"):
        path.write_text(re.sub(r'"value": [-0-9.e]+', f'"value": {number}', json.dumps(data), count=1))
        with pytest.raises(InputError, match=r"no number|must be|not valid JSON"):
            Result.from_json(path)


def test_no_folder_and_no_pipe(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(InputError, match="not a regular file"):
            Result.from_json(path)
    with pytest.raises(InputError, match="no such file"):
        Result.from_json(tmp_path / "absent.json")


_LEAVES = st.sampled_from([None, True, -1, 10**400, 1.5, "", "x", "\x1b[2J", [], {}, [None], {"a": None}])


def _places(data, place=()):
    yield place
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _places(value, (*place, key))


@given(drawn=st.data())
@settings(max_examples=150)
def test_a_mutated_file_is_read_or_refused_with_a_sentence(data, tmp_path_factory, drawn):
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    mutated = json.loads(json.dumps(data))
    place = drawn.draw(st.sampled_from(list(_places(data))[1:]))
    holder = mutated
    for key in place[:-1]:
        holder = holder[key]
    if drawn.draw(st.booleans()):
        del holder[place[-1]]
    else:
        holder[place[-1]] = drawn.draw(_LEAVES)
    path.write_text(json.dumps(mutated))
    try:
        result = Result.from_json(path)
    except InputError as error:
        assert str(path) in str(error)
        assert "Error" not in str(error)
        return
    result.to_csv()
    result.to_latex()
    write_html(result, path.with_suffix(".html"))


@pytest.mark.parametrize("change", [{"metrics": 5}, {"metrics": [1]}, {"rows": {}}, {"transform": 3}])
def test_a_baseline_with_wrong_settings_is_said(data, tmp_path, change):
    provenance = data["provenance"] | {"settings": data["provenance"]["settings"] | change}
    (tmp_path / "b.json").write_text(json.dumps(data | {"provenance": provenance}))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((200, 6)))
    command = [
        sys.executable,
        "-m",
        "embedscope",
        "check",
        str(tmp_path / "x.npy"),
        "--baseline",
        str(tmp_path / "b.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert done.stderr.startswith("embedscope: the baseline: settings.")
    assert len(done.stderr.splitlines()) == 1
