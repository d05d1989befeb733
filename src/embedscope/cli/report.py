"""``embedscope report``: a saved result as a report."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import check_report, console, progress
from embedscope.core.report_names import refuse_others

if TYPE_CHECKING:
    from embedscope.core.result import Result

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
    model_card: Annotated[
        Path | None,
        typer.Option(
            "--model-card",
            metavar="README.md",
            help="Also put scores into a model card, in place of those put there before.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    eval_results: Annotated[
        Path | None,
        typer.Option(
            "--eval-results",
            metavar="FILE.yaml",
            help="Also write scores as .eval_results of the Hugging Face hub.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    hub_dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--hub-dataset",
            metavar="TASK=OWNER/NAME",
            help="For --eval-results: the data set of a task on the hub.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    mteb: Annotated[
        Path | None,
        typer.Option("--mteb", metavar="DIR", help="Also write scores as mteb has them.", rich_help_panel=opt.OUTPUT),
    ] = None,
    json: opt.Json = None,
    quiet: opt.Quiet = False,
) -> None:
    """Turn a saved result into one self-contained HTML file, and on request into figures and tables."""
    from embedscope.core.result import Result
    from embedscope.reports import write_figures, write_html

    _check_options(out, figures, style, eval_results, hub_dataset)
    shown = progress(quiet)
    loaded = Result.from_json(result)
    said = _elsewhere(loaded, model_card, eval_results, hub_dataset or [], mteb)
    check_report(out or result, figures=figures is not None)
    page = write_html(loaded, out or result.with_suffix(".html"))
    if figures is not None:
        write_figures(loaded, figures, ("png", "svg", "pdf"), str(style), shown)
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
        for line in (*said, f"report: {page}"):
            console().say(line)


def _check_options(
    out: Path | None, figures: Path | None, style: Style, eval_results: Path | None, hub_dataset: list[str] | None
) -> None:
    """Refuse what would be ignored, and a page with the name of a file of another kind."""
    if figures is None:
        opt.refuse("is of figures: add --figures DIR", style=None if style is Style.screen else style)
    if eval_results is None:
        opt.refuse("is for --eval-results FILE.yaml", hub_dataset=hub_dataset)
    if out is not None:
        refuse_others(out, "one HTML page")


def _elsewhere(
    loaded: Result, model_card: Path | None, eval_results: Path | None, hub_dataset: list[str], mteb: Path | None
) -> list[str]:
    """Write the result for other sites and tools; gives lines to print."""
    said = []
    if eval_results is not None:
        from embedscope.core.atomic import write_text
        from embedscope.interchange.hub import eval_results as as_eval_results

        text, left = as_eval_results(loaded, dict(opt.split_pair(pair, "--hub-dataset") for pair in hub_dataset))
        write_text(eval_results, text)
        said = [f"not in {eval_results}, for want of --hub-dataset: {', '.join(left)}"] if left else []
    if model_card is not None:
        from embedscope.interchange.hub import put_model_card

        put_model_card(loaded, model_card)
    if mteb is not None:
        from embedscope.interchange.mteb_results import write_mteb

        write_mteb(loaded, mteb)
    return said
