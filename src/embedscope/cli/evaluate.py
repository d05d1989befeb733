"""``embedscope evaluate``: what a source is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _common as common


def evaluate(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Models, or files of vectors with --names.")
    ],
    tasks: Annotated[str, typer.Option("--tasks", help="Ids separated by commas (`embedscope list tasks`).")],
    settings: Annotated[
        str | None, typer.Option("--settings", help="plain, bos_eos, eos, pooled, static:N; all that fit by default.")
    ] = None,
    layers: Annotated[str, typer.Option("--layers", help="all, or a list such as 0,4,final,pooled.")] = "all",
    transform: Annotated[str | None, typer.Option("--transform", help="Such as center,abtt:1,whiten:128.")] = None,
    names: Annotated[
        Path | None, typer.Option("--names", help="For files of vectors: a text file, one name a row.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option("--items", metavar="FILE.csv", help="Write the value of every scored item.")
    ] = None,
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    trust_remote_code: common.RemoteCodeOption = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do not keep extracted vectors.")] = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Score SOURCE on tasks: word similarity, valence, sentence and document similarity, with intervals."""
    from embedscope.pipeline.evaluation import evaluate as evaluated

    result = evaluated(
        sources,
        tasks=common.split(tasks) or [],
        settings=common.split(settings),
        layers=layers,
        transform=transform,
        names=names,
        items=items,
        data=data,
        seed=seed,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        cache=not no_cache,
        progress=common.progress(quiet),
        command=common.command_line(),
    )
    if not common.emit_json(result, json) and not quiet:
        from embedscope.report import print_records

        print_records(result.records, common.console())
