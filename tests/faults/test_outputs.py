"""One writer: devices, links, modes, inputs and full disks, for every kind of output."""

import importlib.util
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.commands import run_command
from tests.faults.conftest import leftovers
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.core import _leftovers
from embedscope.core.atomic import atomic_folder, atomic_path, scratch_folder, write_at, write_bytes, write_text
from embedscope.core.errors import InputError, OutputError
from embedscope.core.inputs import paths_in, reading


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_of_a_file_stays(tmp_path, mode):
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (mode, "new")


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_the_user_set(tmp_path, mask):
    old = os.umask(mask)
    try:
        write_text(tmp_path / "x", "new")
        with atomic_folder(tmp_path / "f") as part:
            (part / "y").write_text("y")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o777 & ~mask


def test_links_are_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "x").write_text("old")
    (tmp_path / "a").symlink_to("far/x")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "new").symlink_to("far/y")
    for name in ("a", "b", "new"):
        write_text(tmp_path / name, name)
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "far" / "x").read_text() == "b"
    assert (tmp_path / "far" / "y").read_text() == "new"
    assert not leftovers(tmp_path)


def test_a_circle_of_links_is_said(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "a", "x")


def test_devices_are_written_through():
    before = Path("/dev/null").stat()
    write_bytes("/dev/null", b"x" * 100_000)
    after = Path("/dev/null").stat()
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_ino, before.st_rdev, before.st_mode) == (after.st_ino, after.st_rdev, after.st_mode)
    with pytest.raises(OutputError, match="no space left on device; free some space"):
        write_bytes("/dev/full", b"x")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_pipe_gets_the_bytes_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_bytes(tmp_path / "pipe", b"y" * 300_000)
    reader.join(60)
    assert got == [b"y" * 300_000]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_pipe_that_nobody_reads_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("embedscope.core.atomic._PIPE_SECONDS", 0.2)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="no process reads this pipe"):
        write_bytes(tmp_path / "pipe", b"y")


@pytest.mark.parametrize("how", ["> {}", ">> {}", "| cat > {}"])
def test_standard_output_by_its_name(tmp_path, material, how):
    out = tmp_path / "out"
    command = f"{sys.executable} -m embedscope measure {material}/x.npy --metrics mean_norm -q --json /dev/stdout "
    subprocess.run(command + how.format(out), shell=True, check=True, timeout=100)
    assert json.loads(out.read_text())["records"][0]["metric"] == "mean_norm"


def test_folders_sockets_and_protected_files_are_refused(tmp_path):
    import socket

    with pytest.raises(InputError, match="is a folder; name the file"):
        write_text(tmp_path, "x")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(InputError, match="is a socket"):
            write_text(tmp_path / "s", "x")


def test_a_long_name_is_written(tmp_path):
    write_text(tmp_path / ("n" * 255), "x")
    write_text(tmp_path / ("ü" * 127), "x")
    with pytest.raises(OutputError, match="name too long"):
        write_text(tmp_path / ("n" * 256), "x")


def test_what_dead_processes_were_writing_goes(tmp_path, monkeypatch):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = _leftovers.aside_name("x.npy")
    old = mine.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    again = mine.replace(f"-{_leftovers.start_time(os.getpid())}.", "-1.")
    (tmp_path / old).write_text("left")
    (tmp_path / f"{old[:-5]}".replace("x.npy", "y")).write_text("not ours")
    (tmp_path / again).mkdir()
    (tmp_path / mine).write_text("being written")
    (tmp_path / ".user.part").write_text("the user's")
    write_text(tmp_path / "z", "z")
    assert not (tmp_path / old).exists()
    assert not (tmp_path / again).exists()
    assert {p.name for p in tmp_path.iterdir()} >= {mine, ".user.part", "z"}
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("option", ["--json", "--checkpoint", "--report"])
def test_a_path_of_a_thousand_folders_is_a_sentence(tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.ones((40, 4)))
    done = CliRunner().invoke(app, ["measure", "x.npy", "--metrics", "mean_norm", option, "a/" * 1800 + "o.html"])
    assert done.exit_code == 2, done.output
    assert "the path has too many folders" in done.stderr
    assert not list(tmp_path.glob("a"))


