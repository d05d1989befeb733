"""Named pipes wherever a file may be named: refused, never waited for (each test has a time limit)."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import embedscope
from embedscope.cli._app import app

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here"),
    pytest.mark.timeout(60),
]


@pytest.mark.parametrize(
    "command",
    [
        "measure minilm --texts PIPE",
        "measure x.npy --groups PIPE",
        "measure --pair x.npy x.npy --pair-ids PIPE PIPE",
        "diagnose x.npy --names PIPE",
        "diagnose x.npy --thresholds PIPE",
        "check x.npy --baseline PIPE",
        "repair x.npy --labels PIPE",
        "repair x.npy --scores PIPE",
        "repair --pair x.npy x.npy --pairs PIPE",
        "evaluate minilm --task sts:PIPE",
        "evaluate minilm --task analogy:PIPE",
        "evaluate minilm --task labels:PIPE",
        "evaluate --queries x.npy --corpus x.npy --qrels PIPE --query-ids PIPE",
        "evaluate minilm --queries PIPE.jsonl --corpus PIPE.jsonl --qrels PIPE",
        "compare x.npy x.npy --pair-ids PIPE PIPE",
        "calibrate x.npy --dedup --label-pairs PIPE",
        "apply PIPE x.npy y.npy",
        "report PIPE",
    ],
)
def test_a_pipe_is_refused(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).standard_normal((40, 4)))
    for name in ("PIPE", "PIPE.jsonl"):
        os.mkfifo(name)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, done.output
    assert "a named pipe" in done.stderr or "regular file" in done.stderr


def test_a_pipe_in_python(tmp_path):
    os.mkfifo(tmp_path / "p")
    with pytest.raises(embedscope.errors.InputError, match="a named pipe"):
        embedscope.repair(np.eye(40), labels=str(tmp_path / "p"))


def test_a_model_card_is_read_and_so_no_pipe(tmp_path):
    from embedscope.interchange.hub import put_model_card

    os.mkfifo(tmp_path / "p")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    result = embedscope.measure(np.random.default_rng(0).standard_normal((40, 4)), metrics=["mean_norm"])
    for place, said in (
        (tmp_path / "p", "a named pipe"),
        ("/dev/full", "a character device"),
        (tmp_path / "latin", "UTF-8"),
    ):
        with pytest.raises(embedscope.errors.InputError, match=said):
            put_model_card(result, place)


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="no file of the kernel here that makes its reader wait")
@pytest.mark.parametrize(
    "command", ["measure x.npy --groups {}.txt", "measure {}.csv", "measure {}.npy", "report {}.json"]
)
def test_a_file_of_the_kernel_is_refused(tmp_path, monkeypatch, command):
    """/proc/kmsg says that it is a regular file of 0 bytes, gives the messages so far, and then waits."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).standard_normal((40, 4)))
    for suffix in ("txt", "csv", "npy", "json"):
        Path(f"kernel.{suffix}").symlink_to("/proc/kmsg")
    done = CliRunner().invoke(app, command.format("kernel").split())
    assert done.exit_code == 2, done.output
    assert "is a file of the kernel, which may never end" in done.stderr or "is not a regular file" in done.stderr
    Path("kernel.csv").unlink()
    Path("kernel.csv").touch()
    assert "is empty (0 bytes)" in CliRunner().invoke(app, ["measure", "kernel.csv"]).stderr
