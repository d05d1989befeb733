"""``embedscope diagnose``: what is wrong with a space, and what to try."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _common as common

PairOption = Annotated[
    tuple[str, str] | None,
    typer.Option("--pair", metavar="IMAGE TEXT", help="Two files of vectors whose rows belong together."),
]
PairIdsOption = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--pair-ids",
        metavar="IMAGE_IDS TEXT_IDS",
        help="What the rows of each side belong to: a text file with one id a line, or X.parquet::column.",
    ),
]
QueriesOption = Annotated[
    str | None,
    typer.Option(
        "--queries", metavar="FILE", help="Queries that are asked of these documents: vectors; texts for a model."
    ),
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write the findings as an HTML page too.")
]


class FailOn(StrEnum):
    """From which severity on the exit code is 1."""

    warning = "warning"
    serious = "serious"
    never = "never"


def diagnose(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE", help="X.npy, X.npz::key, X.parquet::column, a folder, or a model with --texts."
        ),
    ] = None,
    pair: PairOption = None,
    pair_ids: PairIdsOption = None,
    queries: QueriesOption = None,
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", metavar="FILE.toml", help="Thresholds of your own, by rule.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Severity from which on the exit code is 1.")] = (
        FailOn.warning
    ),
    texts: Annotated[
        str | None,
        typer.Option(
            "--texts", metavar="DATASET|FILE", help="For models: texts to read them on, the documents of --queries."
        ),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="For models: token, word or sentence.")] = None,
    max_rows: Annotated[int | None, typer.Option("--max-rows", help="For models: rows to take, 0 for all.")] = None,
    layers: Annotated[str | None, typer.Option("--layers", help="For models: such as 0,4,final,pooled.")] = None,
    pooling: Annotated[str | None, typer.Option("--pooling", help="For models: plain, bos_eos or eos.")] = None,
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    trust_remote_code: common.RemoteCodeOption = False,
    report: ReportOption = None,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Say what is wrong with SOURCE, how severe it is, what it does to the user, and the smallest repair to try.

    Exit code: 0 nothing of --fail-on or worse, 1 such a finding, 2 and above an error, told on standard error.
    """
    from embedscope.diagnosis import SEVERITIES, thresholds_of
    from embedscope.diagnosis import diagnose as diagnosed

    model: dict[str, Any] = {"texts": texts, "unit": unit, "max_rows": max_rows, "layers": layers, "pooling": pooling}
    named = {k: v for k, v in model.items() if v is not None}
    if texts is not None:
        named |= {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "data": data}
    found = diagnosed(
        source,
        pair=pair,
        pair_ids=pair_ids,
        queries=queries,
        thresholds=thresholds_of(thresholds) if thresholds is not None else None,
        seed=seed,
        progress=common.progress(quiet),
        command=common.command_line(),
        **named,
    )
    common.show(found.result, json, report, quiet)
    if fail_on is not FailOn.never and SEVERITIES.index(found.worst) >= SEVERITIES.index(fail_on.value):
        raise typer.Exit(1)
