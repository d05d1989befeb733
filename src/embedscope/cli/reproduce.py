"""``embedscope reproduce``: a published study, end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line
from embedscope.core.choices import Scale

EXAMPLES = (
    "embedscope reproduce wolfe2022",
    "embedscope reproduce tyshchuk2023 --scale full --out study",
)


OutOption = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder for report, tables and figures.", rich_help_panel=opt.OUTPUT),
]
ScaleOption = Annotated[
    Scale, typer.Option("--scale", help="A few minutes, about an hour (objectives2026 alone), or everything.")
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Download nothing; missing data are skipped.")]
ModelsOption = Annotated[
    str | None,
    typer.Option("--models", metavar="LIST", help="Models of the study by default.", rich_help_panel=opt.MODEL),
]


def reproduce(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A name of `embedscope list experiments`.")],
    scale: ScaleOption = "smoke",
    transform: Annotated[
        str | None, typer.Option("--transform", metavar="CHAIN", help="Repeat the study after center, abtt:1, ...")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="TEXT", help="For zero-shot classes, containing {class} (tyshchuk2023)."),
    ] = None,
    offline: OfflineOption = False,
    models: ModelsOption = None,
    published: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="NAME=SOURCE",
            help="SOURCE is the published model NAME, such as gpt2=FOLDER; once per model.",
            rich_help_panel=opt.MODEL,
        ),
    ] = None,
    contexts: opt.Contexts = None,
    check_setup: Annotated[
        bool, typer.Option("--check-setup", help="Say which models and data are missing, and run nothing.")
    ] = False,
    first_position: opt.FirstPositionOption = "keep",
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    no_cache: opt.NoCache = False,
    data: opt.Data = None,
    out: OutOption = Path("out"),
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Carry out a published study and write its report, tables and figures."""
    from embedscope.experiments import EXPERIMENTS
    from embedscope.experiments.experiment import Options
    from embedscope.experiments.published import parse_stated_models
    from embedscope.experiments.setup import is_complete, setup

    output = Output(json, format_, None if check_setup else out, quiet, explain)
    experiment = EXPERIMENTS.get(study)
    stated = parse_stated_models(published or (), experiment.published_models)
    options = Options(
        models=tuple(opt.split(models) or stated or experiment.models_at(scale)),
        published=stated,
        scale=scale,
        data=data,
        download=not offline,
        seed=seed,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        cache=not no_cache,
        transform=transform,
        first_position=first_position,
        prompt=prompt,
        contexts=contexts,
        progress=output.progress(),
        command=command_line(),
    )
    if check_setup:
        checked = setup(experiment, options)
        output.give(checked)
        if not is_complete(checked):
            raise typer.Exit(1)
        return
    output.give(experiment.start(options))
