"""The application: its verbs, and what every verb has in common when something goes wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from embedscope.cli import (
    analogy,
    apply,
    cache,
    calibrate,
    check,
    compare,
    compress,
    diagnose,
    evaluate,
    example,
    explore,
    export,
    mcp,
    measure,
    migrate,
    quickstart,
    repair,
    report,
    reproduce,
)
from embedscope.cli import list as listing
from embedscope.cli._guard import guard
from embedscope.cli._help import Verb
from embedscope.cli._mistakes import Verbs

app = typer.Typer(
    name="embedscope",
    cls=Verbs,
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Is this embedding space any good, and can I fix it?\n\nStart with [bold]embedscope quickstart[/bold], "
    "or with [bold]embedscope measure vectors.npy[/bold] for vectors of your own.",
)


def _version(shown: bool) -> None:
    if shown:
        from importlib.metadata import version

        typer.echo(f"embedscope {version('embedscope')}")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


_START, _LOOK, _CHANGE, _MORE = "Start", "Measure and diagnose", "Repair and calibrate", "More"

_MADE_BY = {"--baseline": "measure", "report pair.json": "measure", " repair.safetensors": "repair"}
"""Parts of examples that name a file which the examples of another verb write, with that verb."""


def _heading(verb: str, examples: tuple[str, ...]) -> str:
    """What stands over the examples of a verb: where the files come from that they read."""
    lines = " ".join(examples)
    makers = [other for part, other in _MADE_BY.items() if part in lines and other != verb]
    if makers:
        return f"Examples, after those of `embedscope {makers[0]} --help`:"
    return "Examples, on the files of `embedscope example .`:" if ".npy" in lines else "Examples:"


for _module, _verb, _panel in (
    (quickstart, quickstart.quickstart, _START),
    (example, example.example, _START),
    (listing, listing.show, _START),
    (measure, measure.measure, _LOOK),
    (evaluate, evaluate.evaluate, _LOOK),
    (diagnose, diagnose.diagnose, _LOOK),
    (check, check.check, _LOOK),
    (compare, compare.compare, _LOOK),
    (explore, explore.explore, _LOOK),
    (repair, repair.repair, _CHANGE),
    (migrate, migrate.migrate, _CHANGE),
    (compress, compress.compress, _CHANGE),
    (apply, apply.apply, _CHANGE),
    (calibrate, calibrate.calibrate, _CHANGE),
    (export, export.export, _CHANGE),
    (analogy, analogy.analogy, _MORE),
    (reproduce, reproduce.reproduce, _MORE),
    (report, report.report, _MORE),
    (mcp, mcp.mcp, _MORE),
    (cache, cache.cache, _MORE),
):
    app.command(
        name=_module.__name__.rpartition(".")[2],
        cls=Verb,
        rich_help_panel=_panel,
        epilog="\n\n".join([_heading(_module.__name__.rpartition(".")[2], _module.EXAMPLES), *_module.EXAMPLES]),
    )(guard(_verb))
