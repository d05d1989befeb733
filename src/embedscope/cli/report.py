"""``embedscope report``: a saved result as a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _common as common


def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT.json", help="Result that a command saved with --json.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Where to write; beside the result by default.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write PNG and SVG figures too.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the records as CSV too.")] = None,
    latex: Annotated[Path | None, typer.Option("--latex", help="Write the tables as LaTeX too.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="Write the records as Parquet too.")] = None,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Turn a saved result into one self-contained HTML file, and into figures and tables on request."""
    from embedscope.core.result import Result
    from embedscope.reports import write_figures, write_html

    loaded = Result.from_json(result)
    page = write_html(loaded, out or result.with_suffix(".html"))
    if figures is not None:
        write_figures(loaded, figures)
    if csv is not None:
        loaded.to_csv(csv)
    if latex is not None:
        loaded.to_latex(latex)
    if parquet is not None:
        loaded.to_parquet(parquet)
    if not common.emit_json(loaded, json) and not quiet:
        common.console().print(f"report: {page}", soft_wrap=True)