def test_scratch_goes_with_its_block():
    with scratch_folder("x") as folder:
        (folder / "a").write_text("a")
    assert not folder.exists()


def test_bytes_in_the_middle(tmp_path):
    write_at(tmp_path / "x", 0, b"abc")
    write_at(tmp_path / "x", 1, b"XYZ")
    assert (tmp_path / "x").read_bytes() == b"aXYZ"
    with pytest.raises(OutputError, match="no space left"):
        write_at("/dev/full", 0, b"x")


def test_another_error_of_the_block_is_not_ours(tmp_path):
    def failing(error):
        with atomic_path(tmp_path / "x"):
            raise error

    for error in (OSError(2, "No such file", "source.npy"), ValueError("nothing"), KeyError("x")):
        with pytest.raises(type(error)) as caught:
            failing(error)
        assert caught.value is error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("link", ["itself", "soft", "hard", "folder"])
def test_an_output_that_is_an_input_is_refused(tmp_path, link):
    source = tmp_path / "v" / "x.npy"
    source.parent.mkdir()
    np.save(source, np.zeros((3, 2)))
    before = source.read_bytes()
    out = {"itself": source, "folder": source}.get(link, tmp_path / "out.npy")
    if link == "soft":
        out.symlink_to(source)
    elif link == "hard":
        out.hardlink_to(source)
    with reading([source.parent if link == "folder" else source]):
        with pytest.raises(InputError, match="would be overwritten"):
            write_bytes(out, b"lost")
        write_text(tmp_path / "v" / "report.html", "fine")
    assert source.read_bytes() == before
    write_bytes(out, b"afterwards it is the user's own choice")


@pytest.mark.parametrize("below", ["", "deep/er"])
@pytest.mark.parametrize("link", ["soft", "hard"])
def test_a_file_that_is_read_by_a_link_in_a_folder_is_not_overwritten(tmp_path, link, below):
    source, folder = tmp_path / "x.npy", tmp_path / "v" / below
    source.write_bytes(b"vectors")
    folder.mkdir(parents=True)
    (folder / "nothing").symlink_to("nowhere")
    name = folder / "a.npy"
    name.symlink_to(source) if link == "soft" else name.hardlink_to(source)
    with reading([tmp_path / "v"]):
        with pytest.raises(InputError, match=r"x\.npy is the same file as .*a\.npy, which is read by this run"):
            write_bytes(source, b"lost")
        write_bytes(tmp_path / "y.npy", b"another")
        write_bytes(tmp_path / "y.npy", b"and again")
    assert source.read_bytes() == b"vectors"


@pytest.mark.parametrize(
    "form",
    ["{}", "{}::v", "{}?ids=id", "{}?ids=id&text=t::v", "{}::v?ids=id", "docs={}?ids=id", "sts:{}", "labels:{}?x"],
)
@pytest.mark.parametrize("name", ["x.parquet", "a::b.npy", "what?.npy", "k=v.npy"])
def test_an_input_is_known_in_every_form_that_names_it(tmp_path, form, name):
    source = tmp_path / name
    source.write_bytes(b"vectors")
    with reading(paths_in([form.format(source)])), pytest.raises(InputError, match="would be overwritten"):
        write_bytes(tmp_path / "." / name, b"lost")
    assert source.read_bytes() == b"vectors"


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_no_verb_overwrites_what_it_reads(material, tmp_path, option):
    source = tmp_path / "own.npy"
    np.save(source, np.random.default_rng(0).standard_normal((50, 4)))
    before = source.read_bytes()
    done = run_command("diagnose", f"{source}", option, source)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "would be overwritten" in done.stderr
    assert source.read_bytes() == before
    repair = tmp_path / "r.safetensors"
    repair.write_bytes((material / "r.safetensors").read_bytes())
    done = run_command("export", repair, "--to", "numpy", "--out", repair)
    assert done.returncode == 2
    assert repair.read_bytes() == (material / "r.safetensors").read_bytes()


