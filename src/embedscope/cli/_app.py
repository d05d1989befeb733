"""The application: its verbs, and what every verb has in common when something goes wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from embedscope.cli import (
    analogy,
    apply,
    cache,
    check,
    diagnose,
    evaluate,
    example,
    export,
    measure,
    quickstart,
    repair,
    report,
    reproduce,
)
from embedscope.cli import list as listing
from embedscope.cli._guard import guarded

app = typer.Typer(
    name="embedscope",
    no_args_is_help=True,
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
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


for _verb in (quickstart.quickstart, reproduce.reproduce, measure.measure, evaluate.evaluate):
    app.command()(guarded(_verb))
app.command()(guarded(example.example))
app.command(name="list")(guarded(listing.show))
app.command()(guarded(diagnose.diagnose))
app.command()(guarded(check.check))
app.command()(guarded(repair.repair))
app.command()(guarded(apply.apply))
app.command()(guarded(export.export))
app.command()(guarded(analogy.analogy))
app.command()(guarded(report.report))
app.command()(guarded(cache.cache))
