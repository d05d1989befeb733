"""``embedscope list``: everything that has a name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console

EXAMPLES = ("embedscope list metrics", "embedscope list models --json -")

Rows = list[dict[str, Any]]


class Kind(StrEnum):
    """What can be listed."""

    models = "models"
    datasets = "datasets"
    tasks = "tasks"
    metrics = "metrics"
    experiments = "experiments"
    transforms = "transforms"
    alignments = "alignments"
    scorers = "scorers"
    exports = "exports"


def show(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(Kind)}.")],
    data: opt.Data = None,
    json: opt.Json = None,
    quiet: opt.Quiet = False,
) -> None:
    """List what there is: models, data sets, tasks, metrics, studies, transforms, and formats for export."""
    from embedscope.api.listing import listed

    rows = listed(kind.value, data)
    if not _emit(kind.value, rows, json) and not quiet:
        _print(kind.value, rows)


SHOWN = {
    "models": ("name", "present", "licence", "what"),
    "datasets": ("name", "rows", "licence", "present"),
    "tasks": ("name", "dataset", "measure"),
    "metrics": ("name", "default", "rows", "what"),
    "experiments": ("name", "claims", "question"),
    "exports": ("name", "present", "what"),
}


def _emit(kind: str, rows: Rows, target: str | None) -> bool:
    """Write the list as JSON where ``target`` says; True if standard output is taken by it."""
    if target is None:
        return False
    import json
    import sys

    text = json.dumps({kind: rows}, indent=1, ensure_ascii=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return True
    from embedscope.core.atomic import write_text

    write_text(target, text)
    return False


def _print(kind: str, rows: Rows) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    columns = SHOWN.get(kind) or tuple(rows[0])
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    console().print(table)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
