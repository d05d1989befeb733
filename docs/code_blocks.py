"""The code blocks of a page: read, run from top to bottom in one folder, and their output compared or written anew.

A block of ``python``, or of ``sh`` with lines that start with ``embedscope``, is run. A ``text`` block right after it
is its standard output; a line ``...`` there stands for any number of lines. A comment ``# exit code N`` behind a
command says which exit code it has. HTML comments in the line above a fence say more:

- ``<!-- not run: REASON -->``: this block cannot run here;
- ``<!-- needs: models -->``: it needs the models that install from PyPI;
- ``<!-- output: N lines -->``, above a ``text`` block: only the first N lines are shown.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

_FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^>]*?) -->\n)?```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.M | re.S
)
_SPEED = re.compile(r"in [\d.]+ s \([\d,]+ (?:a|per) second\)")  # differs from run to run
COLUMNS = "100"


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, what it holds and what is said about it."""

    language: str
    code: str
    line: int
    mark: str = ""
    output: Block | None = None
    span: tuple[int, int] = field(default=(0, 0), repr=False)

    @property
    def not_run(self) -> str:
        """Why it is not run; empty where it is."""
        return self.mark.removeprefix("not run: ") if self.mark.startswith("not run: ") else ""

    @property
    def needs_models(self) -> bool:
        """Whether it needs the models that install from PyPI."""
        return self.mark == "needs: models"


def commands(code: str) -> list[tuple[list[str], int]]:
    """Words and exit code of each command of a ``sh`` block.

    >>> commands("embedscope list metrics  # all of them")
    [(['embedscope', 'list', 'metrics'], 0)]
    """
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            code_said = re.search(r"#.*\bexit code (\d+)", line)
            found.append((words, int(code_said[1]) if code_said else 0))
    return found


def _is_code(match: re.Match[str]) -> bool:
    if match["language"] == "python":
        return "title=" not in match["info"]  # files of CONTRIBUTING.md, which have a test of their own
    first = next((line for line in match["code"].splitlines() if line.strip() and not line.startswith("#")), "")
    return match["language"] in {"sh", "bash", "console"} and first.startswith("embedscope")


def blocks(text: str) -> list[Block]:
    """The blocks of a page that hold code, each with the output that is said to follow."""
    made = []
    for match, after in pairwise([*_FENCE.finditer(text), None]):
        if match is None or not _is_code(match):
            continue
        output = None
        if after and after["language"] == "text" and not text[match.end() : after.start()].strip():
            output = Block("text", after["code"], 0, after["mark"] or "", span=after.span("code"))
        line = text.count("\n", 0, match.start("code"))
        made.append(Block(match["language"], match["code"], line, match["mark"] or "", output, match.span("code")))
    return made


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, {"COLUMNS": COLUMNS, "NO_COLOR": "1", "TERM": "dumb"}):
            yield
    finally:
        os.chdir(before)


def _run_command(words: list[str], wanted: int, where: str) -> str:
    from typer.testing import CliRunner

    from embedscope.cli._app import app

    if words[0] != "embedscope":
        raise AssertionError(f"{where}: only embedscope is run here, got {words[0]}; put it into a block of its own")
    with mock.patch.object(sys, "argv", words):
        done = CliRunner().invoke(app, words[1:], prog_name="embedscope")
    if done.exit_code != wanted:
        error = "" if isinstance(done.exception, SystemExit) else repr(done.exception)
        raise AssertionError(f"{where}: {shlex.join(words)} gave exit code {done.exit_code}: {done.stderr}{error}")
    return done.stdout


def _run_python(code: str, space: dict[str, Any], where: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, where, "exec"), space)
    return printed.getvalue()


def run_page(text: str, folder: Path, *, name: str, models: bool) -> list[tuple[Block, str]]:
    """Each block that was run, with what it printed, in ``folder``, which is empty; ``models`` runs those too."""
    space: dict[str, Any] = {"__name__": "__page__"}
    done = []
    with _inside(folder):
        for block in blocks(text):
            if block.not_run or (block.needs_models and not models):
                continue
            where = f"{name}:{block.line}"
            if block.language == "python":
                printed = _run_python(block.code, space, where)
            else:
                printed = "".join(_run_command(words, code, where) for words, code in commands(block.code))
            done.append((block, _tidy(printed)))
    return done


def _tidy(text: str) -> str:
    lines = (line.rstrip() for line in _SPEED.sub("in 0.0 s", text).strip("\n").splitlines())
    return "\n".join(lines).strip("\n")


def matches(wanted: str, printed: str) -> bool:
    """Whether ``printed`` is what the page says; a line ``...`` stands for any lines.

    >>> matches("a\\n...\\nd", "a\\nb\\nc\\nd"), matches("a\\n...", "b")
    (True, False)
    """
    lines = _tidy(wanted).split("\n")
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in lines)
    return re.fullmatch(pattern, _tidy(printed) + "\n") is not None


def _show(mark: str, printed: str) -> str:
    lines = printed.splitlines()
    count = re.fullmatch(r"output: (\d+) lines", mark)
    if count and len(lines) > int(count[1]):
        lines = [*lines[: int(count[1])], "..."]
    return "\n".join(lines) + "\n"


def with_new_outputs(text: str, folder: Path, *, name: str) -> str:
    """The page with every output as it is now."""
    for block, printed in reversed(run_page(text, folder, name=name, models=True)):
        if block.output is not None:
            start, end = block.output.span
            text = text[:start] + _show(block.output.mark, printed) + text[end:]
    return text


def pages(root: Path) -> list[Path]:
    """README, CONTRIBUTING and every page of the docs, without those that are generated."""
    return [
        root / "README.md",
        root / "CONTRIBUTING.md",
        *(p for p in sorted((root / "docs").glob("*.md")) if p.name not in {"cli.md", "api.md"}),
    ]
