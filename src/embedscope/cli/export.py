"""``embedscope export``: a saved repair for another library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _common as common


def export(
    repair: Annotated[Path, typer.Argument(metavar="REPAIR", help="File that `embedscope repair` wrote.")],
    to: Annotated[str, typer.Option("--to", help="onnx, faiss, sentence-transformers or numpy.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="File or folder; numpy is printed without it.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Kind of vector, such as query or document, where there are several.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="For sentence-transformers: an alias, st:NAME or the folder of the model."),
    ] = None,
    quiet: common.QuietOption = False,
) -> None:
    """Write REPAIR for another library: an ONNX graph, a FAISS index, a sentence-transformers model, NumPy code."""
    from embedscope.core.errors import InputError
    from embedscope.exports import Order, find_export
    from embedscope.exports._export import check_model
    from embedscope.repairs.apply import reindexing
    from embedscope.transforms.repair import Repair

    found, made = find_export(to), Repair.load(repair)
    check_model(found, to, model)
    if out is None:
        if to != "numpy":
            raise InputError(f"say where to write: embedscope export {repair} --to {to} -o OUT")
        from embedscope.exports.numpy import numpy_snippet

        sys.stdout.write(numpy_snippet(made, repair, kind))
        return
    lines = found.write(Order(made, repair, out, kind, model))
    if quiet:
        return
    screen = common.console()
    screen.print(f"{out}: {found.title}", soft_wrap=True, markup=False)
    named = kind or ("document" if "document" in made.kinds else next(iter(made.kinds)))
    for line in [*lines, *reindexing(made, named)]:
        screen.print(f"· {line}", soft_wrap=True, markup=False)
