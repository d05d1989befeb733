"""``embedscope measure --pair`` as users run it."""

import json

import numpy as np
import pytest
from tests.commands import run_command

X = np.random.default_rng(4).standard_normal((60, 8)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "i.npy", X)
    np.save(tmp_path / "t.npy", np.repeat(X, 2, axis=0) + 0.1)
    (tmp_path / "i.txt").write_text("\n".join(map(str, range(60))))
    (tmp_path / "t.txt").write_text("\n".join(str(i // 2) for i in range(120)))
    return tmp_path


def test_pair_with_ids_as_json(folder):
    args = ["measure", "--pair", "i.npy", "t.npy", "--pair-ids", "i.txt", "t.txt", "--metrics", "recall,modality_gap"]
    done = run_command(*args, "--json", "-", cwd=folder)
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)["records"]
    assert {r["space"] for r in records} == {"image|text"}
    assert {r["metric"]: r["n"] for r in records}["recall@1.text_to_image"] == 120


def test_pair_as_a_table(folder):
    done = run_command("measure", "--pair", "i.npy", "i.npy", "--metrics", "paired_cosine,isoscore", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "paired_cosine" in done.stdout
    assert "isoscore" in done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["measure"], "nothing to measure: name a SOURCE, or two files with --pair A B"),
        (["measure", "i.npy", "--pair", "i.npy", "i.npy"], "give either a SOURCE or --pair A B"),
        (["measure", "--pair", "i.npy", "i.npy", "--transform", "center"], "--transform does not go with --pair"),
        (["measure", "--pair", "i.npy", "i.npy", "--precision", "fast"], "--pair is always exact"),
        (["measure", "i.npy", "--pair-ids", "i.txt", "i.txt"], "--pair-ids is about the two sides of --pair A B"),
        (["measure", "--pair", "i.npy", "t.npy"], "must have the same number of rows; got 60 and 120"),
        (["measure", "--pair", "i.npy", "t.npy", "--pair-ids", "no.txt", "t.txt"], "there is no file no.txt"),
    ],
)
def test_messages(folder, args, message):
    done = run_command(*args, cwd=folder)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
