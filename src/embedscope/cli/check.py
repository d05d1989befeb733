"""``embedscope check``: has a space drifted from a stored run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _common as common
from embedscope.cli.diagnose import PairIdsOption, PairOption, QueriesOption, ReportOption


def check(
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="What to compare: vectors, or a model of the same kind.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="RESULT.json", help="What `measure` or `diagnose` saved with --json."),
    ] = None,
    pair: PairOption = None,
    pair_ids: PairIdsOption = None,
    queries: QueriesOption = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance", metavar="METRIC=VALUE", help="Difference that is no drift; give it again for more."
        ),
    ] = None,
    device: common.DeviceOption = "auto",
    trust_remote_code: common.RemoteCodeOption = False,
    report: ReportOption = None,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
) -> None:
    """Measure SOURCE as the baseline was measured, and fail where a number drifted beyond the error bars of both.

    Exit code: 0 no drift, 1 drift, 2 and above an error, told on standard error.
    """
    from embedscope.core.errors import InputError
    from embedscope.core.result import Result
    from embedscope.diagnosis._remeasure import measured_again
    from embedscope.diagnosis.drift import drift
    from embedscope.diagnosis.thresholds import tolerances

    if baseline is None:
        raise InputError("check needs --baseline RESULT.json, which `embedscope measure SOURCE --json` saves")
    allowed = tolerances(tolerance or ())
    before = Result.from_json(baseline)
    now = measured_again(
        before,
        source,
        pair=pair,
        pair_ids=pair_ids,
        queries=queries,
        progress=common.progress(quiet),
        command=common.command_line(),
        data=data,
        device=device,
        trust_remote_code=trust_remote_code,
    )
    found = drift(before, now, allowed, name=str(baseline))
    common.show(found.result, json, report, quiet)
    if found.drifted:
        raise typer.Exit(1)
