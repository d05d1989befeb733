"""A small file system that can be filled, and files that commands are run on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.commands import run_command

from embedscope.transforms.repair import Repair

COMMAND = [sys.executable, "-m", "embedscope"]


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 1 MB, or skip with the reason."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root; RLIMIT_FSIZE and /dev/full are tested without it")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """Vectors of 4 MB, a repair of 2 MB, and a result."""
    folder = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.standard_normal((2000, 500)).astype(np.float32))
    from embedscope.transforms.align.sides import Side
    from embedscope.transforms.repair._kind import KindMap

    Repair({"vectors": KindMap(Side(500, matrix=rng.standard_normal((500, 500))))}).save(folder / "r.safetensors")
    run_command(
        "measure", folder / "x.npy", "--metrics", "mean_norm", "--json", folder / "result.json", "--quiet", check=True
    )
    return folder


def start(*arguments, **options):
    """The command ``embedscope``, running; ``preexec_fn`` runs in it before."""
    before = options.pop("preexec_fn", None)

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts background jobs with interrupts ignored
        if before is not None:
            before()

    return subprocess.Popen(
        preexec_fn=prepare,  # noqa: PLW1509
        args=[*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def leftovers(folder: Path):
    """Names of what was being written under ``folder``."""
    return [str(p) for p in folder.rglob(".*.part")]
