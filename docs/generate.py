"""Write the generated parts of the docs, or check with --check that they are up to date.

``--outputs`` writes the outputs of all code blocks of README and docs anew, as the program gives them now.
"""

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


def write_outputs() -> None:
    """Run every page in a folder of its own and put what is printed where the page says."""
    import tempfile

    from code_blocks import pages, with_new_outputs

    os.environ.pop("EMBEDSCOPE_DATA", None)
    for page in pages(ROOT):
        with tempfile.TemporaryDirectory() as folder:
            old = page.read_text(encoding="utf-8")
            new = with_new_outputs(old, Path(folder), name=page.name)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: outputs written anew")


def main() -> int:
    """Exit status: 1 where a page is out of date."""
    if "--outputs" in sys.argv:
        write_outputs()
        return 0
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
