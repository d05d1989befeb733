"""``embedscope compress``: how few bytes a row may have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope compress documents.npy --tolerance 0.05",
    "embedscope compress documents.npy --queries queries.npy --qrels qrels.tsv --tolerance 0.1",
)

KEPT = 1
"""Exit code where float32 is kept and nothing is written."""


def compress(
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="A file of vectors; with --corpus a model."),
    ] = None,
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
    corpus: opt.Corpus = None,
    qrels: opt.Qrels = None,
    query_ids: opt.QueryIds = None,
    corpus_ids: opt.CorpusIds = None,
    allow_missing: opt.AllowMissing = False,
    groups: opt.Groups = None,
    candidates: Annotated[
        str,
        typer.Option(
            "--candidates",
            metavar="LIST",
            help="auto, or forms such as int8,first:128+int8,pca:64+binary+rescore,pq:48,rabitq.",
            rich_help_panel=opt.CHANGE,
        ),
    ] = "auto",
    tolerance: opt.Tolerance = 0.01,
    pca_on: Annotated[
        str,
        typer.Option(
            "--pca-on",
            metavar="documents|queries|FILE",
            help="Whose principal components pca:K keeps; a file holds vectors of prompts.",
            rich_help_panel=opt.CHANGE,
        ),
    ] = "documents",
    max_eval_rows: Annotated[
        int,
        typer.Option(
            "--max-eval-rows",
            metavar="N",
            min=32,
            help="Queries that certify at most; ten times as many rows are searched.",
            rich_help_panel=opt.CHANGE,
        ),
    ] = 2_000,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE.safetensors", help="Where to write the result.", rich_help_panel=opt.OUTPUT
        ),
    ] = Path("compressed.safetensors"),
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Cut and quantise an index in many ways, and write the smallest that is certified to lose at most --tolerance.

    Judged on --queries and --qrels (nDCG@10), or on the ten nearest rows of the full index.
    Exit code: 0 a file was written, 1 float32 is kept (the output says why), 2 or more an error.
    """
    from embedscope.compression.compress import compress as compressed
    from embedscope.execution.current import running_on

    output = Output(json, format_, report, quiet, explain)
    compressed_form, result = running_on(engine)(compressed)(
        source,
        queries=queries,
        corpus=tuple(corpus or ()),
        qrels=qrels,
        query_ids=query_ids,
        corpus_ids=tuple(corpus_ids or ()),
        allow_missing=allow_missing,
        groups=groups,
        layers=layers,
        pooling=pooling,
        candidates=candidates,
        tolerance=tolerance,
        pca_on=pca_on,
        max_eval_rows=max_eval_rows,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | opt.drop_unset(query_prompt=query_prompt, document_prompt=document_prompt, yes=yes or None),
        data=data,
        cache=not no_cache,
        out=str(out),
        progress=output.progress(),
        command=command_line(),
    )
    written = not compressed_form.is_identity
    if written:
        compressed_form.save(out)
    output.give(result, lines=(f"compressed: {out}",) if written else ())
    if not written:
        raise typer.Exit(KEPT)
