"""Named pipes wherever a file may be named: refused, never waited for (each test has a time limit)."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import embedscope
from embedscope.cli._app import app
from embedscope.core.cache import LostChunkError, VectorCache, text_key

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
        "export PIPE --to numpy",
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


def _checkpoint(name):
    run = ["measure", "x.npy", "--metrics", "mean_norm", "--checkpoint", "kept"]
    assert CliRunner().invoke(app, run).exit_code == 0
    (file,) = Path("kept").glob(f"*/{name}")
    file.unlink()
    os.mkfifo(file)
    return run


@pytest.mark.parametrize("name", ["manifest.json", "blocks.bin", "*.safetensors"])
def test_a_pipe_in_a_checkpoint_is_damage(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).standard_normal((40, 4)))
    done = CliRunner().invoke(app, _checkpoint(name))
    assert done.exit_code == 0, done.output
    assert "is damaged" in done.stderr
    assert "a named pipe" in done.stderr
    assert CliRunner().invoke(app, _checkpoint("manifest.json")).exit_code == 0  # which is a regular one again


def test_a_folder_in_place_of_a_file_of_a_checkpoint_is_damage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).standard_normal((40, 4)))
    run = _checkpoint("manifest.json")
    (file,) = Path("kept").glob("*/manifest.json")
    file.unlink()
    file.mkdir()
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 0, done.output
    assert "is damaged" in done.stderr


@pytest.mark.parametrize(
    ("pipe", "command"),
    [
        ("model/model.safetensors", "measure model --texts texts.txt"),
        ("model/tokenizer.json", "measure model --texts texts.txt"),
        ("model/1_Pooling/config.json", "measure st:model --texts texts.txt"),
        ("model/onnx/model.onnx", "measure onnx:model --texts texts.txt"),
        ("v.zarr/zarr.json", "measure v.zarr"),
        ("v.zarr/.zarray", "measure v.zarr"),
        ("v.zarr/c/0/0", "measure v.zarr"),
        ("store/docs.lance/_versions/1.manifest", "measure lancedb:store/docs"),
        ("store/chroma.sqlite3", "measure chroma:store/docs"),
        ("store/collection/docs/storage.sqlite", "measure qdrant:store/docs"),
        ("shards/b.npy", "measure shards"),
        ("shards/below/b.npy", "measure shards/below"),
    ],
)
def test_a_pipe_in_a_folder_is_refused(tmp_path, monkeypatch, pipe, command):
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("one\ntwo\n")
    for folder in ("model", "shards"):
        Path(folder).mkdir()
    Path("model/config.json").write_text("{}")
    np.save("shards/a.npy", np.ones((40, 4)))
    Path(pipe).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, done.output
    assert "is a named pipe, not a regular file" in done.stderr


def test_a_link_to_nothing_among_shards_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shards").mkdir()
    np.save("shards/a.npy", np.ones((40, 4)))
    Path("shards/b.npy").symlink_to("elsewhere.npy")
    done = CliRunner().invoke(app, ["measure", "shards"])
    assert done.exit_code == 2, done.output
    assert "there is no file shards/b.npy" in done.stderr


def test_a_pipe_in_the_cache_is_a_chunk_that_is_gone(tmp_path):
    cache = VectorCache(tmp_path)
    keys = [text_key(word) for word in ("one", "two")]
    cache.put("model", keys, {"final": np.ones((2, 3), np.float32)})
    (chunk, _) = cache.find("model", keys)[keys[0]]
    (file,) = tmp_path.rglob(f"{chunk}*")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(LostChunkError):
        cache.read(chunk, "final")
    assert cache.find("model", keys) == {}
