"""Typical mistakes of a newcomer: each gets one sentence that says what to do."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from typer.testing import CliRunner

import embedscope
from embedscope.cli._app import app
from embedscope.datasets import example_files


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    example_files("example")


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("measure example/document.npy", "did you mean example/documents.npy?"),
        ("measur example/documents.npy", "there is no verb 'measur'; did you mean measure? `embedscope --help`"),
        ("measure example/documents.npy --precision fsat", "--precision is 'fsat', wanted one of exact, fast; did you"),
        ("measure example/documents.npy --seed x", "a valid integer"),
        ("measure example/documents.npy --max-rows -3", "--max-rows "),
        ("measure example/documents.npy --seed", "requires an argument"),
        ("export x.safetensors --to fais", "did you mean faiss? `embedscope export --help` shows all options"),
        ("apply x.safetensors", "`embedscope apply` lacks IN"),
        ("list", "`embedscope list` lacks KIND, one of models, datasets"),
        ("explore example/documents.npy --map umpa", "did you mean umap?"),
        ("explore example/documents.npy --kind text --export o", "--kind is the role of the vectors in --repair FILE"),
        ("explore example/documents.npy --export example", "example is there already; name a new folder"),
        ("explore nothing.npy --projector example", "example is there already; name a new folder"),
        ("measure example/documents.npy --metrics isocore", "did you mean 'isoscore'?"),
        ("measure example/documents.npy --metric isoscore", "--metrics"),
        ("measure example/documents.npy --layers 3", "leave out --layers"),
        ("measure example", "name those meant: 'example/*.npy'"),
        (
            "measure example/documents.npy --report x.docx",
            "a .docx file, and a report is one HTML page or a folder; name x.html or a new folder",
        ),
        (
            "diagnose example/documents.npy --report x.JSON",
            "name x.html or a new folder (--json FILE writes the numbers)",
        ),
        ("reproduce wolfe2022 --out x.pdf", "or a new folder (a browser prints the page as PDF)"),
        ("report x.json --out x.md", "a report is one HTML page; name x.html (--format markdown prints Markdown)"),
        ("measure minilm --images /", "/ is the root of the file system; name the folder"),
        ("measure example/documents.npy --memory 5", "a size such as 512MB or 2GiB, got '5', which is 5 bytes"),
        ("measure /", "/ is the root of the file system; name the folder or the file that holds the vectors"),
        ("measure minlm", "add --texts DATASET"),
        (
            "evaluate --queries example/documents.npy --corpus example/queries.npy --qrels example/qrels.tsv",
            "swap the two (--queries and --corpus)",
        ),
        ("evaluate --queries example/queries.npy --corpus example/documents.npy", "--qrels is missing"),
        ("diagnose --pair example/images.npy -q", "the second is missing before -q"),
        (
            "diagnose --pair example/documents.npy example/queries.npy",
            "must have the same number of rows; got 400 and 200",
        ),
        ("diagnose", "give either a SOURCE or --pair A B"),
        ("check example/documents.npy --baseline example/qrels.tsv", "pass the result.json of a run"),
        ("apply example/documents.npy example/documents.npy out.npy", "pass a file that `embedscope repair`"),
        (
            "repair example/documents.npy --queries example/queries.npy -o x.safetensors",
            "need both --queries and --qrels",
        ),
        ("evaluate minilm --tasks rg6", "did you mean 'rg65'?"),
        ("reproduce wolfe --out o", "did you mean 'wolfe2022'?"),
    ],
)
def test_the_message_says_what_to_do(command: str, advice: str) -> None:
    done = CliRunner().invoke(app, command.split())
    if done.exit_code == 3:
        pytest.skip(done.stderr.strip())
    assert done.exit_code == 2
    assert advice in done.stderr
    assert "Traceback" not in done.stderr
    assert "─" not in done.stderr, "no box of a framework"
    assert len(done.stderr.strip().splitlines()[-1]) < 420


def test_the_example_may_be_written_again() -> None:
    done = CliRunner().invoke(app, ["example"])  # the folder is there: its default value names what this run writes
    assert done.exit_code == 0, done.stderr
    Path("example/qrels.tsv").unlink()
    assert CliRunner().invoke(app, ["example"]).exit_code == 0
    assert Path("example/qrels.tsv").is_file()


VERBS_OF_MODELS = (
    "measure",
    "diagnose",
    "check",
    "compare",
    "explore",
    "evaluate",
    "repair",
    "migrate",
    "compress",
    "calibrate",
    "analogy",
)


@pytest.mark.parametrize("verb", VERBS_OF_MODELS)
def test_every_verb_that_opens_a_model_can_accept_a_cost(verb: str) -> None:
    """The message of a paid server names this option, of the command line and of Python."""
    done = CliRunner().invoke(app, [verb, "--help"])
    assert "--yes" in done.output
    assert "yes" in inspect.signature(getattr(embedscope, verb)).parameters


def test_prompts_are_for_queries_and_documents() -> None:
    done = CliRunner().invoke(app, ["diagnose", "example/documents.npy", "--query-prompt", "q: "])
    assert done.exit_code == 2
    assert "--query-prompt is for a model that reads --texts as documents of --queries" in done.stderr
