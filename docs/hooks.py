"""Hooks of the site: pages that live at the root of the repository, and links that leave the docs.

The changelog, the architecture, the recipes for contributors and the benchmarks stay where GitHub shows them. They are
pages of the site too, with links rewritten; nothing is copied by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "BENCHMARKS.md": "benchmarks.md",
    "README.md": "index.md",
}
_LINK = re.compile(r"\]\((?!https?:|#)(?:\.\./)?([^)#\s]+)(#[^)\s]*)?\)")
_FILE = re.compile(r"\[([^\]]+)\]\((?:\.\./)?(?:CITATION\.cff|LICENSE)\)")
_MARK = re.compile(r"^<!-- (?:not run|needs|output|setup)\b.*?-->\n", re.M | re.S)


def site_links(text: str) -> str:
    """``text`` with links to pages by their place in the repository turned into links within the site."""

    def rewrite(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        name = PAGES.get(target, target.removeprefix("docs/"))
        return f"]({name}{anchor})"

    return _LINK.sub(rewrite, _FILE.sub(r"`\1`", text))


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie at the root."""
    for source, name in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if name == "index.md":
            text = f"---\nhide: [navigation]\n---\n\n{text}"
        files.append(File.generated(config, name, content=site_links(text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links out of ``docs`` and the marks of code blocks that are for the test runner."""
    return _MARK.sub("", site_links(markdown))
