"""What the site changes in pages and docstrings: links between the repository and the site, doctests as code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

for package in ("mkdocs", "griffe"):
    pytest.importorskip(package, reason="the extra docs is not installed")

ROOT = Path(__file__).resolve().parents[2]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("written", "on_the_site"),
    [
        ("[a](docs/measure.md)", "[a](measure.md)"),
        ("[a](docs/diagnose.md#exit-codes)", "[a](diagnose.md#exit-codes)"),
        ("[a](../BENCHMARKS.md)", "[a](benchmarks.md)"),
        ("[a](ARCHITECTURE.md)", "[a](architecture.md)"),
        ("[a](CITATION.cff)", "`a`"),
        ("[a](https://example.org/docs/x.md)", "[a](https://example.org/docs/x.md)"),
        ("[a](#here)", "[a](#here)"),
    ],
)
def test_links(written: str, on_the_site: str) -> None:
    assert _load("hooks").site_links(written) == on_the_site


def test_marks_of_code_blocks_are_not_shown() -> None:
    page = "<!-- not run: takes hours -->\n```sh\nembedscope quickstart\n```\n"
    assert _load("hooks").on_page_markdown(page) == "```sh\nembedscope quickstart\n```\n"


def test_doctests_become_code_and_meanings_text() -> None:
    readable = _load("docstrings").readable
    assert readable("F.\n\n>>> f(1)\n['a']\n\nMore.") == "F.\n\n```pycon\n>>> f(1)\n['a']\n```\n\nMore."
    assert readable("x : array, or ``names``\n    The :class:`~a.B`.") == "x\n    array, or ``names``\n    The `a.B`."
    assert (
        readable("a, b : of both,\n    here\nc : of c\n")
        == "a\n    of both,\n    here\nb\n    of both,\n    here\nc\n    of c\n"
    )


def test_a_list_begins_after_an_empty_line_as_the_site_wants_it() -> None:
    """Elsewhere Markdown takes a list right after a paragraph; the site would run it into the paragraph."""
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in _load("hooks").PAGES)]
    assert len(pages) > 40
    run_in = []
    for page in pages:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        lines = text.split("\n")
        for i, line in enumerate(lines[1:], 1):
            before = lines[i - 1]
            plain = before.strip() and not before.startswith((" ", "- ", "#", "|", "<!--")) and not before[0].isdigit()
            if line.startswith("- ") and plain:
                run_in.append(f"{page.name}: {before}")
    assert run_in == []
