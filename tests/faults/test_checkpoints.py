"""What is kept of a run is trusted only when its checksums and sums fit, and its rows are still those in the file."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.execution import Local, probing
from embedscope.execution.checkpoint import Checkpoint
from embedscope.execution.shards import ShardRunner
from embedscope.geometry.measure import measure_stream
from embedscope.readers import open_vectors

METRICS = ["isoscore", "self_similarity", "mean_norm"]
ROWS, DIM = 170_000, 8


class Notes(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class StopError(Exception):
    pass


class Stopping(Local):
    def map(self, work, shards):
        for done, outcome in enumerate(super().map(work, shards)):
            if done == 4:
                raise StopError
            yield outcome


def values(path, folder, engine=None, notes=None, metrics=METRICS):
    run = ShardRunner(engine or Local(), checkpoint=Checkpoint(folder, "x", notes))
    records = measure_stream(open_vectors(str(path)), source="x", metrics=metrics, engine=run)
    return [(r.metric, r.value, r.n) for r in records]


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).standard_normal((ROWS, DIM)).astype(np.float32) + 0.2


@pytest.fixture
def cut_off(tmp_path, rows, monkeypatch):
    """A file, the numbers of it, and a checkpoint with 4 of its 6 shards.

    As in a large file, only the first rows of each shard are read beforehand; what they say is part of the checkpoint's
    name.
    """
    monkeypatch.setattr(probing, "_VALUES", 1 << 14)
    path = tmp_path / "x.npy"
    np.save(path, rows)
    wanted = values(path, tmp_path / "whole")
    with pytest.raises(StopError):
        values(path, tmp_path / "cut", Stopping())
    (folder,) = (tmp_path / "cut").iterdir()
    return path, wanted, folder


def with_checksum(facts):
    facts = {k: v for k, v in facts.items() if k != "sha256"}
    return facts | {"sha256": hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}


@pytest.mark.parametrize("forged", [False, True])
@pytest.mark.parametrize("change", [{"done": 3}, {"done": 0}, {"done": 60}, {"levels": []}, {"done": -1}])
def test_a_manifest_that_was_touched_is_not_used(cut_off, change, forged):
    path, wanted, folder = cut_off
    manifest = folder / "manifest.json"
    facts = json.loads(manifest.read_text()) | change
    manifest.write_text(json.dumps(with_checksum(facts) if forged else facts))
    notes = Notes()
    assert values(path, folder.parent, notes=notes) == wanted
    assert any("is damaged" in note and "starts anew" in note for note in notes.notes)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "[]", "null", '{"done": 1e999}', "../x.npy", "/dev/zero", "deep/er"]
)
def test_a_manifest_that_is_none_or_names_files_elsewhere_is_not_used(cut_off, content):
    path, wanted, folder = cut_off
    manifest = folder / "manifest.json"
    if content[0] in "[{n":
        manifest.write_text(content)
    else:
        facts = json.loads(manifest.read_text())
        next(level for level in facts["levels"] if level["file"])["file"] = content
        manifest.write_text(json.dumps(with_checksum(facts)))
    notes = Notes()
    assert values(path, folder.parent, notes=notes) == wanted
    assert any("is damaged" in note for note in notes.notes)


def test_a_manifest_that_only_its_checksum_can_tell_is_not_used(cut_off):
    """A bad shard that never was: all sums fit, and the rows of that shard would be left out in silence."""
    path, wanted, folder = cut_off
    manifest = folder / "manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"missing": [{"shard": 5, "reason": "cannot be read"}]}))
    notes = Notes()
    assert values(path, folder.parent, notes=notes) == wanted
    assert any("does not have its checksum" in note for note in notes.notes)


@given(st.data())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bit_of_a_manifest_changes_a_number_in_silence(cut_off, data):
    path, wanted, folder = cut_off
    victim = data.draw(st.sampled_from(sorted(p.name for p in folder.iterdir())))
    old = {p.name: p.read_bytes() for p in folder.iterdir()}
    content = bytearray(old[victim])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (folder / victim).write_bytes(content)
    notes = Notes()
    assert values(path, folder.parent, notes=notes) == wanted
    assert any("damaged" in note for note in notes.notes)
    for p in folder.parent.rglob("*.*"):
        p.unlink()
    for name, content in old.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("row", [5_000, 70_000, 110_000])
def test_rows_that_changed_under_the_same_time_are_measured_anew(cut_off, rows, row, tmp_path):
    path, wanted, folder = cut_off
    before = path.stat()
    changed = rows.copy()
    changed[row] += 100.0
    np.save(path, changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    notes = Notes()
    found = values(path, folder.parent, notes=notes)
    assert any("have changed since; the pass starts anew" in note for note in notes.notes)
    assert found == values(path, tmp_path / "fresh") != wanted


def test_rows_that_change_between_two_passes_are_an_error(tmp_path, rows):
    path = tmp_path / "x.npy"
    np.save(path, rows)
    passes = []

    class Changing(Local):
        def map(self, work, shards):
            passes.extend([work] if shards else [])
            if shards and len(passes) == 2:
                with path.open("r+b") as file:
                    file.seek(-4, os.SEEK_END)
                    file.write(np.float32(77).tobytes())
            yield from super().map(work, shards)

    with pytest.raises(InputError, match="are not those that were read before"):
        values(path, tmp_path / "kept", Changing(), metrics=[*METRICS, "top5_share", "i1", "self_similarity_centered"])


SCRIPT = """
import sys
from embedscope import measure
result = measure(sys.argv[1], metrics=["isoscore", "mean_norm"], checkpoint=sys.argv[2])
print([(r.metric, r.value.hex(), r.n) for r in result])
"""


def test_two_processes_on_one_checkpoint(tmp_path, rows):
    path = tmp_path / "x.npy"
    np.save(path, rows)

    def start(folder):
        command = [sys.executable, "-c", SCRIPT, str(path), str(tmp_path / folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    alone = start("alone").communicate(timeout=100)[0]
    both = [start("shared") for _ in range(2)]
    outputs = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert {out for out, _ in outputs} == {alone}
