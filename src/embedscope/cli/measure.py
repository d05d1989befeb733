"""``embedscope measure``: the geometry of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line
from embedscope.core.arrays import Precision, Rows
from embedscope.core.choices import Search

EXAMPLES = (
    "embedscope measure documents.npy --json baseline.json",
    "embedscope measure --pair images.npy texts.npy --json pair.json",
)


def measure(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Files, folders, globs or addresses of vectors (X.npy, X.parquet::column), or models with --texts.",
        ),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="LIST", help="Names; `embedscope list metrics` shows them.")
    ] = None,
    rows: Annotated[
        Rows | None,
        typer.Option("--rows", help="Take all metrics on raw or on L2-normalised rows; each has its own default."),
    ] = None,
    transform: Annotated[
        str | None,
        typer.Option("--transform", metavar="CHAIN", help="Such as center,abtt:1,whiten:128; fitted on the same rows."),
    ] = None,
    precision: Annotated[
        Precision, typer.Option("--precision", help="float64, or float32 blocks with float64 sums.")
    ] = "exact",
    neighbours: Annotated[
        Search,
        typer.Option("--neighbours", help="faiss: hubs from an approximate index over all rows, its recall stated."),
    ] = "exact",
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Memory limit of the process, such as 512MB.")
    ] = None,
    engine: opt.Engine = "local",
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="DIR", help="Keep finished shards, so that the same command resumes."),
    ] = None,
    skip_bad_shards: Annotated[
        bool, typer.Option("--skip-bad-shards", help="Skip files that cannot be read, and list them.")
    ] = False,
    texts: opt.Texts = None,
    images: opt.Images = None,
    unit: opt.UnitOption = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    max_rows: opt.MaxRows = None,
    first_position: opt.FirstPositionOption = "keep",
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    yes: opt.Yes = False,
    no_cache: opt.NoCache = False,
    data: opt.Data = None,
    pair: opt.Pair = None,
    pair_ids: opt.PairIds = None,
    modalities: opt.Modalities = None,
    groups: opt.Groups = None,
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Measure the geometry of SOURCE: isotropy, effective dimension, norms, dominant coordinates, with error bars.

    With --pair A B: two modalities in one space, the gap between them, and retrieval in both directions.
    """
    from embedscope.core.errors import InputError
    from embedscope.execution.current import running_on
    from embedscope.geometry.measure import measure as measured

    out = Output(json, format_, report, quiet, explain)
    shared: dict[str, Any] = {
        "metrics": opt.split(metrics),
        "rows": rows,
        "seed": seed,
        "progress": out.progress(),
        "command": command_line(),
    }
    model: dict[str, Any] = {"yes": True} if yes else {}
    model |= opt.drop_unset(images=images)
    model |= {"texts": texts, "unit": unit, "layers": layers, "pooling": pooling, "max_rows": max_rows}
    if pair is not None:
        if sources:
            raise InputError("give either a SOURCE or --pair A B")
        positions = None if first_position == "keep" else first_position
        why = "does not go with --pair A B, which takes two files"
        opt.refuse(why, **model, transform=transform, first_position=positions)
        opt.refuse("is for one SOURCE", memory=memory, checkpoint=checkpoint, skip_bad_shards=skip_bad_shards)
        if precision != "exact" or neighbours != "exact":
            name = "--precision" if precision != "exact" else "--neighbours"
            raise InputError(f"--pair is always exact; leave out {name}")
        from embedscope.geometry.measure_pair import measure_pair

        a, b = pair
        result = running_on(engine)(measure_pair)(
            a, b, ids=pair_ids, groups=groups, names=opt.sides(modalities) or ("image", "text"), **shared
        )
        out.give(result, records=True)
        return
    opt.refuse("is about the two sides of --pair A B", pair_ids=pair_ids, modalities=modalities)
    if not sources:
        raise InputError("nothing to measure: name a SOURCE, or two files with --pair A B")
    result = measured(
        sources,
        transform=transform,
        precision=precision,
        neighbours=neighbours,
        memory=memory,
        groups=groups,
        engine=engine,
        checkpoint=checkpoint,
        skip_bad_shards=skip_bad_shards,
        first_position=first_position,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        cache=not no_cache,
        data=data,
        **model,
        **shared,
    )
    out.give(result, records=True)
