"""``embedscope measure``: the geometry of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedscope.cli import _common as common

if TYPE_CHECKING:
    from embedscope.core.result import Result


def measure(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Files, folders, globs or addresses of vectors (X.npy, X.parquet::column), or models with --texts.",
        ),
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--pair", metavar="IMAGE TEXT", help="Two files or folders of vectors whose rows belong together."
        ),
    ] = None,
    pair_ids: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--pair-ids",
            metavar="IMAGE_IDS TEXT_IDS",
            help="What the rows of each side belong to: a text file with one id a line, or X.parquet::column.",
        ),
    ] = None,
    texts: Annotated[
        str | None,
        typer.Option(
            "--texts", metavar="DATASET|FILE", help="For models: texts to read them on; a file has one a line."
        ),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="token (in context), word or sentence; by the texts where left out.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", help="Tokens to measure, chosen by hash; 0 takes all. Default 10,000.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="Ids separated by commas (`embedscope list metrics`).")
    ] = None,
    layers: Annotated[
        str | None, typer.Option("--layers", help="For models: all, or a list such as 0,4,final,pooled.")
    ] = None,
    pooling: Annotated[str | None, typer.Option("--pooling", help="For models: plain, bos_eos or eos.")] = None,
    first_position: Annotated[
        str, typer.Option("--first-position", help="Tokens at the first position: keep, drop, or bos in front of them.")
    ] = "keep",
    rows: Annotated[
        str | None, typer.Option("--rows", help="raw or unit (length 1); by the metric where left out.")
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", help="exact (float64), or fast: float32 blocks, float64 sums.")
    ] = "exact",
    neighbours: Annotated[
        str, typer.Option("--neighbours", help="exact, or faiss: hubs from an index over all rows, its recall stated.")
    ] = "exact",
    transform: Annotated[
        str | None, typer.Option("--transform", help="Such as center,abtt:1,whiten:128; fitted on the same rows.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="The process may hold this much, such as 512MB.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="local, local:WORKERS, dask, dask:WORKERS or dask:tcp://ADDRESS.")
    ] = "local",
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="DIR", help="Keep finished shards; the same command resumes.")
    ] = None,
    skip_bad_shards: Annotated[
        bool, typer.Option("--skip-bad-shards", help="Go on without files that cannot be read, and say which.")
    ] = False,
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    trust_remote_code: common.RemoteCodeOption = False,
    yes: common.YesOption = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do not keep vectors of words and sentences.")] = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Measure the geometry of SOURCE: isotropy, effective dimension, norms, dominant coordinates, with error bars.

    With --pair: two modalities in one space, the gap between them and retrieval both ways.
    """
    from embedscope.core.errors import InputError
    from embedscope.geometry.measure import measure as measured
    from embedscope.geometry.measure_pair import measure_pair

    if pair is not None:
        given = {"SOURCE": sources, "--texts": texts, "--unit": unit, "--layers": layers, "--transform": transform}
        if clash := [name for name, value in given.items() if value]:
            raise InputError(f"{clash[0]} does not go with --pair IMAGE TEXT, which takes two files; leave it out")
        if precision != "exact":
            raise InputError("--pair is exact; leave out --precision")
        if neighbours != "exact":
            raise InputError("--neighbours is for one space; leave it out with --pair")
        result = measure_pair(
            *pair,
            ids=pair_ids,
            metrics=common.split(metrics),
            rows=rows,  # type: ignore[arg-type]
            seed=seed,
            progress=common.progress(quiet),
            command=common.command_line(),
        )
        _give(result, json, quiet)
        return
    if pair_ids is not None:
        raise InputError("--pair-ids says which rows of --pair belong together; add --pair IMAGE TEXT")
    if not sources:
        raise InputError("nothing to measure: name a SOURCE, or two files with --pair IMAGE TEXT")
    result = measured(
        sources,
        metrics=common.split(metrics),
        rows=rows,  # type: ignore[arg-type]
        transform=transform,
        precision=precision,  # type: ignore[arg-type]
        neighbours=neighbours,  # type: ignore[arg-type]
        seed=seed,
        memory=memory,
        engine=engine,
        checkpoint=checkpoint,
        skip_bad_shards=skip_bad_shards,
        texts=texts,
        unit=unit,
        max_rows=max_rows,
        layers=layers,
        pooling=pooling,
        first_position=first_position,
        data=data,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        **_consent(yes),
        cache=not no_cache,
        progress=common.progress(quiet),
        command=common.command_line(),
    )
    _give(result, json, quiet)


def _give(result: Result, json: str | None, quiet: bool) -> None:
    if not common.emit_json(result, json) and not quiet:
        from embedscope.report import print_records

        print_records(result.records, common.console())


def _consent(yes: bool) -> dict[str, Any]:
    """``yes`` where it was said: files and arrays have no such option."""
    return {"yes": True} if yes else {}
