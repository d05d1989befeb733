"""Changes of a store in place, killed at random moments again and again: the end is the same as without a kill.

Part of `make soak`, which prints how many kills there were.
"""

import collections
import os
import random
import signal
import time

import numpy as np
import pytest
from tests.commands import run_command
from tests.faults.conftest import start

from embedscope.readers import ids_of, open_vectors
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

D = 32
SHARE = float(os.environ.get("EMBEDSCOPE_SOAK_SECONDS", "60")) / 6
"""Seconds of a soak for each store: together a third of it."""


def _names(x):
    return [f"d{i:06}" for i in range(len(x))]


def _lancedb(folder, x):
    library = pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    import pyarrow as pa

    lists = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), D)
    library.connect(str(folder)).create_table("docs", pa.table({"id": _names(x), "vector": lists}))
    return f"lancedb:{folder}/docs"


def _chroma(folder, x):
    library = pytest.importorskip("chromadb", reason="the extra chroma is not installed")
    client = library.PersistentClient(str(folder), settings=library.Settings(anonymized_telemetry=False))
    made = client.create_collection("docs", embedding_function=None)
    made.add(ids=_names(x), embeddings=x)
    return f"chroma:{folder}/docs"


def _rows(source):
    if source.startswith("chroma"):  # which shows a process what it knew before
        __import__("chromadb").api.client.SharedSystemClient.clear_system_cache()
    stream = open_vectors(source)
    x = np.concatenate([next(iter(b.spaces.values())) for s in stream.shards() for b in s.batches()])
    return x[np.argsort(ids_of(stream).unique())]


DONE = 2
"""Exit code of a rollback where nothing is left to take back."""


def _is_back(option, code, said, killed, journal):
    """Whether a rollback rightly finds nothing left: one ``killed`` before it had removed the journal, its last step.

    The rows of the store are compared in any case.
    """
    return (
        option == "--rollback"
        and killed > 0
        and code == DONE
        and "there is no journal" in said
        and not journal.exists()
    )


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("make", "n"), [(_lancedb, 200_000), (_chroma, 4_000)])
def test_kills_at_random_moments(tmp_path, make, n, capsys):
    dice, counts = random.Random(0), collections.Counter()
    x = np.random.default_rng(0).standard_normal((n, D)).astype(np.float32) + 1
    source = make(tmp_path / "db", x)
    repair = Repair.from_chain(parse_chain("center").fit(x))
    repair.save(tmp_path / "r.safetensors")
    command = ("apply", tmp_path / "r.safetensors", source, "--quiet")
    began = time.monotonic()
    run_command(*command, "--in-place", check=True)
    usual = time.monotonic() - began
    wanted = _rows(source)
    np.testing.assert_allclose(wanted, repair.transform(x), atol=1e-6)
    (journal,) = tmp_path.glob("*.journal")
    until = time.monotonic() + SHARE
    while time.monotonic() < until:
        for option, goal in (("--rollback", x), ("--in-place", wanted)):
            for killed in range(4):
                process = start(*command, option)
                time.sleep(dice.uniform(0.3, 1.1) * usual)
                process.send_signal(dice.choice([signal.SIGKILL, signal.SIGTERM]))
                _, said = process.communicate(timeout=150)
                counts["finished before" if process.returncode == 0 else "killed"] += 1
                assert "Traceback" not in said, said
                stopped = process.returncode in {0, -signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM}
                assert stopped or _is_back(option, process.returncode, said, killed, journal), said
                counts["said what to do"] += "the same command goes on" in said
                if process.returncode in {0, DONE}:
                    break
            if process.returncode not in {0, DONE}:
                last = run_command(*command, option)
                back = _is_back(option, last.returncode, last.stderr, 4, journal)
                assert last.returncode == 0 or back, last.stderr
            np.testing.assert_array_equal(_rows(source), goal)
            assert journal.exists() is (option == "--in-place")
            counts["changes verified"] += 1
    with capsys.disabled():
        print(f"\n{source.partition(':')[0]}: {dict(counts)}")  # noqa: T201
    assert counts["killed"]
