"""A run that is cut off goes on and comes to the same bits; what is kept is checked, and never unpickled."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.execution import Local
from embedscope.execution._state_codec import Decoder, Encoder, fingerprint
from embedscope.execution.checkpoint import Checkpoint
from embedscope.execution.shards import ShardRunner
from embedscope.geometry.measure import measure_stream
from embedscope.readers import open_vectors
from embedscope.stats.grouped import Grouped
from embedscope.stats.moments import Moments

METRICS = ["isoscore", "self_similarity", "i1", "top5_share", "self_similarity_centered", "mean_norm"]


class Notes(Silent):
    def __init__(self):
        self.notes, self.rows = [], 0

    def note(self, text):
        self.notes.append(text)

    def advance(self, n):
        self.rows += n


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("x") / "x.npy"
    np.save(path, np.random.default_rng(0).standard_normal((170_000, 8)).astype(np.float32) + 0.2)
    return path


def values(path, engine, progress=None):
    records = measure_stream(open_vectors(str(path)), source="x", metrics=METRICS, engine=engine, progress=progress)
    return [(r.metric, r.value, r.stderr) for r in records]


def test_states_come_back_bit_for_bit():
    x = np.random.default_rng(1).standard_normal((300, 5))
    state = Grouped(Moments(), {}).update(x, np.arange(300, dtype=np.uint64), np.arange(300, dtype=np.uint64))
    encoder = Encoder()
    tree = json.loads(json.dumps(encoder.tree({"a": state, "b": (1, 2.5, None, state)})))
    back = Decoder(encoder.arrays).decode(tree)
    assert back["a"] is back["b"][3]
    one, two = state.result(), back["a"].result()
    assert_array_equal(one.full.scatter, two.full.scatter)
    assert one.sizes == two.sizes
    assert [g.mean.tobytes() for g in one.left_out] == [g.mean.tobytes() for g in two.left_out]


def test_arrays_of_equal_content_do_not_become_one():
    a, f = np.zeros((3, 2)), np.asfortranarray(np.arange(6.0).reshape(2, 3))
    encoder = Encoder()
    tree = encoder.tree([a, np.zeros((3, 2)), a, f, np.float32(1.5), np.array(2.0)])
    x, y, z, g, scalar, point = Decoder(encoder.arrays).decode(tree)
    assert x is z
    assert x is not y
    assert g.flags.f_contiguous
    assert_array_equal(g, f)
    assert isinstance(scalar, np.float32)
    assert point.shape == ()


@pytest.mark.parametrize(
    "name", ["os:system", "builtins:eval", "embedscope.core.cache:os", "embedscope.core.atomic:os.system"]
)
def test_only_types_of_this_package_come_back(name):
    with pytest.raises(InputError, match="does not have"):
        Decoder({}).decode({"object": name, "state": []})
    with pytest.raises(InputError, match="cannot be saved"):
        Encoder().tree(subprocess.Popen)


def test_fingerprint_follows_what_counts():
    assert fingerprint(Moments("raw")) == fingerprint(Moments("raw"))
    assert fingerprint(Moments("raw")) != fingerprint(Moments("unit"))
    assert fingerprint(np.zeros(2)) != fingerprint(np.zeros(2, dtype=np.float32))
    assert fingerprint(frozenset({Moments("raw"), Moments("unit")})) == fingerprint(
        frozenset({Moments("unit"), Moments("raw")})
    )


class StopError(Exception):
    pass


class Stopping(Local):
    def map(self, work, shards):
        for done, outcome in enumerate(super().map(work, shards)):
            if done == 4:
                raise StopError
            yield outcome


def test_a_run_cut_off_goes_on(tmp_path, file):
    wanted = values(file, Local())
    with pytest.raises(StopError):
        values(file, ShardRunner(Stopping(), checkpoint=Checkpoint(tmp_path, "x")))
    (folder,) = tmp_path.iterdir()
    assert {p.suffix for p in folder.iterdir()} == {".bin", ".json", ".safetensors"}
    assert len(list(folder.glob("*.safetensors"))) == 1
    shown = Notes()
    assert values(file, ShardRunner(Local(2), checkpoint=Checkpoint(tmp_path, "x", shown)), shown) == wanted
    assert shown.notes == ["checkpoint: 4 of 6 shards of this pass are already done"]
    assert shown.rows == 2 * 170_000
    again = Notes()
    assert values(file, ShardRunner(Local(), checkpoint=Checkpoint(tmp_path, "x", again))) == wanted
    assert len(again.notes) == 2


def test_what_is_damaged_or_of_another_source_is_not_used(tmp_path, file):
    wanted = values(file, ShardRunner(Local(), checkpoint=Checkpoint(tmp_path, "x")))
    for state in tmp_path.rglob("*.safetensors"):
        data = bytearray(state.read_bytes())
        data[-3] ^= 1
        state.write_bytes(data)
    shown = Notes()
    assert values(file, ShardRunner(Local(), checkpoint=Checkpoint(tmp_path, "y", shown))) == wanted
    assert not shown.notes
    assert values(file, ShardRunner(Local(), checkpoint=Checkpoint(tmp_path, "x", shown))) == wanted
    assert len([n for n in shown.notes if "does not have its checksum" in n]) == 2


SCRIPT = """
import sys, time
from embedscope.execution import Local
from embedscope.execution.checkpoint import Checkpoint
from embedscope.execution.shards import ShardRunner
from embedscope.geometry.measure import measure_stream
from embedscope.readers import open_vectors

class Slow(Local):
    def map(self, work, shards):
        for outcome in super().map(work, shards):
            yield outcome
            if isinstance(outcome, bytes):  # the hash of rows that were measured before
                continue
            print("shard", flush=True)
            time.sleep(float(sys.argv[3]))

run = ShardRunner(Slow(), checkpoint=Checkpoint(sys.argv[2], "x"))
for r in measure_stream(open_vectors(sys.argv[1]), source="x", metrics=sys.argv[4].split(","), engine=run):
    print(r.metric, r.value.hex(), r.stderr and r.stderr.hex())
"""


def test_sigkill(tmp_path, file):
    def start(folder, pause):
        command = [sys.executable, "-c", SCRIPT, str(file), str(tmp_path / folder), str(pause), ",".join(METRICS)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    whole = start("whole", 0)
    wanted = [line for line in whole.communicate(timeout=60)[0].splitlines() if line != "shard"]
    assert whole.returncode == 0
    cut = start("cut", 0.2)
    for _ in range(9):
        assert cut.stdout.readline() == "shard\n"
    os.kill(cut.pid, signal.SIGKILL)
    cut.communicate(timeout=20)
    assert cut.returncode == -signal.SIGKILL
    rest = start("cut", 0)
    lines = rest.communicate(timeout=60)[0].splitlines()
    assert [line for line in lines if line != "shard"] == wanted
    assert lines.count("shard") <= 4
