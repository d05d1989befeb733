"""The examples of --help run as they stand, on the bundled files and on what the verbs before wrote."""

from __future__ import annotations

import os
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embedscope.cli import _app
from embedscope.datasets import example_files

ORDER = (
    "example",
    "list",
    "measure",
    "evaluate",
    "diagnose",
    "check",
    "compare",
    "explore",
    "repair",
    "compress",
    "apply",
    "export",
    "report",
    "cache",
)
MODELS = ("minilm", "quickstart", "reproduce")
SERVES = "embedscope explore documents.npy"
"""Serves a page until it is interrupted; `tests/explorer` opens one."""


def examples(verb: str) -> tuple[str, ...]:
    return tuple(import_module(f"embedscope.cli.{verb}").EXAMPLES)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and output of every example that needs no model, run in one folder in the order of a first visit."""
    home, found = Path.cwd(), {}
    folder = tmp_path_factory.mktemp("examples")
    os.environ["EMBEDSCOPE_CACHE"], before = str(folder / "cache"), os.environ.get("EMBEDSCOPE_CACHE")
    os.chdir(folder)
    try:
        example_files(".")
        for line in (
            line for verb in ORDER for line in examples(verb) if not any(m in line for m in MODELS) and line != SERVES
        ):
            result = CliRunner().invoke(_app.app, shlex.split(line)[1:])
            found[line] = result.exit_code, result.output
    finally:
        os.chdir(home)
        if before is None:
            del os.environ["EMBEDSCOPE_CACHE"]
        else:
            os.environ["EMBEDSCOPE_CACHE"] = before
    return found


@pytest.mark.parametrize("verb", ORDER)
def test_every_example_runs(verb: str, outputs: dict[str, tuple[int, str]]) -> None:
    ran = [line for line in examples(verb) if line in outputs]
    assert ran, "no example of this verb runs without a model"
    for line in ran:
        code, said = outputs[line]
        if code == 3:
            pytest.skip(f"{line}: {said.strip()[-160:]}")
        # what is diagnosed has planted faults, which are found: exit code 1
        assert code == (1 if verb == "diagnose" else 0), f"{line}: {said[-300:]}"


def test_every_verb_shows_two() -> None:
    verbs = [c.name for c in _app.app.registered_commands]
    assert {verb: len(examples(str(verb))) for verb in verbs} == dict.fromkeys(verbs, 2)
