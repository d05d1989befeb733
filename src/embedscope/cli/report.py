"""``embedscope report``: a saved result as a report."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import check_report, console

EXAMPLES = (
    "embedscope report pair.json",
    "embedscope report pair.json --out page.html --latex tables.tex",
)


class Style(StrEnum):
    """How figures look."""

    screen = "screen"
    paper = "paper"


def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT.json", help="Result that a command saved with --json.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.html", help="Default: next to the result.", rich_help_panel=opt.OUTPUT),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures", metavar="DIR", help="Also write the figures: PNG, SVG, PDF.", rich_help_panel=opt.OUTPUT
        ),
    ] = None,
    style: Annotated[
        Style,
        typer.Option(
            "--style",
            help="Of figures: paper is one column wide, without titles.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = Style.screen,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also write the records as CSV.", rich_help_panel=opt.OUTPUT),
    ] = None,
    latex: Annotated[
        Path | None,
        typer.Option("--latex", metavar="FILE", help="Also write the tables as LaTeX.", rich_help_panel=opt.OUTPUT),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Also write it as Markdown.", rich_help_panel=opt.OUTPUT),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="FILE", help="Also write records as Parquet.", rich_help_panel=opt.OUTPUT),
    ] = None,
    json: opt.Json = None,
    quiet: opt.Quiet = False,
) -> None:
    """Turn a saved result into one self-contained HTML file, and on request into figures and tables."""
    from embedscope.core.result import Result
    from embedscope.reports import write_figures, write_html

    loaded = Result.from_json(result)
    check_report(out or result, figures=figures is not None)
    page = write_html(loaded, out or result.with_suffix(".html"))
    if figures is not None:
        write_figures(loaded, figures, ("png", "svg", "pdf"), style=str(style))
    for path, write in ((csv, loaded.to_csv), (latex, loaded.to_latex), (markdown, loaded.to_markdown)):
        if path is not None:
            write(path)
    if parquet is not None:
        loaded.to_parquet(parquet)
    if json == "-":
        sys.stdout.write(loaded.to_json())
        return
    if json is not None:
        loaded.to_json(json)
    if not quiet:
        console().print(f"report: {page}", soft_wrap=True, markup=False)
