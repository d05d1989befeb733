"""Options and Python names in README and docs exist, also in code blocks that are not run."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from embedscope.certification import candidates
from embedscope.certification.trade import trade_candidates
from embedscope.cli._app import app

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))
from code_blocks import commands, pages  # noqa: E402

PAGES = pages(ROOT)
VERBS = {
    name: {option for parameter in verb.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for name, verb in get_command(app).commands.items()
}
ALL = set().union(*VERBS.values()) | {"--help", "--version"}
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)


def spans(text: str) -> list[str]:
    """Code spans outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def unknown_options(words: list[str]) -> list[str]:
    """Options of ``embedscope VERB ...`` that the verb does not have."""
    if len(words) < 2 or words[1] not in VERBS:
        return []
    known = VERBS[words[1]] | {"--help", "-h"}
    return [w for w in words if re.match(r"--?[a-z]", w) and w.partition("=")[0] not in known]


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def imported_names(code: str) -> Iterator[str]:
    """Names of this package that a block of Python imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("embedscope"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            if dotted.startswith("embedscope."):
                yield dotted.partition("(")[0]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_options_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = []
    for language, code in FENCE.findall(text):
        if language == "sh" and code.lstrip().startswith("embedscope"):
            wrong += [bad for words, _ in commands(code) for bad in unknown_options(words)]
    for span in spans(text):
        if span.startswith("embedscope "):
            wrong += unknown_options(shlex.split(span.replace("|", " ")))
        elif span.startswith("--"):
            wrong += [name for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*", span) if name not in ALL]
    assert not [name for name in wrong if name not in OTHER_TOOLS.get(page.name, ())]


OTHER_TOOLS = {"engines.md": ("--nthreads",)}
"""Options of other programs, by page."""

ENTRY_POINT_GROUPS = {"embedscope.stores", "embedscope.store_writers"}
"""Names of groups that are no modules."""


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_python_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = [n for s in spans(text) for n in re.findall(r"^embedscope(?:\.[a-zA-Z_]\w*)+", s)]
    for language, code in FENCE.findall(text):
        if language == "python" and not code.lstrip().startswith('"""'):  # those are files of a plug-in
            names += imported_names(code)
    assert not [name for name in names if name not in ENTRY_POINT_GROUPS and not resolves(name)]


def test_what_is_wrong_is_found() -> None:
    assert unknown_options(["embedscope", "measure", "x.npy", "--on", "rg65"]) == ["--on"]
    assert not resolves("embedscope.measured") and resolves("embedscope.datasets.example_files")
    assert list(imported_names("from embedscope.core import gone\nembedscope.measure(x)")) == [
        "embedscope.core.gone",
        "embedscope.measure",
    ]


def test_the_page_of_repair_lists_what_auto_tries() -> None:
    table = (ROOT / "docs" / "repair.md").read_text(encoding="utf-8").split("| space | `auto` |")[1].split("\n\n")[0]
    one, _, pair, traded = [line for line in table.splitlines() if line.startswith("| ")]
    for names, listed in (
        (candidates.one_space(64), one),
        (candidates.pairs((64, 64), 500), pair),
        (trade_candidates(), traded),
    ):
        steps = {re.sub(r":[\d.]+", ":", name).partition(":")[0] for name in names}
        assert steps
        assert not [step for step in steps if f"`{step}" not in listed]
