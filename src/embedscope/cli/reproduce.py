"""``embedscope reproduce``: a published study, end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from embedscope.cli import _common as common

OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for report, tables and figures.")]
ScaleOption = Annotated[str, typer.Option("--scale", help="smoke (minutes) or full (everything).")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Download nothing; what is missing is left out.")]
FirstPosition = Literal["keep", "drop", "bos"]
ModelsOption = Annotated[str | None, typer.Option("--models", help="Models separated by commas.")]


def reproduce(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Such as wolfe2022.")],
    models: ModelsOption = None,
    out: OutOption = Path("out"),
    scale: ScaleOption = "smoke",
    transform: Annotated[
        str | None, typer.Option("--transform", help="Repeat the study after center, abtt:1, ...")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="Of zero-shot classes, with {class} in it (tyshchuk2023).")
    ] = None,
    first_position: Annotated[
        FirstPosition, typer.Option("--first-position", help="Keep or drop tokens there, or put bos in front.")
    ] = "keep",
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    trust_remote_code: common.RemoteCodeOption = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do not keep extracted vectors.")] = False,
    offline: OfflineOption = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Carry out a published study and write its report, tables and figures."""
    from embedscope.experiments import EXPERIMENTS
    from embedscope.experiments._experiment import Options

    experiment = EXPERIMENTS.get(study)
    options = Options(
        models=tuple(common.split(models) or experiment.models),
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
        progress=common.progress(quiet),
        command=common.command_line(),
    )
    common.deliver(experiment.run(options), out, json, quiet)
