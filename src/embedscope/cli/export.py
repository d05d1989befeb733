"""``embedscope export``: a saved repair for another library."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console

EXAMPLES = (
    "embedscope export repair.safetensors --to numpy",
    "embedscope export repair.safetensors --to faiss --kind document -o x.faiss",
)


class Target(StrEnum):
    """What a repair is written for."""

    onnx = "onnx"
    faiss = "faiss"
    sentence_transformers = "sentence-transformers"
    numpy = "numpy"
    pgvector = "pgvector"


def export(
    repair: Annotated[Path, typer.Argument(metavar="REPAIR", help="File that `embedscope repair` or `migrate` wrote.")],
    to: Annotated[Target, typer.Option("--to", help="Library.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="File or folder; NumPy code is printed without it.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="NAME", help="Role of the vectors (query, document), where there are several."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="For sentence-transformers: an alias, st:NAME or a folder."),
    ] = None,
    quiet: opt.Quiet = False,
) -> None:
    """Write REPAIR for another library: ONNX, a FAISS index, a sentence-transformers model, NumPy code, SQL."""
    from embedscope.core.errors import InputError
    from embedscope.exports import Order, find_export
    from embedscope.exports._export import check_model
    from embedscope.repairs.apply import reindexing
    from embedscope.transforms.repair import Repair

    target, made = find_export(str(to)), Repair.load(repair)
    check_model(target, str(to), model)
    if out is None:
        if to != Target.numpy:
            raise InputError(f"say where to write: embedscope export {repair} --to {to} -o OUT")
        from embedscope.exports.numpy import numpy_snippet

        sys.stdout.write(numpy_snippet(made, repair, kind))
        return
    lines = target.write(Order(made, repair, out, kind, model))
    if quiet:
        return
    screen = console()
    screen.print(f"{out}: {target.title}", soft_wrap=True, markup=False)
    named = kind or ("document" if "document" in made.kinds else next(iter(made.kinds)))
    for line in [*lines, *reindexing(made, named)]:
        screen.print(f"· {line}", soft_wrap=True, markup=False)