def test_a_report_goes_through_a_device_and_not_into_a_file(material, tmp_path):
    """What is neither a folder nor ends in .html is a folder to make, but not where a device or a file is."""
    (tmp_path / "notes").write_text("mine")
    for place, code in (("/dev/null", 0), (tmp_path / "notes", 2)):
        done = run_command("measure", material / "x.npy", "--metrics", "mean_norm", "-q", "--report", place)
        assert done.returncode == code, done.stderr
    assert "is a file; name a new folder" in done.stderr
    assert (tmp_path / "notes").read_text() == "mine"


def test_two_outputs_of_one_name_are_refused(material, tmp_path):
    done = run_command("report", material / "result.json", "--csv", tmp_path / "x", "--latex", tmp_path / "x")
    assert done.returncode == 2
    assert "both name" in done.stderr


def _has(*modules):
    return all(importlib.util.find_spec(m) for m in modules)


EXPORTS = [
    pytest.param(("apply", "R", "X", "out.npy"), id="npy"),
    pytest.param(("apply", "R", "X", "out.safetensors"), id="safetensors"),
    pytest.param(("apply", "R", "X", "out.parquet"), id="parquet"),
    pytest.param(
        ("export", "R", "--to", "faiss", "-o", "out.index"),
        id="faiss",
        marks=pytest.mark.skipif(not _has("faiss"), reason="extra faiss is not installed"),
    ),
    pytest.param(
        ("export", "R", "--to", "onnx", "-o", "out.onnx"),
        id="onnx",
        marks=pytest.mark.skipif(not _has("onnx"), reason="extra onnx is not installed"),
    ),
    pytest.param(("measure", "X", "-q", "--metrics", "mean_norm", "--json", "out.json"), id="json"),
    pytest.param(("report", "RESULT", "-q", "--out", "out.html"), id="html"),
    pytest.param(("report", "RESULT", "-q", "--out", "/dev/null", "--csv", "out.csv"), id="csv"),
    pytest.param(("report", "RESULT", "-q", "--out", "/dev/null", "--parquet", "out.parquet"), id="records"),
    pytest.param(("list", "metrics", "--json", "out.json"), id="list"),
]


def _arguments(arguments, material, folder):
    known = {"R": material / "r.safetensors", "X": material / "x.npy", "RESULT": material / "result.json"}
    return [folder / a if a.startswith("out.") else known.get(a, a) for a in arguments]


def _check_refusal(done, out, before):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("embedscope: ")]
    assert len(lines) == 1
    assert "cannot write" in lines[0]
    assert out.read_bytes() == before
    assert not leftovers(out.parent)


@pytest.mark.parametrize("arguments", EXPORTS)
def test_a_full_disk_keeps_the_old_file(small_disk, material, arguments):
    (out,) = (a for a in _arguments(arguments, material, small_disk) if Path(a).parent == small_disk)
    out.write_bytes(b"old")
    with (small_disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(b"x" * 4096)
    done = run_command(
        *_arguments(arguments, material, small_disk), env=os.environ | {"TMPDIR": str(small_disk.parent)}
    )
    _check_refusal(done, out, b"old")


@pytest.mark.parametrize("arguments", EXPORTS)
def test_a_limit_on_the_size_of_files_keeps_the_old_file(tmp_path, material, arguments):
    (out,) = (a for a in _arguments(arguments, material, tmp_path) if Path(a).parent == tmp_path)
    out.write_bytes(b"old")
    _check_refusal(run_command(*_arguments(arguments, material, tmp_path), max_file_bytes=100), out, b"old")


def test_a_full_disk_under_standard_output(material):
    for arguments in (("measure", material / "x.npy", "--metrics", "mean_norm", "--json", "-"), ("list", "metrics")):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "embedscope", *map(str, arguments)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=100,
            )
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert "no space left on device" in done.stderr


def test_a_checkpoint_on_a_full_disk_is_a_sentence(small_disk, material):
    done = run_command("measure", material / "x.npy", "-q", "--checkpoint", small_disk / "kept")
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
    assert "no space left on device" in done.stderr
