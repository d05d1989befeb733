"""The bound on memory: what it changes, what it leaves alone, and that a process keeps it."""

import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedscope import measure
from embedscope.core.errors import InputError
from embedscope.execution import Local
from embedscope.execution import memory_budget as memory
from embedscope.execution.memory_budget import Round, parse_bytes, rounds_of
from embedscope.stats import Moments, UnitSum

NEEDS = (Moments("raw"), Moments("unit"), UnitSum())
SPACES = {"a": 512, "b": 512}


@pytest.mark.parametrize("text", ["", "lots", "-3MB", "0", "5 parsecs", "5", "512", "99KB"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match="must be a size such as 512MB"):
        parse_bytes(text)


@pytest.fixture
def held(monkeypatch):
    monkeypatch.setattr(memory, "_used_bytes", lambda: 0)


def test_no_bound_is_one_reading_with_all_workers():
    engine, rounds = rounds_of(SPACES, NEEDS, NEEDS, 8, Local(4), None)
    assert (engine, rounds) == (Local(4), [Round(("a", "b"), NEEDS)])


@pytest.mark.usefixtures("held")
def test_less_memory_means_fewer_workers_then_fewer_statistics():
    found = [rounds_of(SPACES, NEEDS, NEEDS, 8, Local(4), size << 20) for size in (8000, 1500, 450, 240)]
    workers = [engine.workers for engine, _ in found]
    assert workers[0] == 4 > workers[1] >= workers[2] == workers[3] == 1
    assert [len(rounds) for _, rounds in found] == [1, 1, 2, 4]
    for _, rounds in found:
        fed = [(space, need) for part in rounds for space in part.spaces for need in part.needs]
        assert sorted(fed, key=repr) == sorted(((s, n) for s in SPACES for n in NEEDS), key=repr)


@pytest.mark.usefixtures("held")
def test_too_little_says_how_much_it_takes():
    with pytest.raises(
        InputError, match=r"memory 40 MB is too little for a with 512 dimensions, which takes \d+ MB in all"
    ):
        rounds_of(SPACES, NEEDS, NEEDS, 8, Local(2), 40 * 10**6)


def test_a_bound_changes_no_bit(monkeypatch):
    x = np.random.default_rng(0).standard_normal((70_000, 32)).astype(np.float32) + 0.1
    monkeypatch.setattr(memory, "_used_bytes", lambda: 0)
    free = measure({"a": x, "b": x[:, :24] ** 2})
    whole = memory._peak(Round(("a", "b"), tuple(NEEDS[:2])), {"a": 32, "b": 24}, NEEDS, 3, 1)
    bound = measure({"a": x, "b": x[:, :24] ** 2}, memory=memory._LIBRARIES + int(0.8 * whole))
    assert bound.records == free.records


MEASURED = """
import resource, sys
from pathlib import Path
from embedscope import measure
records = len(measure(sys.argv[1], memory=sys.argv[2]))
status = Path("/proc/self/status")  # ru_maxrss counts the process that started this one
if status.exists():
    peak = 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak, records)
"""


def test_a_process_keeps_the_bound_on_a_file_that_is_larger(tmp_path):
    path = tmp_path / "x.npy"
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(300_000, 128))
    rng = np.random.default_rng(0)
    for start in range(0, len(out), 20_000):
        out[start : start + 20_000] = rng.standard_normal((20_000, 128), dtype=np.float32)
    del out
    bound = 150 * 10**6
    assert path.stat().st_size > bound
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path), "150MB"], check=True, capture_output=True, text=True
    )
    peak, records = map(int, done.stdout.split())
    assert peak <= bound
    assert records > 13


def _parquet(path, rows, dim):
    x = np.random.default_rng(0).standard_normal((rows, dim), dtype=np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), dim)
    table = pa.table({"text": [f"the words of row {i}" for i in range(rows)], "emb": column})
    pq.write_table(table, path, row_group_size=rows)
    return path


def test_a_process_keeps_the_bound_on_one_row_group_that_is_larger(tmp_path):
    path = _parquet(tmp_path / "x.parquet", 400_000, 96)
    bound = 150 * 10**6
    assert path.stat().st_size > bound
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, f"{path}::emb", "150MB"], check=True, capture_output=True, text=True
    )
    peak, records = map(int, done.stdout.split())
    assert peak <= bound
    assert records > 13


@pytest.mark.parametrize(("rows", "dim"), [(40_000, 8), (16_000, 256), (16_000, 768)])
def test_what_it_says_it_takes_is_enough_and_not_much_more(tmp_path, rows, dim):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((rows, dim), dtype=np.float32))
    refused = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "x.npy"), "20MB"], capture_output=True, text=True
    )
    said = int(re.search(r"takes ([\d,]+) MB in all", refused.stderr)[1].replace(",", ""))
    given = [sys.executable, "-c", MEASURED, str(tmp_path / "x.npy"), f"{said}MB"]
    peak = int(subprocess.run(given, check=True, capture_output=True, text=True).stdout.split()[0])
    assert peak <= said * 10**6
    assert peak >= 0.6 * said * 10**6, "the estimate is far from what is held"


def test_a_bound_without_a_unit_asks_for_a_size():
    with pytest.raises(InputError, match="must be a size such as 512MB or 2GiB, got '5', which is 5 bytes"):
        measure(np.eye(4), memory="5")


@pytest.mark.usefixtures("held")
def test_what_a_transform_takes_to_be_fitted_is_counted_before_a_row_is_read(monkeypatch):
    """The state of the moments of d dimensions takes 8 d^2 bytes at least."""
    monkeypatch.setattr("embedscope.geometry.transformed_stream.one_pass", None)
    d = 3000
    with pytest.raises(InputError, match=r"takes [\d,]+ MB in all to fit center,whiten:2; allow that much$") as caught:
        measure(np.eye(d, dtype=np.float32)[:10], metrics=["mean_norm"], transform="center,whiten:2", memory="50MB")
    assert int(re.search(r"takes ([\d,]+) MB", str(caught.value))[1].replace(",", "")) > 8 * d * d / 1e6
    chain, x = "center,whiten:2", np.random.default_rng(0).standard_normal((3000, 20))
    monkeypatch.undo()
    free, bound = (
        measure({"a": x, "b": x + 1}, metrics=["mean_norm"], transform=chain, memory=m) for m in (None, "64GB")
    )
    assert [r.value for r in free.records] == [r.value for r in bound.records]
