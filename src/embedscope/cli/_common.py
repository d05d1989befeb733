"""Options that all verbs share, and the progress and output they have in common."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from embedscope.core.progress import Progress
    from embedscope.core.result import Result

JsonOption = Annotated[
    str | None,
    typer.Option("--json", metavar="PATH|-", help="Write the result as JSON; - prints it instead of tables."),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="EMBEDSCOPE_DATA", metavar="DIR", help="Folder with data files, recognised by their checksums."
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of every sample and bootstrap draw.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
DtypeOption = Annotated[
    str, typer.Option("--dtype", help="Of the forward pass: float32, float16 or bfloat16; statistics are float64.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Spend what a server asks for its work (openai:...&price=).")]
RemoteCodeOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that a model repository brings along. Off for a reason.")
]


def console(stderr: bool = False) -> Console:
    """A console on standard output, or on standard error for what is not the result."""
    from embedscope.cli._console import SafeConsole

    return SafeConsole(stderr=stderr, highlight=False)


def progress(quiet: bool) -> Progress:
    """Progress bars with rate and remaining time on standard error; silent where ``quiet``."""
    if quiet:
        from embedscope.core.progress import Silent

        return Silent()
    from embedscope.cli._progress import Bars

    return Bars()


def split(text: str | None) -> list[str] | None:
    """Names separated by commas; None stays None."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else None


def emit_json(result: Result, target: str | None) -> bool:
    """Write ``result`` as JSON where ``target`` says; True if standard output is taken by it."""
    if target is None:
        return False
    if target == "-":
        sys.stdout.write(result.to_json())
        return True
    result.to_json(target)
    return False


def command_line() -> str:
    """The command as typed, for the provenance, without the program's own path."""
    import shlex

    return shlex.join(["embedscope", *sys.argv[1:]])


def deliver(result: Result, folder: Path, json: str | None, quiet: bool) -> None:
    """Write everything a study gives into ``folder``, print its findings and say where the report is."""
    from embedscope.report import print_document, write_figures, write_html

    result.to_json(folder / "result.json")
    result.to_csv(folder / "records.csv")
    result.to_parquet(folder / "records.parquet")
    result.to_latex(folder / "tables.tex")
    write_figures(result, folder / "figures")
    page = write_html(result, folder / "report.html")
    if emit_json(result, json) or quiet:
        return
    out = console()
    print_document(result, out)
    out.print(f"\nreport: {page.resolve()}", soft_wrap=True)
    out.print(f"tables, figures, records: {folder.resolve()}", soft_wrap=True)


def show(result: Result, json: str | None, page: Path | None, quiet: bool) -> None:
    """Write ``result`` as JSON and as a page where asked, and print what it says."""
    from embedscope.report import print_document, write_html

    if page is not None:
        write_html(result, page)
    if emit_json(result, json) or quiet:
        return
    out = console()
    print_document(result, out)
    if page is not None:
        out.print(f"report: {page}", soft_wrap=True)
