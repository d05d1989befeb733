"""Write the generated parts of the docs, or check with --check that they are up to date."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "docs" / "cli.md"
INTRO = """# Command line

Generated from the program's own help by `make docs`; checked in CI.
"""


def help_pages() -> str:
    """Help of every verb, as the program prints it at 100 columns."""
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    os.environ.pop("EMBEDSCOPE_DATA", None)
    from typer.testing import CliRunner

    from embedscope.cli._app import app

    runner = CliRunner()
    verbs = [c.name or c.callback.__name__ for c in app.registered_commands]
    pages = [INTRO]
    for verb in ["", *verbs]:
        text = runner.invoke(app, [*filter(None, [verb]), "--help"], prog_name="embedscope").output
        body = "\n".join(line.rstrip() for line in text.strip().splitlines())
        pages.append(f"## embedscope {verb}".rstrip() + f"\n\n```text\n{body}\n```\n")
    return "\n".join(pages)


def main() -> int:
    """Exit status: 1 where a page is out of date."""
    text = help_pages()
    if "--check" not in sys.argv:
        CLI.write_text(text, encoding="utf-8")
        return 0
    if not CLI.is_file() or CLI.read_text(encoding="utf-8") != text:
        print("docs/cli.md is out of date; run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
