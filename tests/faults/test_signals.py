"""Signals at any moment: one line, the exit code of the signal, nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.commands import run_command
from tests.faults.conftest import leftovers, start

import embedscope

_WORDS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "the end of its terminal"}
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    path = tmp_path_factory.mktemp("v") / "x.npy"
    np.save(path, np.random.default_rng(0).standard_normal((200_000, 64)).astype(np.float32))
    return path


def _stop(process, number, written=None):
    """What the process said; the interpreter's own start and end are outside this package's code and are let pass."""
    _, said = process.communicate(timeout=100)
    if process.returncode == -number:  # before the first line of this package, or after the last
        assert said == "" or (written is not None and written.exists())
    elif process.returncode != 0:
        if "/embedscope/" not in said and "embedscope: stopped" not in said:
            assert "KeyboardInterrupt" in said
            return said
        assert process.returncode == _CODES[number], said
        told = [line for line in said.splitlines() if not line.startswith(("·", "✓"))]
        assert told == [
            f"embedscope: stopped by {_WORDS[number]}; what was finished is kept, nothing half-written is left"
        ]
    return said


@pytest.mark.parametrize(
    ("number", "pause"),
    [(signal.SIGINT, 0.3), (signal.SIGINT, 0.8), (signal.SIGINT, 3.0), (signal.SIGTERM, 1.6), (signal.SIGHUP, 1.6)],
)
def test_a_signal_ends_a_run_with_one_line(vectors, tmp_path, number, pause):
    process = start("measure", vectors, "--json", tmp_path / "r.json", "--checkpoint", tmp_path / "kept")
    time.sleep(pause)
    os.kill(process.pid, number)
    _stop(process, number, tmp_path / "r.json")
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_large_file_is_written(vectors, material, tmp_path, number):
    wide = tmp_path / "wide.npy"
    out = np.lib.format.open_memmap(wide, mode="w+", dtype=np.float32, shape=(60_000, 500))
    out[:] = 1.0
    del out
    target = tmp_path / "out" / "y.npy"
    target.parent.mkdir()
    target.write_bytes(b"old")
    process = start("apply", material / "r.safetensors", wide, target)
    until = time.monotonic() + 60
    while not leftovers(target.parent) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, number)
    _stop(process, number)
    assert process.returncode == _CODES[number]
    assert target.read_bytes() == b"old"
    assert not leftovers(target.parent)


def test_what_a_killed_process_left_goes_at_the_next_run(vectors, material, tmp_path):
    wide = tmp_path / "wide.npy"
    out = np.lib.format.open_memmap(wide, mode="w+", dtype=np.float32, shape=(60_000, 500))
    out[:] = 1.0
    del out
    target = tmp_path / "out" / "y.npy"
    target.parent.mkdir()
    process = start("apply", material / "r.safetensors", wide, target)
    until = time.monotonic() + 60
    while not leftovers(target.parent) and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    assert leftovers(target.parent)
    done = run_command("apply", material / "r.safetensors", material / "x.npy", target)
    assert done.returncode == 0, done.stderr
    assert not leftovers(target.parent)
    assert len(np.load(target)) == 2000


def test_signals_are_listened_to_before_anything_large_is_imported():
    """What is imported until then is the time in which Ctrl-C would be a traceback."""
    source = Path(embedscope.__file__).parents[1]
    told = "print(sorted({'typing', 'typer', 'numpy', 're', 'enum'} & set(sys.modules)))"
    lines = f"import sys; sys.path.insert(0, {str(source)!r}); import embedscope.cli; {told}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
