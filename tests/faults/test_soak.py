"""Minutes of bad luck: kills at random moments, flipped bytes, limits on files; `make soak` prints the counts.

A run may end with its numbers, with one sentence, or by the signal that it was sent: never with a traceback, other
numbers, a hang or a lost file.
"""

import collections
import json
import os
import random
import resource
import shutil
import signal
import sys
import time

import numpy as np
import pytest
from tests.commands import run_command
from tests.faults.conftest import leftovers, start

SHARE = float(os.environ.get("EMBEDSCOPE_SOAK_SECONDS", "60")) / 3
"""Seconds of a soak for this module; changes in place and changed files have the rest."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("soak")
    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((150_000, 32)).astype(np.float32))
    wanted = _numbers(run_command("measure", folder / "x.npy", "-q", "--json", "-").stdout)
    return folder, wanted


def _numbers(text):
    return [(r["metric"], r["space"], r["value"], r["n"]) for r in json.loads(text)["records"]]


def _wait_and_count(process, counts, luck, limit=150.0):
    """Let ``process`` end, and count how; a hang or a traceback fails."""
    out, said = process.communicate(timeout=limit)
    if "Traceback" in said and "/embedscope/" in said:
        pytest.fail(f"a traceback after {luck}:\n{said}")
    counts[f"exit {process.returncode}"] += 1
    return out


def _kill(ground, dice, counts):
    folder, wanted = ground
    number = dice.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    command = ("measure", folder / "x.npy", "-q", "--json", folder / "out.json", "--checkpoint", folder / "kept")
    process = start(*command)
    time.sleep(dice.uniform(0.0, 4.0))
    os.kill(process.pid, number)
    _wait_and_count(process, counts, f"signal {number}")
    if (folder / "out.json").exists():
        assert _numbers((folder / "out.json").read_text()) == wanted


def _resume(ground, dice, counts):
    folder, wanted = ground
    process = start("measure", folder / "x.npy", "-q", "--json", folder / "out.json", "--checkpoint", folder / "kept")
    _wait_and_count(process, counts, "a resumed run")
    assert process.returncode == 0
    assert _numbers((folder / "out.json").read_text()) == wanted
    assert not leftovers(folder)
    if dice.random() < 0.5:
        shutil.rmtree(folder / "kept")


def _flip(ground, dice, counts):
    """A byte of what is kept is changed."""
    folder, _ = ground
    files = sorted(p for p in (folder / "kept").rglob("*") if p.is_file()) if (folder / "kept").exists() else []
    if files:
        victim = dice.choice(files)
        content = bytearray(victim.read_bytes())
        if content:
            content[dice.randrange(len(content))] ^= dice.randrange(1, 256)
            victim.write_bytes(content)
            counts["files changed"] += 1
    _resume(ground, dice, counts)


def _limit(ground, dice, counts):
    """Files may not grow beyond a size, and the old output stays."""
    folder, wanted = ground
    (folder / "out.json").write_text("old")
    size = dice.choice([10, 1000, 20_000])

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    process = start("measure", folder / "x.npy", "-q", "--json", folder / "out.json", preexec_fn=limit)
    _wait_and_count(process, counts, f"files of {size} bytes")
    text = (folder / "out.json").read_text()
    assert text == "old" if process.returncode else _numbers(text) == wanted
    (folder / "out.json").unlink()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_soak(ground):
    """Bad luck for this module's share of ``EMBEDSCOPE_SOAK_SECONDS``."""
    seed = random.randrange(1 << 32)
    dice, counts = random.Random(seed), collections.Counter()
    until = time.monotonic() + SHARE
    while time.monotonic() < until:
        trial = dice.choice([_kill, _kill, _resume, _flip, _limit])
        counts[trial.__name__.strip("_")] += 1
        trial(ground, dice, counts)
    found = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    sys.stdout.write(f"\nseed {seed}: {found}\n")


def test_each_kind_of_bad_luck_once(ground):
    dice, counts = random.Random(0), collections.Counter()
    for trial in (_kill, _flip, _limit, _resume):
        trial(ground, dice, counts)
    assert counts["exit 0"] >= 2
