"""``embedscope diagnose``: what is wrong with a space, and what to try."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope diagnose documents.npy",
    "embedscope diagnose --pair images.npy texts.npy --fail-on serious --rows-out rows.csv",
)


class FailOn(StrEnum):
    """Lowest severity that makes the exit code 1."""

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
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", metavar="FILE.toml", help="Your own thresholds, by rule.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Lowest severity that makes the exit code 1.")] = (
        FailOn.warning
    ),
    texts: opt.Texts = None,
    images: opt.Images = None,
    unit: opt.UnitOption = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    max_rows: opt.MaxRows = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    query_prompt: opt.QueryPrompt = None,
    document_prompt: opt.DocumentPrompt = None,
    no_cache: opt.NoCache = False,
    yes: opt.Yes = False,
    data: opt.Data = None,
    pair: opt.Pair = None,
    pair_ids: opt.PairIds = None,
    modalities: opt.Modalities = None,
    queries: opt.Queries = None,
    groups: opt.Groups = None,
    names: opt.Names = None,
    rows_out: opt.RowsOut = None,
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Say what is wrong with SOURCE, how severe it is, what harm it does, and the smallest repair to try.

    Exit code: 0 no finding of severity --fail-on or worse, 1 such a finding, 2 or more an error.
    """
    from embedscope.diagnosis import SEVERITIES, thresholds_of
    from embedscope.diagnosis import diagnose as diagnosed
    from embedscope.execution.current import running_on

    out = Output(json, format_, report, quiet, explain)
    model: dict[str, Any] = opt.drop_unset(
        texts=texts, images=images, unit=unit, max_rows=max_rows, layers=layers, pooling=pooling, groups=groups
    )
    if texts is not None or images is not None:
        model |= {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "data": data}
        model |= {"cache": not no_cache}
        model |= opt.drop_unset(query_prompt=query_prompt, document_prompt=document_prompt, yes=yes or None)
    if texts is None or queries is None:
        why = "is for a model that reads --texts as documents of --queries"
        opt.refuse(why, query_prompt=query_prompt, document_prompt=document_prompt)
    sides = opt.sides(modalities)
    diagnosis = running_on(engine)(diagnosed)(
        source,
        pair=pair,
        pair_ids=pair_ids,
        queries=queries,
        thresholds=thresholds_of(thresholds) if thresholds is not None else None,
        seed=seed,
        progress=out.progress(),
        command=command_line(),
        row_texts=names,
        **({} if sides is None else {"names": sides}),
        **model,
    )
    written = () if rows_out is None else (f"rows: {diagnosis.write_rows(rows_out):,} in {rows_out}",)
    out.give(diagnosis.result, lines=written)
    if fail_on is not FailOn.never and SEVERITIES.index(diagnosis.worst) >= SEVERITIES.index(fail_on.value):
        raise typer.Exit(1)
