"""``embedscope migrate``: change the model of an index without embedding everything again, where that is proven."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line
from embedscope.core.choices import DirectionChoice

EXAMPLES = (
    "embedscope migrate --old old.npy --new new.npy",
    "embedscope migrate --old minilm --new e5 --texts lee_sentences",
)

KEPT = 1
"""Exit code where no bridge is certified and none is written."""


def migrate(
    old: Annotated[
        str,
        typer.Option(
            "--old",
            metavar="OLD",
            help="Vectors of the old model, or that model with --texts.",
            rich_help_panel=opt.MIGRATION,
        ),
    ],
    new: Annotated[
        str,
        typer.Option(
            "--new",
            metavar="NEW",
            help="The same rows by the new model; a sample is enough. Rows match by id, else by position.",
            rich_help_panel=opt.MIGRATION,
        ),
    ],
    old_queries: Annotated[
        str | None,
        typer.Option("--old-queries", metavar="FILE", help="Queries by the old model.", rich_help_panel=opt.MIGRATION),
    ] = None,
    new_queries: Annotated[
        str | None,
        typer.Option(
            "--new-queries", metavar="FILE", help="The same queries by the new model.", rich_help_panel=opt.MIGRATION
        ),
    ] = None,
    retain: Annotated[
        float,
        typer.Option(
            "--retain",
            metavar="SHARE",
            help="Share of what the full re-embedding finds that a bridge must keep, certified.",
            rich_help_panel=opt.MIGRATION,
        ),
    ] = 0.95,
    direction: Annotated[
        DirectionChoice,
        typer.Option(
            "--direction",
            help="Map new queries into the old index, stored documents into the new space, or whichever keeps more.",
            rich_help_panel=opt.MIGRATION,
        ),
    ] = "auto",
    index_rows: Annotated[
        int | None,
        typer.Option(
            "--index-rows",
            metavar="N",
            min=1,
            help="Rows of the whole index, where OLD is a sample of it: the verdict and the costs are about so many.",
            rich_help_panel=opt.MIGRATION,
        ),
    ] = None,
    tokens_per_row: Annotated[
        float | None,
        typer.Option(
            "--tokens-per-row",
            metavar="N",
            min=0,
            help="Tokens of a row, for costs; counted where NEW is a model.",
            rich_help_panel=opt.MIGRATION,
        ),
    ] = None,
    price_per_million_tokens: Annotated[
        float | None,
        typer.Option(
            "--price-per-million-tokens",
            metavar="PRICE",
            min=0,
            help="What the new model costs.",
            rich_help_panel=opt.MIGRATION,
        ),
    ] = None,
    texts: opt.Texts = None,
    images: opt.Images = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    query_prompt: opt.QueryPrompt = None,
    document_prompt: opt.DocumentPrompt = None,
    no_cache: opt.NoCache = False,
    yes: opt.Yes = False,
    data: opt.Data = None,
    queries: opt.Queries = None,
    qrels: opt.Qrels = None,
    allow_missing: opt.AllowMissing = False,
    groups: opt.Groups = None,
    candidates: Annotated[
        str,
        typer.Option(
            "--candidates",
            metavar="LIST",
            help="Maps to try: auto, or a list of none, procrustes, ridge, lowrank, cca, mlp.",
            rich_help_panel=opt.CHANGE,
        ),
    ] = "auto",
    force: opt.Force = False,
    max_eval_rows: opt.MaxEvalRows = 10_000,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE.safetensors", help="Where to write the bridge.", rich_help_panel=opt.OUTPUT
        ),
    ] = Path("bridge.safetensors"),
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Stay, bridge, re-embed, or pilot more pairs: what a change of model takes, certified on held-out rows.

    A bridge maps vectors of one model into the space of the other. It is judged by what the full re-embedding finds,
    and is written as a repair with the kinds old and new, which `apply` and `export` take.
    Exit code: 0 a bridge was written (with --force also one that nothing certifies, and the output says so), 1 none was
    (the output says why), 2 or more an error.
    """
    from embedscope.execution.current import running_on
    from embedscope.migration.migrate import migrate as migrated

    output = Output(json, format_, report, quiet, explain)
    bridge, result = running_on(engine)(migrated)(
        old,
        new,
        texts=texts,
        images=images,
        old_queries=old_queries,
        new_queries=new_queries,
        queries=queries,
        qrels=qrels,
        allow_missing=allow_missing,
        groups=groups,
        retain=retain,
        direction=direction,
        candidates=candidates,
        max_eval_rows=max_eval_rows,
        index_rows=index_rows,
        tokens_per_row=tokens_per_row,
        price_per_million_tokens=price_per_million_tokens,
        force=force,
        seed=seed,
        layers=layers,
        pooling=pooling,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | opt.drop_unset(query_prompt=query_prompt, document_prompt=document_prompt, yes=yes or None),
        data=data,
        cache=not no_cache,
        out=str(out),
        progress=output.progress(),
        command=command_line(),
    )
    if bridge is not None:
        bridge.save(out)
    output.give(result, lines=(f"bridge: {out}",) if bridge is not None else ())
    if bridge is None:
        raise typer.Exit(KEPT)
