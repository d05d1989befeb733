"""What strangers pass by mistake: each verb refuses it in one sentence, and decides nothing from empty rows."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope import calibrate, compare, compress, evaluate, migrate
from embedscope.cli._app import app
from embedscope.core.errors import EmbedscopeError

N, DIM = 300, 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with vectors, good and bad; every command of this file writes nothing."""
    here = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, DIM)).astype(np.float32)
    holed = x.copy()
    holed[5] = np.nan
    vectors = {
        "good": x, "other": rng.normal(size=(N, DIM)), "narrow": x[:, :8], "short": x[1:], "ten": x[:10], "one": x[:1],
        "none": x[:0], "nan": holed, "equal": np.ones((N, DIM)), "zero": np.zeros((N, DIM)), "sign": x[:, :1],
        "queries": x[:60], "huge": x.astype(np.float64) * 1e200,
    }  # fmt: skip
    for name, rows in vectors.items():
        np.save(here / f"{name}.npy", rows)
        (here / f"{name}.ids.txt").write_text("".join(f"{i}\n" for i in range(len(rows))))
    (here / "qrels.tsv").write_text("".join(f"{i}\t{i}\t1\n" for i in range(60)))
    (here / "foreign.tsv").write_text("".join(f"q{i}\td{i}\t1\n" for i in range(60)))
    (here / "first.tsv").write_text("0\t0\t1\n")
    (here / "two.txt").write_text("a\nb\n")
    (here / "same.txt").write_text("a\n" * N)
    (here / "empty.npy").touch()
    (here / "texts.tsv").write_text("a cat\tthe cat\t4.5\na dog\tthe house\t1\n")
    return here


@pytest.fixture(autouse=True)
def inside(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)


UNREADABLE = {
    "god.npy": "did you mean good.npy?",
    "empty.npy": "is empty (0 bytes)",
    "none.npy": "at least one row",
    "nan.npy": "nan or inf in 1 of 300 rows read, first in row 5",
    "huge.npy": "squares overflow",
}
ONE_FOR_ALL = {"equal.npy": "have the same direction", "zero.npy": "are zero", "sign.npy": "has one dimension"}
VERBS = {
    "migrate": "migrate --old {} --new good.npy -o out.safetensors",
    "compress": "compress {} -o out.safetensors",
    "calibrate": "calibrate {} -o out.json",
    "compare": "compare {} good.npy",
}


def check_refusal(command: str, advice: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, (done.exit_code, done.stdout, done.exception)
    assert isinstance(done.exception, SystemExit)
    assert advice in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("embedscope: ")]
    assert len(sentence) < 400
    assert not list(Path().glob("out.*"))


@pytest.mark.parametrize(("verb", "file"), list(itertools.product(VERBS, UNREADABLE)))
def test_a_file_that_holds_no_vectors(verb: str, file: str) -> None:
    check_refusal(VERBS[verb].format(file), UNREADABLE[file])


