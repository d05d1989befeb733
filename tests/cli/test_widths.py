"""What every verb prints fits a narrow and a usual terminal: nothing cut, no number broken, the verdict first."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from embedscope.cli import _app
from embedscope.core.errors import MissingExtraError
from embedscope.datasets import example_files
from embedscope.reports.progress import Bars

VERBS = [str(command.name) for command in _app.app.registered_commands]
WIDTHS = (60, 100)
JUDGED = "--queries queries.npy --qrels qrels.tsv"
BY_VERB: dict[str, tuple[str, ...]] = {
    "example": ("example NEW",),
    "list": tuple(f"list {kind}" for kind in ("models", "datasets", "metrics", "exports")),
    "measure": (
        "measure documents.npy",
        "measure documents.npy --explain",
        "measure --pair images.npy texts.npy --metrics modality_gap,isoscore",
    ),
    "evaluate": (
        f"evaluate {JUDGED} --corpus documents.npy",
        f"evaluate {JUDGED} --corpus documents.npy --explain q007",
    ),
    "diagnose": ("diagnose documents.npy", "diagnose --pair images.npy texts.npy --explain"),
    "check": ("check queries.npy --baseline baseline.json", "check queries.npy --baseline baseline.json --explain"),
    "compare": ("compare old.npy new.npy --explain",),
    "explore": ("explore documents.npy --projector NEW",),
    "repair": (f"repair documents.npy {JUDGED} --candidates center,whiten:16:ledoit-wolf --explain", "repair old.npy"),
    "migrate": ("migrate --old old.npy --new new.npy --candidates procrustes --explain",),
    "compress": ("compress documents.npy --candidates float16,first:16+binary+rescore --tolerance 0.1 --explain",),
    "apply": ("apply made.safetensors documents.npy repaired.npy --kind document",),
    "calibrate": (f"calibrate documents.npy {JUDGED} --explain",),
    "export": ("export made.safetensors --to numpy -o NEW.py",),
    "analogy": ("analogy gensim:words.txt one - two + three",),
    "reproduce": ("reproduce wolfe2022 --check-setup",),
    "report": ("report baseline.json",),
    "cache": ("cache",),
}
HELP_ALONE = {"quickstart", "mcp"}
"""Verbs that carry out a study or serve: only their help is printed here."""

AT_ONCE = {"example", "list"}
"""Verbs that never take two seconds."""

CODE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
NUMBER = re.compile(r"(?<![\w.:])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*\w)")
TIME = re.compile(r"[\d.,]+ s\b|\([\d,]+ per second\)")
COMMAND = ("$ ", "  embedscope ", "  tensorboard ", "next: ")
"""Lines that stay whole, so that they can be copied."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled example, a baseline, a repair, and words with their vectors."""
    folder = tmp_path_factory.mktemp("widths")
    example_files(folder)
    words = [
        f"{name} {i / 7:.3f} {1 - i / 5:.3f} {i * i / 9:.3f}" for i, name in enumerate(("one", "two", "three", "four"))
    ]
    (folder / "words.txt").write_text("\n".join(["4 3", *words]) + "\n", encoding="utf-8")
    for line in (
        "measure documents.npy --json baseline.json -q",
        f"repair documents.npy {JUDGED} -o made.safetensors -q",
    ):
        run(line, folder, 100)
    return folder


def run(line: str, folder: Path, width: int) -> str:
    """What the command prints on a terminal of ``width`` columns, without colours."""
    surroundings = {"COLUMNS": str(width), "FORCE_COLOR": "1", "EMBEDSCOPE_CACHE": str(folder / "cache")}
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = CliRunner(env=surroundings).invoke(
            _app.app, shlex.split(line.replace("NEW", f"{line.split(maxsplit=1)[0]}{width}"))
        )
    finally:
        os.chdir(before)
    if result.exit_code == MissingExtraError.exit_code:
        pytest.skip(f"{line}: {result.output.strip()}")
    assert result.exit_code in (0, 1), f"{line}: {result.output}"
    return CODE.sub("", result.stdout)


def numbers(text: str) -> set[str]:
    return set(NUMBER.findall(TIME.sub("", text)))


def test_every_verb_is_printed_here() -> None:
    assert {*BY_VERB, *HELP_ALONE} == set(VERBS)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bars]:
    """The progress that a command shows: a bar, and a line where two seconds pass without one."""
    begun: list[Bars] = []

    class Recorded(Bars):
        def __init__(self) -> None:
            super().__init__()
            begun.append(self)

    monkeypatch.setattr("embedscope.reports.progress.Bars", Recorded)
    return begun


@pytest.mark.parametrize("verb", BY_VERB)
def test_lines_fit_numbers_are_whole_and_progress_is_shown(verb: str, folder: Path, bars: list[Bars]) -> None:
    for line in BY_VERB[verb]:
        whole = numbers(run(line, folder, 400))
        for width in WIDTHS:
            text = run(line, folder, width)
            assert text.strip(), line
            # Commands and paths are copied, so that they stay in one piece.
            lines = [r for r in text.splitlines() if not r.startswith(COMMAND) and str(folder) not in r]
            assert [row for row in lines if cell_len(row) > width] == [], line
            assert "\N{HORIZONTAL ELLIPSIS}" not in text, line
            assert numbers(text) - whole == set(), f"{line}: numbers that a wide terminal does not show"
        assert bool(bars) is (verb not in AT_ONCE), f"{line}: no progress while it runs"
        bars.clear()


@pytest.mark.parametrize("verb", ["", *VERBS])
@pytest.mark.parametrize("width", WIDTHS)
def test_help_cuts_nothing(verb: str, width: int, folder: Path) -> None:
    text = run(f"{verb} --help".strip(), folder, width)
    assert max(cell_len(row) for row in text.splitlines()) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "--help" in text


@pytest.mark.parametrize(
    "line",
    [
        lines[-1]
        for verb, lines in BY_VERB.items()
        if verb in ("diagnose", "check", "compare", "repair", "migrate", "compress", "calibrate")
    ],
)
def test_the_verdict_comes_first(line: str, folder: Path) -> None:
    text = " ".join(run(f"{line} --json result.json", folder, 60).split())
    headline = json.loads((folder / "result.json").read_text(encoding="utf-8"))["document"]["headline"]["text"]
    assert 0 <= text.find(headline) < 100
