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
    from embedscope.api.listing import list_kind

    rows = list_kind(kind.value, data)
    if not _emit(kind.value, rows, json) and not quiet:
        _print(kind.value, rows)


SHOWN = {
    "models": ("name", "present", "licence", "what"),
    "datasets": ("name", "present", "licence", "rows"),
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


_READABLE = 28
"""Columns of the screen that the sentences of a table need at least."""


def _print(kind: str, rows: Rows) -> None:
    """A table; on a screen too narrow for its last column, a paragraph for each name."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    columns = SHOWN.get(kind) or tuple(rows[0])
    texts = [[_text(row[column]) for column in columns] for row in rows]
    screen = console()
    others = sum(3 + max([len(column), *(len(row[i]) for row in texts)]) for i, column in enumerate(columns[:-1]))
    if screen.width - others < min(_READABLE, max(len(row[-1]) for row in texts)):
        _print_paragraphs(columns, texts)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in texts:
        table.add_row(*row)
    screen.print(table)


def _print_paragraphs(columns: tuple[str, ...], texts: list[list[str]]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    screen = console()
    for name, *others, last in texts:
        facts = "; ".join(f"{column} {text}" for column, text in zip(columns[1:-1], others, strict=True) if text)
        screen.print(Text.assemble((name, "bold"), (f"  {facts}" if facts else "", "dim")))
        screen.print(Padding(Text(last), (0, 0, 0, 4)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
