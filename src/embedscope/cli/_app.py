"""The application: its verbs, and what every verb has in common when something goes wrong."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Annotated, Any

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
from embedscope.core.errors import EmbedscopeError

_STOPPED = "\nembedscope: stopped; finished work is kept, and the same command resumes it"

app = typer.Typer(
    name="embedscope",
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Is this embedding space any good, and can I fix it?\n\nStart with [bold]embedscope quickstart[/bold], "
    "or with [bold]embedscope measure vectors.npy[/bold] for vectors of your own.",
)


def _guarded(verb: Callable[..., None]) -> Callable[..., None]:
    """``verb`` with errors made for users printed as one sentence and turned into its exit code."""

    @functools.wraps(verb)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            verb(*args, **kwargs)
        except EmbedscopeError as error:
            typer.echo(f"embedscope: {error}", err=True)
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            if error.filename is None:
                raise
            typer.echo(f"embedscope: cannot use {error.filename}: {error.strerror}; choose another path", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            typer.echo(_STOPPED, err=True)
            raise typer.Exit(130) from None

    return run


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


_START, _LOOK, _CHANGE, _MORE = "Start", "Measure and diagnose", "Repair", "More"

for _module, _verb, _panel in (
    (quickstart, quickstart.quickstart, _START),
    (example, example.example, _START),
    (listing, listing.show, _START),
    (measure, measure.measure, _LOOK),
    (evaluate, evaluate.evaluate, _LOOK),
    (diagnose, diagnose.diagnose, _LOOK),
    (check, check.check, _LOOK),
    (repair, repair.repair, _CHANGE),
    (apply, apply.apply, _CHANGE),
    (export, export.export, _CHANGE),
    (analogy, analogy.analogy, _MORE),
    (reproduce, reproduce.reproduce, _MORE),
    (report, report.report, _MORE),
    (cache, cache.cache, _MORE),
):
    app.command(
        name=_module.__name__.rpartition(".")[2],
        rich_help_panel=_panel,
        epilog="\n\n".join(["Examples:", *_module.EXAMPLES]),
    )(_guarded(_verb))
