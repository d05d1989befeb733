"""``embedscope export``: a saved repair, or a calibration of scores, for another library."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console, progress

EXAMPLES = (
    "embedscope export repair.safetensors --to numpy",
    "embedscope export repair.safetensors --to faiss --kind document -o x.faiss",
)


class Target(StrEnum):
    """What a repair or a calibration is written for."""

    onnx = "onnx"
    faiss = "faiss"
    sentence_transformers = "sentence-transformers"
    numpy = "numpy"
    pgvector = "pgvector"
    sql = "sql"


def export(
    repair: Annotated[
        Path, typer.Argument(metavar="REPAIR", help="File that `embedscope repair`, `migrate` or `calibrate` wrote.")
    ],
    to: Annotated[Target, typer.Option("--to", help="Library.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="File or folder; NumPy code and SQL are printed without it.",
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
    """Write REPAIR for another library: ONNX, a FAISS index, a sentence-transformers model, NumPy code, SQL.

    A calibration of scores is written as NumPy code, or as SQL.
    """
    from embedscope.calibration.scores import is_score_calibration
    from embedscope.core.errors import InputError
    from embedscope.exports import Order, find_export
    from embedscope.exports.export import check_model
    from embedscope.repairs.apply import reindexing
    from embedscope.transforms.repair import Repair

    if is_score_calibration(repair):
        _export_scores(repair, to, out, kind, model, quiet)
        return
    loaded = Repair.load(repair)
    if to == Target.sql:
        raise InputError(f"--to sql is for what `embedscope calibrate` wrote, and {repair} is not; use --to numpy")
    target = find_export(str(to))
    check_model(target, str(to), model)
    if out is None:
        if to != Target.numpy:
            raise InputError(f"say where to write: embedscope export {repair} --to {to} -o OUT")
        from embedscope.exports.numpy import numpy_snippet

        sys.stdout.write(numpy_snippet(loaded, repair, kind))
        return
    shown = progress(quiet)
    shown.start(f"writing {out}", None)
    lines = target.write(Order(loaded, repair, out, kind, model))
    shown.close()
    if quiet:
        return
    screen = console()
    screen.say(f"{out}: {target.title}")
    named = kind or ("document" if "document" in loaded.kinds else next(iter(loaded.kinds)))
    for line in [*lines, *reindexing(loaded, named, coded=target.stores_codes)]:
        screen.say(f"· {line}")


def _export_scores(file: Path, to: Target, out: Path | None, kind: str | None, model: str | None, quiet: bool) -> None:
    """The calibration of scores in ``file`` as NumPy code or SQL, printed where ``out`` is None."""
    from embedscope.calibration.scores import ScoreCalibration
    from embedscope.core.atomic import write_text
    from embedscope.core.errors import InputError
    from embedscope.exports.scores import numpy_scores, sql_scores

    writers = {Target.numpy: numpy_scores, Target.sql: sql_scores}
    if to not in writers:
        raise InputError(f"{file} is a calibration of scores, which is written as numpy or sql; got --to {to}")
    opt.refuse("is for repairs, and this is a calibration of scores", kind=kind, model=model)
    text = writers[to](ScoreCalibration.load(file))
    if out is None:
        sys.stdout.write(text)
        return
    write_text(out, text)
    if not quiet:
        console().say(f"{out}: what a cosine means, as {to}")
