"""``embedscope check``: has a space drifted from a stored run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope check documents.npy --baseline baseline.json",
    "embedscope check documents.npy --baseline baseline.json --format github",
)


def check(
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="What to compare: vectors, or the model of the baseline.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="RESULT.json", help="What `measure` or `diagnose` saved with --json."),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance", metavar="METRIC=VALUE", help="Difference that is not drift; repeat it for more metrics."
        ),
    ] = None,
    texts: opt.Texts = None,
    images: opt.Images = None,
    device: opt.Device = "auto",
    trust_remote_code: opt.TrustRemoteCode = False,
    no_cache: opt.NoCache = False,
    yes: opt.Yes = False,
    data: opt.Data = None,
    pair: opt.Pair = None,
    pair_ids: opt.PairIds = None,
    queries: opt.Queries = None,
    groups: opt.Groups = None,
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
) -> None:
    """Measure SOURCE as the baseline was measured, and fail where a number drifted beyond the error bars of both.

    Metrics, seed and, for a model, layers, pooling and (unless named) texts or images are those of the baseline.
    Exit code: 0 no drift, 1 drift, 2 or more an error.
    """
    from embedscope.core.errors import InputError
    from embedscope.core.result import Result
    from embedscope.diagnosis.drift import check_tolerances, drift
    from embedscope.diagnosis.remeasure import remeasure
    from embedscope.diagnosis.thresholds import tolerances
    from embedscope.diagnosis.where import Where
    from embedscope.execution.current import running_on
    from embedscope.interchange.github import step_summary
    from embedscope.interchange.junit import check_cases

    out = Output(json, format_, report, quiet, explain)
    if baseline is None:
        raise InputError("check needs --baseline RESULT.json, which `embedscope measure SOURCE --json` saves")
    allowed = tolerances(tolerance or ())
    before = Result.from_json(baseline)
    check_tolerances(before, allowed)
    here: dict[str, Any] = {"device": device, "trust_remote_code": trust_remote_code, "cache": not no_cache}
    here |= opt.drop_unset(yes=yes or None)
    now = running_on(engine)(remeasure)(
        before,
        source,
        pair=pair,
        pair_ids=pair_ids,
        queries=queries,
        groups=groups,
        texts=texts,
        images=images,
        progress=out.progress(),
        command=command_line(),
        data=data,
        **here,
    )
    settings = now.provenance["settings"]
    where = Where.of(source, pair, pair_ids, settings, settings.get("pair"))
    compared = drift(before, now, allowed, name=str(baseline), where=where)
    out.give(compared.result, forms={"github": step_summary(compared), "junit": check_cases(compared)})
    if compared.drifted:
        raise typer.Exit(1)