@pytest.mark.parametrize(("verb", "file"), list(itertools.product(VERBS, ONE_FOR_ALL)))
def test_rows_that_no_cosine_tells_apart(verb: str, file: str) -> None:
    if (verb, file) == ("compare", "zero.npy"):
        check_refusal("compare zero.npy good.npy", "at least 12 rows that are not zero")
    else:
        check_refusal(VERBS[verb].format(file), ONE_FOR_ALL[file])


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("migrate --old ten.npy --new ten.npy -o out.st", "pass 250 rows"),
        ("migrate --old one.npy --new one.npy -o out.st", "pass 250 rows"),
        ("migrate --old good.npy --new good.npy -o good.npy", "would be overwritten"),
        ("migrate --old good.npy --new good.npy --old-queries queries.npy", "add --new-queries"),
        ("migrate --old good.npy --new good.npy --new-queries queries.npy --qrels foreign.tsv", "they name 'q0' and"),
        ("migrate --old good.npy --new good.npy --candidates procrusts", "did you mean 'procrustes'?"),
        ("migrate --old good.npy --new good.npy --max-eval-rows 1", "at least 200"),
        ("migrate --old good.npy --new good.npy --groups same.txt", "form 1 unit of evidence"),
        ("migrate --old good.npy --new good.npy --layers 3", "are for models"),
        ("compress ten.npy", "pass some hundred more rows"),
        ("compress good.npy -o good.npy", "would be overwritten"),
        ("compress good.npy --candidates int9", "did you mean 'int8'? take one of"),
        ("compress good.npy --layers 3", "are for models"),
        ("compress good.npy --tolerance nan", "between 0 and 1"),
        ("compress good.npy --pca-on narrow.npy", "have 8 dimensions, the index 16"),
        ("compress good.npy --queries queries.npy --qrels foreign.tsv", "first 'q0'; its ids look like '0'"),
        ("export absent.safetensors --to sql", "absent.safetensors is not a saved repair (no such file"),
        ("repair good.npy --labels same.txt --candidates center,abtt:0", "'abtt:0' needs a whole number above 0"),
        ("compress good.npy --candidates pq:0", "needs the number of bytes of a row"),
        ("calibrate ten.npy", "90 unrelated pairs are too few"),
        ("calibrate one.npy", "add rows"),
        ("calibrate good.npy --labels same.txt", "check groups and labels"),
        ("calibrate good.npy --labels two.txt", "2 labels for 300 rows"),
        ("calibrate good.npy --recall 0.9", "needs labels"),
        ("calibrate --pair good.npy narrow.npy", "16 and 8 dimensions"),
        ("compare good.npy short.npy", "got 300 and 299"),
        ("compare good.npy equal.npy", "have the same direction"),
        ("compare ten.npy ten.npy", "at least 12 rows"),
        ("evaluate --queries queries.npy --corpus good.npy --qrels qrels.tsv --explain 99", "no query has the id '99'"),
        ("evaluate --queries queries.npy --corpus narrow.npy --qrels qrels.tsv --explain 5", "queries have 16 dim"),
        ("evaluate --queries queries.npy --corpus equal.npy --qrels qrels.tsv --explain 5", "have the same direction"),
        ("evaluate --queries queries.npy --corpus one.npy --qrels first.tsv --explain 0", "add documents"),
        ("evaluate good.npy --names two.txt --task sts:texts.tsv", "2 names for 300 vectors"),
        ("evaluate good.npy --task stss:texts.tsv", "unknown kind of task 'stss'; did you mean 'sts'?"),
        ("evaluate good.npy --task sts:good.npy", "is not UTF-8 text"),
        ("reproduce liang2022 --check-setup --models nope", "unknown model of liang2022 'nope'; take one of CLIP"),
        ("reproduce objectives2026 --check-setup --models causl", "unknown model of objectives2026 'causl'"),
        ("reproduce objectives2026 --check-setup --as foo=bar", "leave out --as"),
        ("reproduce wolfe2022 --check-setup --transform centr", "did you mean 'center'?"),
        ("reproduce drift2025 --check-setup --transform center", "--transform means nothing to drift2025"),
        ("reproduce drift2024 --check-setup", "did you mean 'drift2025'?"),
        ("mcp --folder nowhere", "is not a folder"),
        ("explore one.npy --export out", "at least three rows"),
    ],
)  # fmt: skip
def test_one_sentence(command: str, advice: str) -> None:
    if command.startswith("explore"):
        pytest.importorskip("embedding_atlas", reason="extra explore is not installed")
    check_refusal(command, advice)


def test_arrays_are_refused_as_files_are() -> None:
    x, flat = np.load("good.npy"), np.ones((N, DIM))
    for call in (
        lambda: migrate(flat, x),
        lambda: compress(flat),
        lambda: calibrate(flat),
        lambda: compare(flat, x),
        lambda: evaluate(queries={"0": x[0]}, corpus={"0": x[0]}, qrels={"0": {"0": 1}}, explain="0"),
    ):
        with pytest.raises(EmbedscopeError):
            call()


def test_no_bridge_between_unrelated_spaces() -> None:
    command = "migrate --old good.npy --new other.npy --candidates procrustes,ridge -o out.safetensors"
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1, done.stderr
    assert "re-embed" in done.stdout
    assert not Path("out.safetensors").exists()


def test_labels_without_a_match_leave_the_unrelated_pairs() -> None:
    outcome = calibrate(np.load("good.npy"), labels=[str(i) for i in range(N - 1)] + ["0"])
    assert not outcome.calibration.thresholds
